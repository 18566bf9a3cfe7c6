/** The lines of a chart by name: pointing at one brings it out, a click hides it from all charts. */

import type { Signal } from "@preact/signals";
import { hiddenRuns, setHidden } from "../state/looks";
import { LineName } from "./LineName";
import type { ShownLine } from "./model";
import { Swatch } from "./Swatch";

interface Props {
  /** Those that are hidden, too. */
  lines: readonly ShownLine[];
  severalMetrics: boolean;
  highlighted: Signal<string | null>;
}

export function Legend({ lines, severalMetrics, highlighted }: Props) {
  const hidden = hiddenRuns.value;
  return (
    <div class="chart-legend" role="group" aria-label="Legend" tabIndex={0} onMouseLeave={() => (highlighted.value = null)}>
      {lines.map((line) => {
        const isHidden = line.run !== null && hidden.has(line.run);
        const content = (
          <>
            <Swatch style={line.style} />
            <LineName line={line} withMetric={severalMetrics} />
          </>
        );
        return line.run === null ? (
          <span key={line.id} class="legend-item" onMouseEnter={() => (highlighted.value = line.id)}>
            {content}
          </span>
        ) : (
          <button
            key={line.id}
            type="button"
            class={`legend-item${isHidden ? " off" : ""}`}
            aria-pressed={!isHidden}
            title={isHidden ? "Show in charts" : "Hide from charts"}
            onMouseEnter={() => (highlighted.value = line.run)}
            onFocus={() => (highlighted.value = line.run)}
            onClick={() => setHidden([line.run!], !isHidden)}
          >
            {content}
          </button>
        );
      })}
    </div>
  );
}
