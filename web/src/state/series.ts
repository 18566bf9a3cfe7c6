/**
 * Curves: a base that the viewer downsampled, and a tail of raw points that came live since. The number of points told
 * for a series is always the true one: those of the base before downsampling, and those of the tail.
 */

import { effect, signal, type Signal } from "@preact/signals";
import { getSeries } from "../api/client";
import { asApiError, isAbort, runNotFound, runUnreadable, type ApiError } from "../api/error";
import type { LivePoints, Series, XAxis } from "../api/types";
import { fromWire } from "../pure/format";
import { append, firstNew, noPoints, type Points } from "../pure/tail";
import { link, lost, stream } from "./link";

export const POINTS = 2000;
/** A base that does not come must not let what waits for it grow for ever. */
const MAX_WAITING = 20_000;
/** After this many raw points the curve is asked for anew, so that it stays quick to draw. */
const MAX_TAIL = 1500;
const RETRY_MS = 5000;
const COVER_LIMIT_MS = 1500;
const METRICS_PER_REQUEST = 16;
const RUNS_PER_REQUEST = 20;

export interface Curve {
  run: string;
  metric: string;
  axis: XAxis;
  x: number[];
  y: number[];
  /** The true number of points, base and tail. */
  count: number;
  /** Whether the base was thinned out. */
  thinned: boolean;
  lastStep: number | null;
  lastTime: number | null;
}

export interface CurveState {
  curve: Curve | null;
  error: ApiError | null;
  loading: boolean;
}

interface Entry {
  key: string;
  run: string;
  metric: string;
  axis: XAxis;
  state: Signal<CurveState>;
  /** Live points since the base was asked for. */
  tail: Points;
  /** Up to which point of the stream the base reaches; passed once a point beyond it has come. */
  boundary: { lastTime: number | null; lastStep: number | null } | null;
  createdAt: number;
  asked: boolean;
  /** The stream did not cover the run when the base was asked for: points may be missing until it is asked for again. */
  loose: boolean;
  users: number;
  /** Not asked for again before this moment, because the last time failed. */
  retryAt: number;
  /** Counts requests; only the newest one's answer is taken. */
  generation: number;
}

const entries = new Map<string, Entry>();
const byRun = new Map<string, Set<Entry>>();
const keyOf = (run: string, metric: string, axis: XAxis) => `${axis}\n${run}\n${metric}`;

let wired = false;
function wire(): void {
  if (wired) return;
  wired = true;
  stream.on("points", onPoints);
}

/** Return the signal of a curve. Call `useCurve` once it is shown, so that it is loaded and grows. */
export function curve(run: string, metric: string, axis: XAxis, createdAt: number): Entry {
  wire();
  const key = keyOf(run, metric, axis);
  let entry = entries.get(key);
  if (!entry) {
    entry = {
      key,
      run,
      metric,
      axis,
      state: signal<CurveState>({ curve: null, error: null, loading: false }),
      tail: noPoints(),
      boundary: null,
      createdAt,
      asked: false,
      loose: false,
      users: 0,
      retryAt: 0,
      generation: 0,
    };
    entries.set(key, entry);
    const siblings = byRun.get(run) ?? new Set();
    siblings.add(entry);
    byRun.set(run, siblings);
  }
  return entry;
}

export type CurveEntry = Entry;

/** Load this curve and let it grow until the function that is returned is called. */
export function holdCurve(entry: Entry): () => void {
  entry.users += 1;
  if (!entry.asked || entry.state.peek().error) ask(entry);
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    entry.users -= 1;
    setTimeout(() => {
      if (entry.users > 0) return;
      entries.delete(entry.key);
      const siblings = byRun.get(entry.run);
      siblings?.delete(entry);
      if (!siblings?.size) byRun.delete(entry.run);
    }, 5000);
  };
}

const queue = new Set<Entry>();
let flushing: ReturnType<typeof setTimeout> | undefined;

function ask(entry: Entry): void {
  entry.asked = true;
  queue.add(entry);
  flushing ??= setTimeout(flush, 10);
}

/** Send one request for all curves of the same runs and axis that are wanted at this moment. */
function flush(): void {
  flushing = undefined;
  const waiting = [...queue];
  queue.clear();
  const byMetric = new Map<string, Entry[]>();
  for (const entry of waiting) {
    const key = `${entry.axis}\n${entry.metric}`;
    byMetric.set(key, [...(byMetric.get(key) ?? []), entry]);
  }
  // Metrics wanted for the same set of runs go together.
  const groups = new Map<string, Entry[][]>();
  for (const group of byMetric.values()) {
    const runs = group.map((entry) => entry.run).sort();
    const key = `${group[0]!.axis}\n${runs.join("\n")}`;
    groups.set(key, [...(groups.get(key) ?? []), group]);
  }
  for (const group of groups.values())
    for (let at = 0; at < group.length; at += METRICS_PER_REQUEST) {
      const part = group.slice(at, at + METRICS_PER_REQUEST).flat();
      const runs = [...new Set(part.map((entry) => entry.run))];
      for (let first = 0; first < runs.length; first += RUNS_PER_REQUEST) {
        const some = new Set(runs.slice(first, first + RUNS_PER_REQUEST));
        void load(part.filter((entry) => some.has(entry.run)));
      }
    }
}

async function load(group: readonly Entry[]): Promise<void> {
  if (!group.length) return;
  const runs = [...new Set(group.map((entry) => entry.run))];
  const metrics = [...new Set(group.map((entry) => entry.metric))];
  const axis = group[0]!.axis;
  const generations = new Map<Entry, number>();
  for (const entry of group) {
    entry.generation += 1;
    generations.set(entry, entry.generation);
    entry.state.value = { ...entry.state.peek(), loading: true };
  }
  const current = () => group.filter((entry) => entry.generation === generations.get(entry));
  const covered = await stream.covers(runs, COVER_LIMIT_MS);
  // From here on nothing is missed: what the base does not hold comes live. A tail from before is in the new base.
  const marks = new Map(group.map((entry) => [entry, entry.tail.time.length]));
  try {
    const { series, missing, unreadable = [] } = await getSeries({ runs, metrics, x: axis, points: POINTS });
    const found = new Map(series.map((one) => [keyOf(one.run, one.metric, axis), one]));
    const gone = new Set(missing);
    const hidden = new Map(unreadable.map(({ run, detail }) => [run, detail]));
    for (const entry of current()) {
      const why = hidden.get(entry.run);
      if (why !== undefined) hide(entry, runUnreadable(entry.run, why));
      else if (gone.has(entry.run)) entry.state.value = { ...entry.state.peek(), error: runNotFound(entry.run), loading: false };
      else rebase(entry, found.get(entry.key), covered, marks.get(entry) ?? 0);
    }
  } catch (error) {
    if (isAbort(error)) return;
    for (const entry of current()) {
      entry.state.value = { ...entry.state.peek(), error: asApiError(error), loading: false };
      entry.retryAt = Date.now() + RETRY_MS;
    }
  }
}

/** Keep what is on show of a curve that cannot be read right now, and ask for it again after a while. */
function hide(entry: Entry, error: ApiError): void {
  entry.state.value = { ...entry.state.peek(), error, loading: false };
  entry.retryAt = Date.now() + RETRY_MS;
  setTimeout(() => entry.users > 0 && entry.state.peek().error === error && ask(entry), RETRY_MS);
}

function rebase(entry: Entry, series: Series | undefined, covered: boolean, mark: number): void {
  const curve = toCurve(entry, series);
  entry.loose = !covered;
  entry.boundary = { lastTime: curve.lastTime, lastStep: curve.lastStep };
  const before = entry.tail;
  entry.tail = noPoints();
  if (before.time.length) {
    const { from, passed } = firstNew(before, entry.boundary);
    append(entry.tail, before, passed ? from : Math.max(from, mark));
    if (passed) entry.boundary = null;
  }
  entry.state.value = { curve: withTail(entry, curve, 0), error: null, loading: false };
}

function toCurve(entry: Entry, series: Series | undefined): Curve {
  const x: number[] = [];
  const y: number[] = [];
  const length = series ? Math.min(series.x.length, series.y.length) : 0;
  for (let i = 0; i < length; i += 1) {
    const at = fromWire(series!.x[i]);
    if (at === undefined || !Number.isFinite(at)) continue;
    x.push(at);
    y.push(fromWire(series!.y[i]) ?? NaN);
  }
  return {
    run: entry.run,
    metric: entry.metric,
    axis: entry.axis,
    x,
    y,
    count: series?.count ?? 0,
    thinned: series ? series.count > length : false,
    lastStep: series?.last_step ?? null,
    lastTime: series?.last_time ?? null,
  };
}

/** Return the curve with the tail's points from `from` on put behind it. */
function withTail(entry: Entry, curve: Curve, from: number): Curve {
  const { tail, axis } = entry;
  if (tail.time.length <= from) return curve;
  const next: Curve = { ...curve, x: curve.x.slice(), y: curve.y.slice() };
  for (let i = from; i < tail.time.length; i += 1) {
    next.x.push(axis === "step" ? tail.step[i]! : axis === "time" ? tail.time[i]! : tail.time[i]! - entry.createdAt / 1000);
    next.y.push(tail.value[i]!);
  }
  next.count += tail.time.length - from;
  next.lastStep = tail.step.at(-1) ?? next.lastStep;
  next.lastTime = tail.time.at(-1) ?? next.lastTime;
  return next;
}

function onPoints({ run, metrics }: LivePoints): void {
  const siblings = byRun.get(run);
  if (!siblings) return;
  for (const entry of siblings) {
    const live = metrics[entry.metric];
    if (!live || !live.value.length) continue;
    const points: Points = { step: live.step, time: live.time, value: live.value.map((value) => fromWire(value) ?? NaN) };
    const { curve } = entry.state.peek();
    if (!curve) {
      append(entry.tail, points); // the base is on its way; it will tell which of these it already holds
      if (entry.tail.time.length > MAX_WAITING) {
        entry.tail = noPoints();
        entry.generation += 1; // an answer that is on its way does not hold them all
        ask(entry);
      }
      continue;
    }
    let from = 0;
    if (entry.boundary) {
      const found = firstNew(points, entry.boundary);
      from = found.from;
      if (found.passed) entry.boundary = null;
    }
    const before = entry.tail.time.length;
    if (append(entry.tail, points, from) === 0) continue;
    entry.state.value = { ...entry.state.peek(), curve: withTail(entry, curve, before) };
    const { length } = entry.tail.time;
    if (length > MAX_TAIL && !entry.state.peek().loading && Date.now() >= entry.retryAt) ask(entry);
    if (length > MAX_WAITING) shorten(entry);
  }
}

/** Keep the newest part of a curve that the viewer does not give anew for too long. */
function shorten(entry: Entry): void {
  const { curve } = entry.state.peek();
  entry.tail = noPoints();
  entry.loose = true;
  entry.generation += 1;
  if (curve) entry.state.value = { ...entry.state.peek(), curve: { ...curve, x: curve.x.slice(-POINTS), y: curve.y.slice(-POINTS), thinned: true }, loading: false };
}

/** Ask anew for every curve on show, or for those of one run. */
export function refreshCurves(run?: string, onlyLoose = false): void {
  for (const entry of entries.values())
    if (entry.users > 0 && entry.asked && (run === undefined || entry.run === run) && (!onlyLoose || entry.loose || entry.state.peek().error))
      ask(entry);
}

// A run that has just ended is asked for once more, so that what stands there for good is what stands on disk; and so is
// one that comes back: it may be another one of the same name.
const running = new Set<string>();
const gone = new Set<string>();
stream.on("runs", ({ runs, removed }) => {
  for (const id of removed) if (byRun.has(id)) gone.add(id);
  for (const run of runs) {
    const back = gone.delete(run.id);
    const ended = run.state !== "running" && running.delete(run.id);
    if (run.state === "running") running.add(run.id);
    if (back || ended) refreshCurves(run.id);
  }
});

// Points were left out because this page was too far behind: the whole curve is asked for instead.
stream.on("gap", ({ run, file }) => {
  if (file.endsWith(".bin")) refreshCurves(run);
});
stream.on("replaced", ({ run, file }) => {
  if (file.endsWith(".bin")) refreshCurves(run);
});

// Curves whose base was asked for without the stream, or not at all, are put right as soon as it runs.
let seenLost = lost.peek();
effect(() => {
  const isLost = lost.value !== seenLost;
  seenLost = lost.value;
  if (isLost) refreshCurves();
  else if (link.value.kind === "open") refreshCurves(undefined, true);
});

// --- zoom -------------------------------------------------------------------------------------------------------

/** Return the part of a thinned curve between two x, with as many points as a line can show; kept for as long as it fits. */
export async function getWindow(
  runs: readonly string[],
  metric: string,
  axis: XAxis,
  window: readonly [number, number],
  signal: AbortSignal,
): Promise<Map<string, { x: number[]; y: number[] }>> {
  const margin = (window[1] - window[0]) * 0.05;
  const range = { metrics: [metric], x: axis, points: POINTS, from: window[0] - margin, to: window[1] + margin };
  const series: Series[] = [];
  for (let first = 0; first < runs.length; first += RUNS_PER_REQUEST)
    series.push(...(await getSeries({ ...range, runs: runs.slice(first, first + RUNS_PER_REQUEST) }, signal)).series);
  const found = new Map<string, { x: number[]; y: number[] }>();
  for (const one of series) {
    const x: number[] = [];
    const y: number[] = [];
    for (let i = 0; i < one.x.length; i += 1) {
      const at = fromWire(one.x[i]);
      if (at === undefined || !Number.isFinite(at)) continue;
      x.push(at);
      y.push(fromWire(one.y[i]) ?? NaN);
    }
    found.set(one.run, { x, y });
  }
  return found;
}
