/** A run's colour and dash as a short piece of its line. */

import type { LineStyle } from "../pure/colours";

const DASHES = ["", "5 3", "2 2.5", "6 2 2 2"];

export function Swatch({ style }: { style: LineStyle }) {
  return (
    <svg class="swatch" width="16" height="8" viewBox="0 0 16 8" aria-hidden="true">
      <path d="M0 4h16" stroke={`var(--run-${style.colour})`} stroke-width="2.5" stroke-dasharray={DASHES[style.dash]} />
    </svg>
  );
}
