/** What the lines of a chart say where the pointer is: beside it while it moves, to be sorted and searched once pinned. */

import type { Signal } from "@preact/signals";
import { lazy } from "../components/lazy";
import { formatClock, formatCount, formatDistinct, formatDuration, formatExact, formatMetric, formatTime } from "../pure/format";
import type { AxisKind } from "./ticks";
import { LineName } from "./LineName";
import type { ShownLine } from "./model";
import type { Probe, Told } from "./plot";
import { Swatch } from "./Swatch";

const MIN_WIDTH = 180;
const MAX_WIDTH = 320;
const PINNED_WIDTH = 380;
const PINNED_HEIGHT = 360;
const ROWS = 12;

export function describeX(x: number, kind: AxisKind): string {
  if (kind === "step") return `step ${formatCount(x)}`;
  if (kind === "relative") return formatDuration(x);
  return kind === "time" ? formatTime(x * 1000) : formatMetric(x);
}

export const describeXShort = (x: number, kind: AxisKind): string =>
  kind === "step" ? formatCount(x) : kind === "relative" ? formatDuration(x) : kind === "time" ? formatClock(x * 1000) : formatMetric(x);

interface Props {
  probe: Signal<Probe | null>;
  /** Where it was pinned; null while it follows the pointer. */
  pinned: Signal<Probe | null>;
  lines: readonly ShownLine[];
  kind: AxisKind;
  smoothed: boolean;
  severalMetrics: boolean;
  frame: () => HTMLElement | null;
}

const PinnedTooltip = lazy(() => import("./PinnedTooltip"), (part) => part.PinnedTooltip, null);

export const rank = (value: number) => (Number.isNaN(value) ? -Infinity : value);

export function Tooltip({ probe, pinned, lines, kind, smoothed, severalMetrics, frame }: Props) {
  const shown = pinned.value ?? (probe.value?.own ? probe.value : null);
  if (!shown?.values.length) return null;
  const box = frame();
  const width = box?.clientWidth ?? 0;
  const left = (box?.querySelector<HTMLElement>(".chart-over")?.offsetLeft ?? 0) + shown.left;
  const flip = left > width / 2;
  const isPinned = pinned.value !== null;
  // Beside the line, and not wider than there is room: long names give way, see NameText.
  const maxWidth = `${Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, (flip ? left : width - left) - 16))}px`;
  const position: Record<string, string> = isPinned
    ? pinnedAt(box, left, flip)
    : flip
      ? { right: `${width - left + 12}px`, maxWidth }
      : { left: `${left + 12}px`, maxWidth };
  return isPinned ? (
    <PinnedTooltip shown={shown} position={position} onClose={() => (pinned.value = null)} lines={lines} kind={kind} smoothed={smoothed} severalMetrics={severalMetrics} />
  ) : (
    <div class="chart-tooltip" style={position}>
      <FollowingRows shown={shown} lines={lines} kind={kind} smoothed={smoothed} severalMetrics={severalMetrics} />
    </div>
  );
}

/** Where pinned values stand: beside the line as well, over other charts where there is no room, and in sight. */
function pinnedAt(box: HTMLElement | null, left: number, flip: boolean): Record<string, string> {
  const at = box?.getBoundingClientRect() ?? new DOMRect();
  const room = box?.closest(".chart-scroll, .chart-large")?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth, innerHeight);
  const within = (place: number, size: number, from: number, to: number) => Math.max(from + 4, Math.min(place, to - size - 4));
  const width = Math.min(PINNED_WIDTH, room.width - 8);
  const x = within(at.left + left + (flip ? -12 - width : 12), width, room.left, room.right);
  const y = within(at.top + 4, PINNED_HEIGHT, room.top, room.bottom);
  return { left: `${x - at.left}px`, top: `${y - at.top}px`, width: `${width}px`, maxWidth: "none" };
}

export interface RowsProps {
  shown: Probe;
  lines: readonly ShownLine[];
  kind: AxisKind;
  smoothed: boolean;
  severalMetrics: boolean;
}

export const whereOf = (shown: Probe, kind: AxisKind): string => describeX(shown.values.find((one) => one.id === shown.nearestId)?.x ?? shown.x, kind);

function FollowingRows({ shown, lines, kind, smoothed, severalMetrics }: RowsProps) {
  const sorted = [...shown.values].sort((a, b) => rank(b.value) - rank(a.value));
  // The nearest line is always among those told.
  const told = sorted.slice(0, ROWS);
  const nearestOne = sorted.find((one) => one.id === shown.nearestId);
  if (nearestOne && !told.includes(nearestOne)) told[told.length - 1] = nearestOne;
  return (
    <>
      <div class="chart-tooltip-x num">{whereOf(shown, kind)}</div>
      <Rows told={told} nearestId={shown.nearestId} lines={lines} smoothed={smoothed} severalMetrics={severalMetrics} />
      {sorted.length > told.length && <div class="muted">{sorted.length - told.length} more; click to see all</div>}
    </>
  );
}

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
