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

export const Note = ({ icon = "warning", children, actions }: { icon?: IconName; children: ComponentChildren; actions?: ComponentChildren }) => (
  <div class="note">
    <Icon name={icon} size={14} />
    <p>
      {children} {actions && <span class="note-actions">{actions}</span>}
    </p>
  </div>
);
