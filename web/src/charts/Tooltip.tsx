/** What the lines of a chart say where the pointer is: beside it while it moves, to be sorted and searched once pinned. */

import type { Signal } from "@preact/signals";
import { lazy } from "../components/lazy";
import type { AxisKind } from "./ticks";
import type { ShownLine } from "./model";
import type { Probe } from "./plot";
import { Rows, rank, whereOf, type RowsProps } from "./TooltipRows";

const MIN_WIDTH = 180;
const MAX_WIDTH = 320;
const PINNED_WIDTH = 380;
const PINNED_HEIGHT = 360;
const ROWS = 12;

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
