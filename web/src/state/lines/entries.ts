/** The lines that somebody looks at, by what they show: those of runs, and those of groups. */

import type { Band } from "../../api/lines";
import type { ApiError } from "../../api/error";
import type { XAxis } from "../../api/types";
import type { GrowingLine, Line } from "../../pure/line";
import { noPoints, type Boundary, type Points } from "../../pure/tail";
import { nextFrame } from "../frame";

/** What lines of one chart have in common. along: the metric that they are drawn over, instead of the axis. */
export interface Context {
  axis: XAxis;
  along: string | null;
  band: Band;
  /** Whether steps that a resumed run logged once more are shown as they were first, too. */
  overwritten: boolean;
}

/** A line to be shown: a metric of a run, or of a group of runs. createdAt in ms; running: whether it may grow. */
export interface LineSpec {
  metric: string;
  run: string | null;
  group: readonly string[] | null;
  createdAt: number;
  running: boolean;
}

export interface Entry extends LineSpec {
  key: string;
  context: Context;
  /** What the viewer gave; null while that is awaited for the first time. */
  base: Line | null;
  /** The base with the points that came live behind it: see lineOf(). */
  grown: GrowingLine | null;
  /** A finer part of it. */
  part: { from: number; to: number; line: Line } | null;
  /** The true number of points, and how many are not shown because they were overwritten. */
  count: number;
  hidden: number;
  /** How many of its runs could not be read when it was asked for last, so that it is drawn without them, or as before. */
  unread: number;
  lastStep: number | null;
  error: ApiError | null;
  loading: boolean;
  asked: boolean;
  /** Live points since the base was asked for. */
  tail: Points;
  /** Up to which point of the stream the base reaches; passed once a point beyond it has come. */
  boundary: Boundary | null;
  /** The stream did not cover the run when the base was asked for: points may be missing until it is asked for again. */
  loose: boolean;
  /** How many points across are wanted, and how many the base was asked for with. */
  wanted: number;
  points: number;
  /** Not asked for again before this moment, because the last time failed. */
  retryAt: number;
  /** Counts requests; only the newest one's answer is taken. */
  generation: number;
  watchers: Set<Watcher>;
  later: ReturnType<typeof setTimeout> | undefined;
}

/** Called once before the next frame where lines have changed. live: whether they only grew. */
export type Watcher = (live: boolean) => void;

const entries = new Map<string, Entry>();
const byRun = new Map<string, Set<Entry>>();

export const runsOf = (entry: LineSpec): readonly string[] => (entry.run !== null ? [entry.run] : (entry.group ?? []));

export const allEntries = (): Iterable<Entry> => entries.values();
export const entriesOf = (run: string): Iterable<Entry> => byRun.get(run) ?? [];
export const isShown = (run: string): boolean => byRun.has(run);

/** Return what is kept of a line, made where it is not there yet. */
export function entryOf(spec: LineSpec, context: Context): Entry {
  const what = spec.run !== null ? `r ${spec.run}` : `g ${context.band} ${(spec.group ?? []).join(" ")}`;
  const key = [context.axis, context.along ?? "", context.overwritten, what, spec.metric].join("\n");
  const known = entries.get(key);
  if (known) {
    known.running = spec.running;
    return known;
  }
  const made: Entry = {
    ...spec,
    key,
    context,
    base: null,
    grown: null,
    part: null,
    count: 0,
    hidden: 0,
    unread: 0,
    lastStep: null,
    error: null,
    loading: false,
    asked: false,
    tail: noPoints(),
    boundary: null,
    loose: false,
    wanted: 0,
    points: 0,
    retryAt: 0,
    generation: 0,
    watchers: new Set(),
    later: undefined,
  };
  entries.set(key, made);
  for (const run of runsOf(made)) {
    const siblings = byRun.get(run) ?? new Set();
    siblings.add(made);
    byRun.set(run, siblings);
  }
  return made;
}

/** Return what is shown of a line; null while it is awaited for the first time. */
export const lineOf = (entry: Entry): Line | null => entry.grown?.line ?? null;

export function forget(entry: Entry): void {
  clearTimeout(entry.later);
  entries.delete(entry.key);
  for (const run of runsOf(entry)) {
    const siblings = byRun.get(run);
    siblings?.delete(entry);
    if (!siblings?.size) byRun.delete(run);
  }
}

/** Who is to be told before the next frame, and whether lines only grew. */
const due = new Map<Watcher, boolean>();

/** Tell everybody who shows the line, once before the next frame. */
export function changed(entry: Entry, live = false): void {
  for (const watcher of entry.watchers) due.set(watcher, live && (due.get(watcher) ?? true));
  nextFrame(tell);
}

function tell(): void {
  const now = [...due];
  due.clear();
  for (const [watcher, live] of now) watcher(live);
}
