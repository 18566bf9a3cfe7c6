/** The square in front of a run: whether it is in the charts, and in which colour. */

import type { LineStyle } from "../../pure/colours";
import { Icon } from "../icons";

interface Props {
  name: string;
  style: LineStyle | null;
  hidden: boolean;
  onToggle: (range: boolean) => void;
}

export function ColourBox({ name, style, hidden, onToggle }: Props) {
  const colour = style ? `var(--run-${style.colour})` : "transparent";
  return (
    <button
      type="button"
      role="checkbox"
      class={`colour-box${style?.dash ? " dashed" : ""}${hidden ? " is-hidden" : ""}`}
      aria-checked={style !== null}
      aria-label={`Show ${name} in charts`}
      title={hidden ? "Hidden from charts" : style ? "Shown in charts (x)" : "Show in charts (x)"}
      tabIndex={-1}
      onClick={(event) => {
        event.stopPropagation();
        onToggle(event.shiftKey);
      }}
    >
      <span style={{ background: hidden ? "transparent" : colour, borderColor: style ? colour : undefined }}>{hidden && <Icon name="close" size={10} />}</span>
    </button>
  );
}
