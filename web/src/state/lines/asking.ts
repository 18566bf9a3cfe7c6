/** Asking for lines: all that are wanted at a moment in one request, taken as they come. */

import { asApiError, isAbort, runNotFound, runUnreadable, type ApiError } from "../../api/error";
import { getLines, type LinesQuestion } from "../../api/lines";
import type { LineFrame } from "../../pure/frames";
import { GrowingLine, isBucketed, NO_LINE } from "../../pure/line";
import { append, firstNew, noPoints } from "../../pure/tail";
import { stream } from "../link";
import { changed, runsOf, type Context, type Entry } from "./entries";

const RETRY_MS = 5000;
/** How long the stream is waited for, so that no point is lost between a base and what comes live. */
const COVER_LIMIT_MS = 1500;
const MOST_POINTS = 2000;
const GATHER_MS = 8;

const queue = new Set<Entry>();
let flushing: ReturnType<typeof setTimeout> | undefined;

/** Ask for a line, with all others that are wanted at this moment. */
export function ask(entry: Entry): void {
  entry.asked = true;
  queue.add(entry);
  flushing ??= setTimeout(flush, GATHER_MS);
}

/** Ask for it after a while, unless somebody asks before. */
export function askLater(entry: Entry, delayMs: number): void {
  entry.later ??= setTimeout(() => {
    entry.later = undefined;
    if (entry.watchers.size) ask(entry);
  }, delayMs);
}

/** Lines that one request can hold, however many charts they are in. */
const requestKey = ({ axis, band, overwritten }: Context): string => `${axis} ${band} ${overwritten}`;

function flush(): void {
  flushing = undefined;
  const waiting = [...queue].filter((entry) => entry.watchers.size > 0);
  queue.clear();
  const requests = new Map<string, Entry[]>();
  for (const entry of waiting) {
    const key = requestKey(entry.context);
    requests.set(key, [...(requests.get(key) ?? []), entry]);
  }
  for (const group of requests.values()) void load(group);
}

interface Asked {
  question: LinesQuestion;
  /** The entry of a frame, by its chart and its place in it. */
  find: (frame: LineFrame) => Entry | undefined;
}

/** Return the one question for lines of one axis; each entry is found again by the frames of the answer. */
export function questionFor(entries: readonly Entry[], points: number, window?: readonly [number, number]): Asked {
  const { axis, band, overwritten } = entries[0]!.context;
  const runs: string[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (run: string): number => {
    let number = numbers.get(run);
    if (number === undefined) {
      number = runs.length;
      runs.push(run);
      numbers.set(run, number);
    }
    return number;
  };
  const charts: { metric: string; runs: number[]; groups: number[][]; along?: string }[] = [];
  const places = new Map<string, number>();
  const byPlace = new Map<string, Entry>();
  for (const entry of entries) {
    const { along } = entry.context;
    const key = `${along ?? ""}\n${entry.metric}`;
    let place = places.get(key);
    if (place === undefined) {
      place = charts.length;
      charts.push({ metric: entry.metric, runs: [], groups: [], ...(along === null ? {} : { along }) });
      places.set(key, place);
    }
    const chart = charts[place]!;
    if (entry.run !== null) {
      const number = numberOf(entry.run);
      chart.runs.push(number);
      byPlace.set(`${place} r ${number}`, entry);
    } else {
      byPlace.set(`${place} g ${chart.groups.length}`, entry);
      chart.groups.push((entry.group ?? []).map(numberOf));
    }
  }
  const question: LinesQuestion = { runs, charts, x: axis, points: Math.min(points, MOST_POINTS), band, overwritten };
  if (window) [question.from, question.to] = window;
  return { question, find: (frame) => byPlace.get(frame.run !== null ? `${frame.chart} r ${frame.run}` : `${frame.chart} g ${frame.group}`) };
}

async function load(group: readonly Entry[]): Promise<void> {
  const generations = new Map<Entry, number>();
  const points = Math.max(...group.map((entry) => entry.wanted));
  for (const entry of group) {
    entry.generation += 1;
    generations.set(entry, entry.generation);
    entry.loading = true;
    clearTimeout(entry.later);
    entry.later = undefined;
  }
  const isCurrent = (entry: Entry) => entry.generation === generations.get(entry);
  const growing = [...new Set(group.filter((entry) => entry.running).flatMap(runsOf))];
  const covered = growing.length === 0 || (await stream.covers(growing, COVER_LIMIT_MS));
  // From here on nothing is missed: what the base does not hold comes live. A tail from before is in the new base.
  const marks = new Map(group.map((entry) => [entry, entry.tail.time.length]));
  const waiting = new Set(group);
  const { question, find } = questionFor(group, points);
  try {
    const end = await getLines(question, (frames) => {
      for (const frame of frames) {
        const entry = find(frame);
        if (!entry || !waiting.delete(entry) || !isCurrent(entry)) continue;
        entry.points = points;
        rebase(entry, frame, covered, marks.get(entry) ?? 0);
      }
    });
    const gone = new Set(end.missing);
    const hidden = new Map(end.unreadable.map(({ run, detail }) => [run, detail]));
    for (const entry of group) if (isCurrent(entry)) leaveOut(entry, runsOf(entry).filter((run) => hidden.has(run)).length);
    for (const entry of waiting) {
      if (!isCurrent(entry)) continue;
      const why = entry.run === null ? undefined : hidden.get(entry.run);
      if (why !== undefined) hide(entry, runUnreadable(entry.run!, why));
      else if (entry.run !== null && gone.has(entry.run)) fail(entry, runNotFound(entry.run));
      else rebase(entry, { chart: 0, run: null, group: null, count: 0, hidden: 0, lastStep: null, lastTime: null, line: null }, covered, marks.get(entry) ?? 0);
    }
  } catch (error) {
    if (isAbort(error)) return;
    for (const entry of group) {
      if (!isCurrent(entry)) continue;
      fail(entry, asApiError(error));
      entry.retryAt = Date.now() + RETRY_MS;
    }
  }
}

function fail(entry: Entry, error: ApiError): void {
  entry.error = error;
  entry.loading = false;
  changed(entry);
}

/** Note how many runs a line is without; those of a group are asked for again after a while. */
function leaveOut(entry: Entry, unread: number): void {
  if (unread && entry.run === null) {
    entry.retryAt = Date.now() + RETRY_MS;
    askLater(entry, RETRY_MS);
  }
  if (unread === entry.unread) return;
  entry.unread = unread;
  changed(entry);
}

/** Keep what is on show of a line that cannot be read right now, and ask for it again after a while. */
function hide(entry: Entry, error: ApiError): void {
  fail(entry, error);
  entry.retryAt = Date.now() + RETRY_MS;
  askLater(entry, RETRY_MS);
}

function rebase(entry: Entry, frame: LineFrame, covered: boolean, mark: number): void {
  entry.base = frame.line ?? NO_LINE;
  entry.count = frame.count;
  entry.hidden = frame.hidden;
  entry.lastStep = frame.lastStep;
  entry.error = null;
  entry.loading = false;
  entry.loose = !covered;
  const before = entry.tail;
  entry.tail = noPoints();
  entry.boundary = { lastTime: frame.lastTime, lastStep: frame.lastStep };
  if (before.time.length && takesPoints(entry)) {
    const { from, passed } = firstNew(before, entry.boundary);
    append(entry.tail, before, passed ? from : Math.max(from, mark));
    if (passed) entry.boundary = null;
  }
  entry.grown = new GrowingLine(entry.base);
  grow(entry, 0);
  changed(entry);
}

/** Whether live points can be put behind it as they are. */
export const takesPoints = (entry: Entry): boolean => entry.run !== null && entry.context.along === null;

/** Put the tail's points from `from` on behind the line. */
export function grow(entry: Entry, from: number): void {
  const { tail, context } = entry;
  for (let i = from; i < tail.time.length; i += 1) {
    const x = context.axis === "step" ? tail.step[i]! : context.axis === "time" ? tail.time[i]! : tail.time[i]! - entry.createdAt / 1000;
    entry.grown!.append(x, tail.value[i]!);
  }
}

export const isThinned = (entry: Entry): boolean => entry.base !== null && isBucketed(entry.base);
