/** What the lines of a chart say where the pointer is: beside it while it moves, to be sorted and searched once pinned. */

import type { Signal } from "@preact/signals";
import { lazy } from "../components/lazy";
import type { AxisKind } from "./ticks";
import type { ShownLine } from "./model";
import type { Probe } from "./plot";
import { Rows, rank, whereOf, type RowsProps } from "./TooltipRows";

const MAX_WIDTH = 320;
/** Between the line and the values, and between these and the edge of what is in sight. */
const GAP = 12;
const EDGE = 4;
const PINNED_WIDTH = 380;
const PINNED_HEIGHT = 360;
const ROWS = 12;
const ROW_PX = 18;

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
  const left = (box?.querySelector<HTMLElement>(".chart-over")?.offsetLeft ?? 0) + shown.left;
  const isPinned = pinned.value !== null;
  const rowPx = lines.some((line) => line.group) ? 2 * ROW_PX : ROW_PX; // a group's range may go below its value
  const position = isPinned ? pinnedAt(box, left) : besidePointer(box, left, Math.min(shown.values.length, ROWS) * rowPx + 3 * ROW_PX);
  return isPinned ? (
    <PinnedTooltip shown={shown} position={position} onClose={() => (pinned.value = null)} lines={lines} kind={kind} smoothed={smoothed} severalMetrics={severalMetrics} />
  ) : (
    <div class="chart-tooltip" style={position}>
      <FollowingRows shown={shown} lines={lines} kind={kind} smoothed={smoothed} severalMetrics={severalMetrics} />
    </div>
  );
}

/** The part of the window that charts are seen in. */
const sightOf = (box: HTMLElement | null): DOMRect => box?.closest(".chart-scroll, .chart-large")?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth, innerHeight);

/**
 * Return where values stand beside the line that the pointer is on: within the chart where that is in sight as a whole, else
 * on the side with more room, over other charts. Not wider than there is room: long names give way, see NameText. mostHeight:
 * how high they may be, in px: where that is too much below, they end where what is in sight ends.
 */
function besidePointer(box: HTMLElement | null, left: number, mostHeight: number): Record<string, string> {
  const at = box?.getBoundingClientRect() ?? new DOMRect();
  const sight = sightOf(box);
  const before = at.left + left - sight.left - GAP - EDGE;
  const behind = sight.right - at.left - left - GAP - EDGE;
  const usual = left > at.width / 2;
  const flip = (usual ? before : behind) >= MAX_WIDTH ? usual : before > behind;
  const maxWidth = `${Math.min(MAX_WIDTH, flip ? before : behind)}px`;
  const fits = at.top + EDGE + mostHeight <= sight.bottom;
  const down: Record<string, string> = fits ? {} : { top: "auto", bottom: `${at.bottom - sight.bottom + EDGE}px` };
  return flip ? { right: `${at.width - left + GAP}px`, maxWidth, ...down } : { left: `${left + GAP}px`, maxWidth, ...down };
}

/** Return where pinned values stand: beside the line as well, over other charts where there is no room, and in sight. */
function pinnedAt(box: HTMLElement | null, left: number): Record<string, string> {
  const at = box?.getBoundingClientRect() ?? new DOMRect();
  const sight = sightOf(box);
  const within = (place: number, size: number, from: number, to: number) => Math.max(from + EDGE, Math.min(place, to - size - EDGE));
  const width = Math.min(PINNED_WIDTH, sight.width - 2 * EDGE);
  const x = within(at.left + left + (left > at.width / 2 ? -GAP - width : GAP), width, sight.left, sight.right);
  const y = within(at.top + EDGE, PINNED_HEIGHT, sight.top, sight.bottom);
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
