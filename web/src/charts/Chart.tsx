/** A chart of one metric for some runs: head, canvas, tooltip, and the five states it can be in. */

import { useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { XAxis } from "../api/types";
import { Bone, Delayed, ErrorState } from "../components/basics";
import { Icon } from "../components/icons";
import { After, Before, NameText } from "../components/RunName";
import type { LineStyle } from "../pure/colours";
import { formatClock, formatCount, formatDistinct, formatDuration, formatExact, formatMetric, formatTime } from "../pure/format";
import type { Apart } from "../pure/names";
import { curve, getWindow, holdCurve, refreshCurves, type Curve } from "../state/series";
import { theme } from "../state/theme";
import { Plot, type Line, type Probe } from "./plot";
import { isSorted, splice, type Range } from "./scale";

export interface ChartRun {
  id: string;
  name: string;
  /** What tells it from the others that bear its name. */
  apart?: Apart | undefined;
  createdAt: number;
  style: LineStyle;
}

export interface ChartView {
  axis: XAxis;
  log: boolean;
  smoothing: number;
  zoom: Range | null;
}

interface Props {
  metric: string;
  runs: readonly ChartRun[];
  view: ChartView;
  onZoom: (window: Range | null) => void;
  /** The run that is pointed at, here or in the table. */
  highlighted: Signal<string | null>;
  onExpand?: () => void;
  height?: number;
  /** The name without its group, where the group is told by a heading. */
  title?: string;
}

const TOOLTIP_MIN = 180;
const TOOLTIP_MAX = 320;
const REFINE_AFTER_MS = 180;
const TOOLTIP_ROWS = 12;

export function Chart({ metric, runs, view, onZoom, highlighted, onExpand, height = 190, title }: Props) {
  const root = useRef<HTMLElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [seen, setSeen] = useState(false);
  const [visible, setVisible] = useState(false);
  const [probe, setProbe] = useState<Probe | null>(null);
  const [parts, setParts] = useState<{ key: string; byRun: Map<string, { x: number[]; y: number[] }> } | null>(null);
  const zoomed = useRef(onZoom);
  zoomed.current = onZoom;

  const runsKey = runs.map((run) => run.id).join(" ");
  const entries = useMemo(() => runs.map((run) => curve(run.id, metric, view.axis, run.createdAt)), [runsKey, metric, view.axis]);
  const states = entries.map((entry) => entry.state.value);
  const curves = states.map((state) => state.curve).filter((one): one is Curve => one !== null);
  const error = states.find((state) => state.error)?.error ?? null;

  useEffect(() => {
    const box = root.current;
    if (!box) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        const inside = entry?.isIntersecting ?? false;
        setVisible(inside);
        if (inside) setSeen(true);
      },
      { rootMargin: "300px" },
    );
    observer.observe(box);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!seen) return;
    const drops = entries.map(holdCurve);
    return () => drops.forEach((drop) => drop());
  }, [seen, entries]);

  // A thinned curve is asked for anew at the window that is zoomed into; the coarse one stays until it is there.
  const thinned = curves.filter((one) => one.thinned).map((one) => one.run);
  const partsKey = view.zoom && thinned.length ? `${view.axis} ${view.zoom.join("~")} ${thinned.join(" ")}` : "";
  useEffect(() => {
    if (!partsKey || !visible || parts?.key === partsKey) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      getWindow(thinned, metric, view.axis, view.zoom!, abort.signal).then(
        (byRun) => setParts({ key: partsKey, byRun }),
        () => {}, // the coarse curve stays; the next zoom asks again
      );
    }, REFINE_AFTER_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [partsKey, visible, metric]);

  const total = curves.reduce((sum, one) => sum + one.count, 0);
  const lastStep = curves.reduce<number | null>((last, one) => (one.lastStep === null ? last : Math.max(last ?? one.lastStep, one.lastStep)), null);
  const empty = curves.length === entries.length && curves.every((one) => one.x.length === 0);
  const hasPlot = visible && curves.length > 0 && !empty;

  const lines: Line[] = [];
  if (hasPlot)
    for (let i = 0; i < entries.length; i += 1) {
      const one = states[i]!.curve;
      if (!one || !one.x.length) continue;
      const part = parts && parts.key === partsKey ? parts.byRun.get(one.run) : undefined;
      const data = part && isSorted(one.x) ? splice(one, part) : one;
      lines.push({ id: one.run, colour: runs[i]!.style.colour, dash: runs[i]!.style.dash, x: data.x, y: data.y });
    }

  useLayoutEffect(() => {
    const box = frame.current;
    if (!hasPlot || !box) return;
    const made = new Plot(box, box.clientWidth, height, view, (window) => zoomed.current(window), setProbe);
    plot.current = made;
    made.setLines(lines);
    const observer = new ResizeObserver(() => made.resize(box.clientWidth, height));
    observer.observe(box);
    return () => {
      observer.disconnect();
      plot.current = null;
      made.destroy();
    };
  }, [hasPlot, height]);

  const drawn = useRef<unknown[]>([]);
  useLayoutEffect(() => {
    const next: unknown[] = [plot.current, parts, runsKey, runs.map((run) => `${run.style.colour}.${run.style.dash}`).join(), ...states.map((state) => state.curve)];
    const same = next.length === drawn.current.length && next.every((one, index) => one === drawn.current[index]);
    plot.current?.setOptions(view);
    if (!same) plot.current?.setLines(lines);
    drawn.current = next;
  });

  useSignalEffect(() => {
    void theme.value;
    queueMicrotask(() => plot.current?.recolour());
  });
  useSignalEffect(() => plot.current?.emphasise(highlighted.value));

  const pointed = probe?.own && runs.length > 1 ? probe.nearestId : null;
  useEffect(() => {
    if (probe?.own && runs.length > 1) highlighted.value = pointed;
  }, [pointed]);
  const leave = () => {
    setProbe(null);
    if (runs.length > 1) highlighted.value = null;
  };

  const single = runs.length === 1 ? curves[0] : undefined;
  const shown = single ? (probe?.values[0]?.value ?? lastFinite(single)) : undefined;

  return (
    <figure
      ref={root}
      class="chart"
      data-metric={metric}
      data-points={total}
      data-last-step={lastStep ?? ""}
      aria-label={`${metric}, ${formatCount(total)} points${single && shown !== undefined ? `, last value ${formatMetric(shown)}` : ""}`}
      onMouseLeave={leave}
    >
      <figcaption class="chart-head">
        <span class="chart-title" title={metric}>
          {title ?? metric}
        </span>
        {shown !== undefined && <span class="chart-value num" title={formatExact(shown)}>{formatMetric(shown)}</span>}
        {onExpand && (
          <button type="button" class="icon-button chart-expand" aria-label={`Enlarge ${metric}`} title="Enlarge" onClick={onExpand}>
            <Icon name="expand" size={14} />
          </button>
        )}
      </figcaption>
      <div class="chart-body" style={{ height: `${height}px` }}>
        <div ref={frame} class="chart-frame" />
        {!hasPlot && !empty && !error && seen && (
          <Delayed>
            <ChartBones />
          </Delayed>
        )}
        {empty && !error && <p class="chart-note">No points of this metric yet</p>}
        {hasPlot && view.log && lines.every((line) => !hasPositive(line.y)) && <p class="chart-note">No positive values to show on a log scale</p>}
        {error && curves.length === 0 && <ErrorState error={error} compact onRetry={() => refreshCurves(undefined, true)} />}
        {probe?.own && hasPlot && <Tooltip probe={probe} runs={runs} view={view} width={frame.current?.clientWidth ?? 0} plotLeft={plotLeft(frame.current)} />}
      </div>
    </figure>
  );
}

const hasPositive = (y: ArrayLike<number>): boolean => {
  for (let i = 0; i < y.length; i += 1) if (y[i]! > 0) return true;
  return false;
};

const plotLeft = (frame: HTMLElement | null): number => frame?.querySelector<HTMLElement>(".u-over")?.offsetLeft ?? 0;

function lastFinite(one: Curve): number | undefined {
  return one.y.length ? one.y[one.y.length - 1] : undefined;
}

function ChartBones() {
  return (
    <div class="chart-bones" aria-hidden="true">
      {[0, 1, 2, 3].map((row) => (
        <Bone key={row} width="100%" height={1} />
      ))}
    </div>
  );
}

export function describeX(x: number, axis: XAxis): string {
  if (axis === "step") return `step ${formatCount(x)}`;
  if (axis === "relative") return formatDuration(x);
  return formatTime(x * 1000);
}

export const describeXShort = (x: number, axis: XAxis): string =>
  axis === "step" ? formatCount(x) : axis === "relative" ? formatDuration(x) : formatClock(x * 1000);

interface TooltipProps {
  probe: Probe;
  runs: readonly ChartRun[];
  view: ChartView;
  width: number;
  plotLeft: number;
}

function Tooltip({ probe, runs, view, width, plotLeft }: TooltipProps) {
  if (!probe.values.length) return null;
  const byId = new Map(runs.map((run) => [run.id, run]));
  const rank = (value: number) => (Number.isNaN(value) ? -Infinity : value);
  const sorted = [...probe.values].sort((a, b) => rank(b.value) - rank(a.value));
  // The nearest line is always among those told.
  const told = sorted.slice(0, TOOLTIP_ROWS);
  const nearestOne = sorted.find((one) => one.id === probe.nearestId);
  if (nearestOne && !told.includes(nearestOne)) told[told.length - 1] = nearestOne;
  const texts = formatDistinct(told.map((one) => one.value));
  const smoothed = formatDistinct(told.map((one) => one.smoothed));
  const left = plotLeft + probe.left;
  const flip = left > width / 2;
  const at = probe.values.find((one) => one.id === probe.nearestId)?.x ?? probe.x;
  // Beside the line, and not wider than there is room: long names give way, see NameText.
  const maxWidth = `${Math.min(TOOLTIP_MAX, Math.max(TOOLTIP_MIN, (flip ? left : width - left) - 16))}px`;
  const position = flip ? { right: `${width - left + 12}px`, maxWidth } : { left: `${left + 12}px`, maxWidth };
  return (
    <>
      {probe.values.map((one) =>
        Number.isFinite(one.top) && Number.isFinite(one.value) ? (
          <span key={one.id} class="chart-dot" style={{ left: `${plotLeft + one.left}px`, top: `${one.top + 8}px`, background: `var(--run-${byId.get(one.id)?.style.colour ?? 0})` }} />
        ) : null,
      )}
      <div class="chart-tooltip" style={position}>
        <div class="chart-tooltip-x num">{describeX(at, view.axis)}</div>
        {told.map((one) => {
          const run = byId.get(one.id);
          return (
            <div key={one.id} class={`chart-tooltip-row${one.id === probe.nearestId && runs.length > 1 ? " nearest" : ""}`}>
              {runs.length > 1 && <Swatch style={run?.style ?? { colour: 0, dash: 0 }} />}
              {runs.length > 1 && (
                <span class="chart-tooltip-name">
                  <Before apart={run?.apart} />
                  <NameText name={run?.name ?? one.id} apart={run?.apart} />
                  <After apart={run?.apart} />
                </span>
              )}
              <span class="num">{texts.get(one.value)}</span>
              {view.smoothing > 0 && <span class="num muted">{smoothed.get(one.smoothed)}</span>}
            </div>
          );
        })}
        {sorted.length > told.length && <div class="muted">{sorted.length - told.length} more</div>}
      </div>
    </>
  );
}

/** A run's colour and dash as a short piece of its line. */
export function Swatch({ style }: { style: LineStyle }) {
  return (
    <svg class="swatch" width="16" height="8" viewBox="0 0 16 8" aria-hidden="true">
      <path d="M0 4h16" stroke={`var(--run-${style.colour})`} stroke-width="2.5" stroke-dasharray={["", "5 3", "2 2.5", "6 2 2 2"][style.dash]} />
    </svg>
  );
}
