/** One chart: head, canvas or bars, tooltip, legend, and the states it can be in. */

import { useComputed, useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { part } from "../api/parts";
import { Bone, Delayed, ErrorState } from "../components/basics";
import { Icon } from "../components/icons";
import { lazy } from "../components/lazy";
import { formatCount, formatExact, formatMetric, plural } from "../pure/format";
import { savedAs, setChart, settingOf, type SavedAs } from "../state/chartSettings";
import { dropWindow, holdLines, isThinned, lineOf, linesOf, refreshLines, wantWindow, type Entry } from "../state/lines/lines";
import { hiddenRuns } from "../state/looks";
import { inTurn, noNews, whenThereIsTime } from "../state/frame";
import { theme } from "../state/theme";
import type { Bar } from "./Bars";
import { ChartMenu } from "./ChartMenu";
import { contextOf, linesShown, type ChartGroup, type ChartRun, type ShownLine } from "./model";
import { Plot, type PlotOptions, type Probe } from "./plot";
import type { SceneLine } from "./scene";
import type { Range } from "./scale";
import type { AxisKind } from "./ticks";
import { Tooltip } from "./Tooltip";
import { setSwitch, type ChartView } from "./view";
import { toastError } from "../state/toasts";

export interface ChartProps {
  metric: string;
  /** What is written above it, where its section already says the rest. */
  title?: string;
  runs: readonly ChartRun[];
  /** Runs that become one line each; null where each run is a line. */
  groups: readonly ChartGroup[] | null;
  view: ChartView;
  /** The metric that it is drawn over; null for the view's axis. */
  along: string | null;
  /** All metrics of these runs, and the charts of the same section. */
  all: readonly string[];
  siblings: readonly string[];
  onZoom: (window: Range | null) => void;
  /** The run that is pointed at, here or in the table. */
  highlighted: Signal<string | null>;
  onExpand?: () => void;
  height: number;
  large?: boolean;
  legend?: boolean;
  /** What is put at the chart's beginning to move it by. */
  handle?: preact.ComponentChildren;
}

const Bars = lazy(() => import("./Bars"), (one) => one.Bars, null);
const Legend = lazy(() => import("./Legend"), (one) => one.Legend, null);
const exporting = part(() => import("./exporting"));

/** Charts that are so near to the visible part are loaded. */
const NEAR = "300px";

export function Chart(props: ChartProps) {
  const { metric, title = metric, runs, groups, view, along, all, siblings, onZoom, highlighted, onExpand, height, large = false, legend = false } = props;
  const root = useRef<HTMLElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [seen, setSeen] = useState(false);
  const [visible, setVisible] = useState(false);
  const [turn, setTurn] = useState(false);
  const [width, setWidth] = useState(0);
  const [version, touch] = useReducer((count: number) => count + 1, 0);
  const draw = useRef(() => {
    noNews(draw);
    touch(undefined as never);
  }).current;
  const probe = useSignal<Probe | null>(null);
  const pinned = useSignal<Probe | null>(null);
  const [ownZoom, setOwnZoom] = useState<Range | null>(null);

  const setting = settingOf(metric);
  const metrics = useMemo(() => [metric, ...(setting.more ?? []).filter((name) => name !== metric && all.includes(name))], [metric, setting.more, all]);
  const hidden = hiddenRuns.value;
  const everything = useMemo(() => linesShown(metrics, runs, groups), [metrics, runs, groups]);
  const lines = useMemo(() => everything.filter((line) => line.run === null || !hidden.has(line.run)), [everything, hidden]);
  const context = contextOf(view, along);
  // A group may lose runs and gain others.
  const linesKey = lines.map(({ id, spec }) => `${id}.${spec.running}.${spec.group?.join(",") ?? ""}`).join(" ");
  const contextKey = [context.axis, context.along, context.band, context.overwritten].join(" ");
  const entries = useMemo(() => linesOf(lines.map((line) => line.spec), context), [linesKey, contextKey]);
  const several = metrics.length > 1;
  const kind: AxisKind = along !== null ? "number" : view.axis;
  // Charts over another metric have a zoom of their own: its numbers mean nothing to the others.
  const zoom = along !== null ? ownZoom : view.zoom;
  const zoomTo = along !== null ? setOwnZoom : onZoom;
  const options: PlotOptions = { x: kind, log: view.log, logX: view.logX, smoothing: view.smoothing, zoom, yRange: setting.y ?? null, cut: view.cut, wheel: large };

  useEffect(() => {
    const box = root.current;
    if (!box) return;
    const sight = new IntersectionObserver(
      ([entry]) => {
        const inside = entry?.isIntersecting ?? false;
        setVisible(inside);
        if (inside) setSeen(true);
      },
      { rootMargin: NEAR },
    );
    sight.observe(box);
    const size = new ResizeObserver(() => setWidth(box.clientWidth));
    size.observe(box);
    return () => {
      sight.disconnect();
      size.disconnect();
    };
  }, []);

  useEffect(() => {
    if (visible) return inTurn(() => setTurn(true));
    setTurn(false);
    return undefined;
  }, [visible]);

  const points = pointsFor(width);
  useEffect(() => {
    if (!seen || !points) return undefined;
    // While the rest is still being computed, it needs the processor more than what has come of it.
    return holdLines(entries, points, (live) => (live || entries.some((entry) => entry.loading) ? whenThereIsTime(draw) : draw()));
  }, [seen, entries, points > 0]);
  useEffect(() => {
    if (!visible || !points) return;
    const me = {};
    wantWindow(me, entries, zoom, points);
    return () => dropWindow(me);
  }, [visible, entries, zoom?.[0], zoom?.[1], points, entries.filter(isThinned).length]);

  const total = entries.reduce((sum, entry) => sum + entry.count, 0);
  const overwritten = entries.reduce((sum, entry) => sum + entry.hidden, 0);
  // A run's line that was there before stays; a group is drawn without those that cannot be read.
  const unread = entries.reduce((sum, entry) => sum + (entry.run !== null && lineOf(entry)?.x.length ? 0 : entry.unread), 0);
  const lastStep = entries.reduce<number | null>((last, { lastStep: own }) => (own === null ? last : Math.max(last ?? own, own)), null);
  const known = entries.filter((entry) => lineOf(entry) !== null);
  const empty = entries.length > 0 && known.length === entries.length && known.every((entry) => !lineOf(entry)!.x.length);
  const error = entries.find((entry) => entry.error)?.error ?? null;
  const bars = barsOf(lines, entries, several);
  const hasPlot = visible && turn && width > 0 && known.length > 0 && !empty && !bars;
  const complete = known.length === entries.length && entries.every((entry) => !entry.loading);

  const scene = (): SceneLine[] =>
    lines.flatMap((line, at) => {
      const entry = entries[at];
      const data = entry && lineOf(entry);
      if (!data?.x.length) return [];
      const { part } = entry!;
      const fits = part && zoom && part.from === zoom[0] && part.to === zoom[1];
      return [{ id: line.id, colour: line.style.colour, dash: line.style.dash, group: line.group, line: data, part: fits ? part.line : null }];
    });

  const shownLines = useSignal(lines); // as a signal: what is pointed at may come to be drawn later
  useLayoutEffect(() => void (shownLines.value = lines), [lines]);
  const emphasised = useComputed(() => {
    if (several) return probe.value?.own ? probe.value.nearestId : null;
    const pointed = highlighted.value;
    return pointed === null ? null : (shownLines.value.find((line) => line.id === pointed || line.spec.group?.includes(pointed))?.id ?? null);
  });
  const latest = useRef({ zoomTo });
  latest.current = { zoomTo };
  useLayoutEffect(() => {
    const box = frame.current;
    if (!hasPlot || !box) return;
    const made = new Plot(box, box.clientWidth, height, options, {
      zoom: (window) => latest.current.zoomTo(window),
      yRange: (range) => setChart(metric, { y: range ?? undefined }),
      probe: (next) => (probe.value = next),
      click: () => (pinned.value = pinned.peek() ? null : probe.peek()),
    });
    plot.current = made;
    made.emphasise(emphasised.peek());
    return () => {
      plot.current = null;
      probe.value = null;
      made.destroy();
    };
  }, [hasPlot, metric]);

  const stylesKey = lines.map((line) => `${line.id}${line.style.colour}.${line.style.dash}`).join();
  const partsKey = zoom ? zoom.join() : "";
  useLayoutEffect(() => plot.current?.setOptions(options));
  useLayoutEffect(() => plot.current?.setLines(scene()), [hasPlot, metric, version, entries, stylesKey, partsKey]);
  useLayoutEffect(() => plot.current?.resize(frame.current!.clientWidth, height), [hasPlot, width, height]);

  useSignalEffect(() => {
    void theme.value;
    queueMicrotask(() => plot.current?.recolour());
  });
  useSignalEffect(() => {
    const id = emphasised.value; // read also while there is no plot: what is not read is not followed
    plot.current?.emphasise(id);
  });
  useSignalEffect(() => {
    const now = probe.value;
    if (now?.own && lines.length > 1 && !several) highlighted.value = now.nearestId;
  });
  const leave = () => {
    probe.value = null;
    if (lines.length > 1) highlighted.value = null;
  };

  const single = lines.length === 1 ? entries[0] : undefined;
  const download = async (what: SavedAs) => {
    if (!plot.current) return;
    savedAs.value = what;
    const figure = { title: metrics.join(", "), plot: plot.current, lines, smoothed: view.smoothing.amount > 0, severalMetrics: several };
    try {
      const { save, toCsv, toPng, toSvg } = await exporting();
      save(what === "png" ? await toPng(figure) : what === "svg" ? toSvg(figure) : toCsv(figure), figure.title, what);
    } catch (reason) {
      toastError(reason);
    }
  };

  return (
    <figure
      ref={root}
      class={`chart${large ? " large" : ""}`}
      data-metric={metric}
      data-points={total}
      data-lines={known.length}
      data-complete={complete}
      data-last-step={lastStep ?? ""}
      aria-label={`${metrics.join(", ")}, ${formatCount(total)} points`}
      onMouseLeave={leave}
    >
      <figcaption class="chart-head">
        {props.handle}
        <span class="chart-title" title={metrics.join(", ")}>
          {title}
          {several && <span class="muted"> + {metrics.slice(1).join(", ")}</span>}
          {along !== null && <span class="muted"> over {along}</span>}
        </span>
        {single && <HeadValue probe={probe} entry={single} version={version} />}
        {overwritten > 0 && !view.overwritten && (
          <button type="button" class="chip quiet num" title="A resumed run logged these steps once more. Show them as they were first, too" onClick={() => setSwitch("all", true)}>
            {formatCount(overwritten)} overwritten
          </button>
        )}
        {unread > 0 && (
          <span class="chart-unread num" title={`${plural(unread, "run")} of this chart cannot be read right now, and ${unread === 1 ? "is" : "are"} left out until then`}>
            <Icon name="warning" size={12} />
            {plural(unread, "run")} unread
          </span>
        )}
        {setting.y && (
          <button type="button" class="chip num" title="Let y fit again" onClick={() => setChart(metric, { y: undefined })}>
            y {formatMetric(setting.y[0])} – {formatMetric(setting.y[1])}
            <Icon name="close" size={12} />
          </button>
        )}
        {ownZoom && along !== null && (
          <button type="button" class="chip" title="Show everything again" onClick={() => setOwnZoom(null)}>
            zoomed
            <Icon name="close" size={12} />
          </button>
        )}
        {hasPlot && (large ? SAVED_AS : [savedAs.value]).map((what) => (
          <button key={what} type="button" class={large ? "button quiet chart-save" : "icon-button chart-tool"} aria-label={`Save ${title} as ${what.toUpperCase()}`} title={`Save as ${what.toUpperCase()}`} onClick={() => void download(what)}>
            <Icon name="download" size={14} />
            {large && what.toUpperCase()}
          </button>
        ))}
        {onExpand && (
          <button type="button" class="icon-button chart-tool" aria-label={`Enlarge ${metric}`} title="Enlarge" onClick={onExpand}>
            <Icon name="expand" size={14} />
          </button>
        )}
        <ChartMenu
          metric={metric}
          title={title}
          all={all}
          siblings={siblings}
          along={along}
          yRange={() => plot.current?.shown.layout.y ?? [0, 1]}
          onExpand={onExpand}
          onSave={(what) => void download(what)}
        />
      </figcaption>
      <div
        class="chart-body"
        style={{ height: `${height}px` }}
        tabIndex={hasPlot ? 0 : -1}
        role="group"
        aria-label={`${metric}: plus and minus zoom, the arrow keys move along x, 0 shows everything`}
        onKeyDown={(event) => {
          const act = KEYS[event.key];
          if (!act || !plot.current || event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
          event.preventDefault();
          event.stopPropagation();
          act(plot.current, zoomTo);
        }}
      >
        <div ref={frame} class="chart-frame" />
        {bars && <Bars bars={bars} metric={metric} severalMetrics={several} emphasised={highlighted.value} onPoint={(run) => (highlighted.value = run)} />}
        {!hasPlot && !bars && !empty && !error && seen && entries.length > 0 && (
          <Delayed>
            <ChartBones />
          </Delayed>
        )}
        {empty && !error && <p class="chart-note">No points of this metric yet</p>}
        {!entries.length && <p class="chart-note">All runs are hidden</p>}
        {hasPlot && view.log && known.every((entry) => !hasPositive(lineOf(entry)!.y)) && <p class="chart-note">No positive values to show on a log scale</p>}
        {error && known.length === 0 && <ErrorState error={error} compact onRetry={() => refreshLines(undefined, true)} />}
        {hasPlot && <Tooltip probe={probe} pinned={pinned} lines={lines} kind={kind} smoothed={view.smoothing.amount > 0} severalMetrics={several} frame={() => frame.current} />}
      </div>
      {legend && everything.length > 1 && <Legend lines={everything} severalMetrics={several} highlighted={highlighted} />}
    </figure>
  );
}

const SAVED_AS: readonly SavedAs[] = ["png", "svg", "csv"];

const KEYS: Record<string, (plot: Plot, zoom: (window: Range | null) => void) => void> = {
  "+": (plot) => plot.zoomBy(0.7),
  "=": (plot) => plot.zoomBy(0.7),
  "-": (plot) => plot.zoomBy(1 / 0.7),
  ArrowLeft: (plot) => plot.panBy(-0.2),
  ArrowRight: (plot) => plot.panBy(0.2),
  "0": (_plot, zoom) => zoom(null),
};

/** How many points are asked for: one for each pixel, in steps, so that a few pixels more ask for nothing. */
const pointsFor = (width: number): number => Math.ceil(width / 100) * 100;

/** Return a bar for each line where all of them are single values; null otherwise. */
function barsOf(lines: readonly ShownLine[], entries: readonly Entry[], several: boolean): Bar[] | null {
  if (several || !entries.length || !entries.every((entry) => lineOf(entry) !== null)) return null;
  const isSingle = (entry: Entry) => lineOf(entry)!.x.length <= 1 && entry.count <= Math.max(1, entry.group?.length ?? 1);
  if (!entries.some((entry) => lineOf(entry)!.x.length === 1) || entries.some((entry) => entry.running || !isSingle(entry))) return null;
  return lines.flatMap((line, at) => {
    const { y, low, high } = lineOf(entries[at]!)!;
    return y.length ? [{ line, value: y[0]!, low: low?.[0] ?? null, high: high?.[0] ?? null }] : [];
  });
}

/** The value where the crosshair is, else the last one. */
function HeadValue({ probe, entry }: { probe: Signal<Probe | null>; entry: Entry; version: number }) {
  const value = probe.value?.values[0]?.value ?? lineOf(entry)?.y.at(-1);
  if (value === undefined) return null;
  return (
    <span class="chart-value num" title={formatExact(value)}>
      {formatMetric(value)}
    </span>
  );
}

const hasPositive = (y: ArrayLike<number>): boolean => {
  for (let i = 0; i < y.length; i += 1) if (y[i]! > 0) return true;
  return false;
};

function ChartBones() {
  return (
    <div class="chart-bones" aria-hidden="true">
      {[0, 1, 2, 3].map((row) => (
        <Bone key={row} width="100%" height={1} />
      ))}
    </div>
  );
}
