/** What a tooltip says of each line, and of where that is. */

import { formatClock, formatCount, formatDistinct, formatDuration, formatExact, formatMetric, formatTime } from "../pure/format";
import { LineName } from "./LineName";
import type { ShownLine } from "./model";
import type { Probe, Told } from "./plot";
import { Swatch } from "./Swatch";
import type { AxisKind } from "./ticks";

export function describeX(x: number, kind: AxisKind): string {
  if (kind === "step") return `step ${formatCount(x)}`;
  if (kind === "relative") return formatDuration(x);
  return kind === "time" ? formatTime(x * 1000) : formatMetric(x);
}

export const describeXShort = (x: number, kind: AxisKind): string =>
  kind === "step" ? formatCount(x) : kind === "relative" ? formatDuration(x) : kind === "time" ? formatClock(x * 1000) : formatMetric(x);

export const rank = (value: number) => (Number.isNaN(value) ? -Infinity : value);

export interface RowsProps {
  shown: Probe;
  lines: readonly ShownLine[];
  kind: AxisKind;
  smoothed: boolean;
  severalMetrics: boolean;
}

export const whereOf = (shown: Probe, kind: AxisKind): string => describeX(shown.values.find((one) => one.id === shown.nearestId)?.x ?? shown.x, kind);

interface RowProps {
  told: readonly Told[];
  nearestId: string | null;
  lines: readonly ShownLine[];
  smoothed: boolean;
  severalMetrics: boolean;
  /** Whether each value comes with what it stands for. */
  ranges?: boolean;
}

export function Rows({ told, nearestId, lines, smoothed, severalMetrics, ranges = false }: RowProps) {
  const byId = new Map(lines.map((line) => [line.id, line]));
  const several = lines.length > 1;
  const texts = formatDistinct(told.map((one) => one.value));
  const smooth = formatDistinct(told.map((one) => one.shown));
  return (
    <>
      {told.map((one) => {
        const line = byId.get(one.id);
        const isNearest = one.id === nearestId;
        const spread = one.low !== null && one.high !== null && Number.isFinite(one.low) && one.low !== one.high;
        return (
          <div key={one.id} class={`chart-tooltip-row${isNearest && several ? " nearest" : ""}`}>
            {several && line && <Swatch style={line.style} />}
            {several && line && <LineName line={line} withMetric={severalMetrics} />}
            <span class="num" title={formatExact(one.value)}>
              {texts.get(one.value)}
            </span>
            {smoothed && <span class="num muted">{smooth.get(one.shown)}</span>}
            {spread && (ranges || isNearest) && (
              <span class="num muted chart-spread">
                {formatMetric(one.low!)} – {formatMetric(one.high!)}
              </span>
            )}
          </div>
        );
      })}
    </>
  );
}
