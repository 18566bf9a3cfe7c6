/** A metric of single values: a bar for each run, the longest names readable, all of them to be scrolled to. */

import { formatDistinct, formatExact } from "../pure/format";
import { LineName } from "./LineName";
import type { ShownLine } from "./model";
import { Swatch } from "./Swatch";

export interface Bar {
  line: ShownLine;
  value: number;
  /** From where to where the runs of a group spread. */
  low: number | null;
  high: number | null;
}

interface Props {
  bars: readonly Bar[];
  metric: string;
  severalMetrics: boolean;
  emphasised: string | null;
  onPoint: (run: string | null) => void;
}

export function Bars({ bars, metric, severalMetrics, emphasised, onPoint }: Props) {
  const finite = bars.flatMap((bar) => [bar.value, bar.low ?? bar.value, bar.high ?? bar.value]).filter(Number.isFinite);
  // From zero on, to either side, so that lengths can be compared.
  const low = Math.min(0, ...finite);
  const high = Math.max(0, ...finite);
  const across = (value: number) => ((value - low) / (high - low || 1)) * 100;
  const texts = formatDistinct(bars.map((bar) => bar.value));
  return (
    <div class="chart-bars" role="list" tabIndex={0} aria-label={`${metric}, single values`} onMouseLeave={() => onPoint(null)}>
      {bars.map(({ line, value, low: least, high: greatest }) => {
        const [from, to] = [across(0), Number.isFinite(value) ? across(value) : across(0)].sort((a, b) => a - b) as [number, number];
        return (
          <div key={line.id} class={`chart-bar${emphasised !== null && emphasised !== line.run ? " faded" : ""}`} role="listitem" onMouseEnter={() => onPoint(line.run)}>
            <Swatch style={line.style} />
            <LineName line={line} withMetric={severalMetrics} />
            <span class="chart-bar-track" aria-hidden="true">
              <span style={{ left: `${from}%`, width: `${to - from}%`, background: `var(--run-${line.style.colour})` }} />
              {least !== null && greatest !== null && Number.isFinite(least) && (
                <span class="chart-whisker" style={{ left: `${across(least)}%`, width: `${across(greatest) - across(least)}%` }} />
              )}
            </span>
            <span class="num" title={least !== null && greatest !== null ? `${formatExact(value)} (${formatExact(least)} – ${formatExact(greatest)})` : formatExact(value)}>
              {texts.get(value)}
            </span>
          </div>
        );
      })}
    </div>
  );
}
