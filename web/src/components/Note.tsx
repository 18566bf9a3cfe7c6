/** A quiet line above what it is about, which comes and goes by itself: what is not as one would expect, and what to do. */

import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icons";
import "./Note.css";

/** Where notes appear. It is there before they are, so that their coming is read out. */
export const Notes = ({ children }: { children: ComponentChildren }) => (
  <div class="notes" role="status">
    {children}
  </div>
);

interface NoteProps {
  icon?: IconName;
  /** More on it, for whoever points at it. */
  title?: string;
  children: ComponentChildren;
  actions?: ComponentChildren;
}

export const Note = ({ icon = "warning", title, children, actions }: NoteProps) => (
  <div class="note" title={title}>
    <Icon name={icon} size={14} />
    <p>
      {children} {actions && <span class="note-actions">{actions}</span>}
    </p>
  </div>
);
