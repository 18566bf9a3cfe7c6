/** Lines that grow: points of the live stream are put behind them, or they are asked for anew. */

import { effect } from "@preact/signals";
import type { LivePoints } from "../../api/types";
import { fromWire } from "../../pure/format";
import { GrowingLine, NO_LINE } from "../../pure/line";
import { append, firstNew, noPoints, type Points } from "../../pure/tail";
import { link, lost, stream } from "../link";
import { ask, askLater, grow, takesPoints } from "./asking";
import { allEntries, changed, entriesOf, isShown, runsOf, type Entry } from "./entries";

/** After so many raw points the line is asked for anew, so that it stays quick to draw. */
const MAX_TAIL = 600;
/** What waits for a base that does not come must not grow for ever. */
const MAX_WAITING = 20_000;
/** Lines that points cannot simply be put behind are asked for anew, not more often than this. */
const REFRESH_MS = 2000;
const REBASE_MS = 250;

function onPoints({ run, metrics }: LivePoints): void {
  if (!isShown(run)) return;
  for (const entry of entriesOf(run)) {
    const live = metrics[entry.metric];
    if (!live?.value.length || !entry.watchers.size) continue;
    if (!takesPoints(entry)) askLater(entry, REFRESH_MS);
    else take(entry, { step: live.step, time: live.time, value: live.value.map((value) => fromWire(value) ?? NaN) });
  }
}

function take(entry: Entry, points: Points): void {
  if (!entry.base) {
    append(entry.tail, points); // the base is on its way; it will tell which of these it already holds
    if (entry.tail.time.length > MAX_WAITING) {
      entry.tail = noPoints();
      entry.generation += 1; // an answer that is on its way does not hold them all
      ask(entry);
    }
    return;
  }
  let from = 0;
  if (entry.boundary) {
    const found = firstNew(points, entry.boundary);
    from = found.from;
    if (found.passed) entry.boundary = null;
  }
  const added = append(entry.tail, points, from);
  if (!added) return;
  const before = entry.lastStep;
  entry.count += added;
  entry.lastStep = entry.tail.step.at(-1) ?? entry.lastStep;
  grow(entry, entry.tail.time.length - added);
  changed(entry, true);
  const length = entry.tail.time.length;
  const wentBack = before !== null && points.step[from]! < before; // a resumed run: what it overwrites goes
  if ((length > MAX_TAIL || wentBack) && !entry.loading && Date.now() >= entry.retryAt) askLater(entry, REBASE_MS);
  if (length > MAX_WAITING) shorten(entry);
}

/** Let go of the oldest points of a line that the viewer does not give anew for too long. */
function shorten(entry: Entry): void {
  const keep = MAX_WAITING / 2;
  entry.tail = { step: entry.tail.step.slice(-keep), time: entry.tail.time.slice(-keep), value: entry.tail.value.slice(-keep) };
  entry.loose = true;
  entry.grown = new GrowingLine(entry.base ?? NO_LINE);
  grow(entry, 0);
}

/** Ask anew for every line on show, or for those of one run. */
export function refreshLines(run?: string, onlyLoose = false): void {
  for (const entry of allEntries())
    if (entry.watchers.size > 0 && entry.asked && (run === undefined || runsOf(entry).includes(run)) && (!onlyLoose || entry.loose || entry.error)) ask(entry);
}

let wired = false;

/** Begin to listen; once. */
export function listen(): void {
  if (wired) return;
  wired = true;
  stream.on("points", onPoints);
  // A run that has just ended is asked for once more, so that what stands there for good is what stands on disk; and so
  // is one that comes back: it may be another one of the same name.
  const running = new Set<string>();
  const gone = new Set<string>();
  stream.on("runs", ({ runs, removed }) => {
    for (const id of removed) if (isShown(id)) gone.add(id);
    for (const run of runs) {
      const back = gone.delete(run.id);
      const ended = run.state !== "running" && running.delete(run.id);
      const begun = run.state === "running" && !running.has(run.id);
      if (run.state === "running") running.add(run.id);
      for (const entry of entriesOf(run.id)) entry.running = run.state === "running";
      if (back || ended) refreshLines(run.id);
      else if (begun) refreshLines(run.id, true);
    }
  });
  // Points were left out because this page was too far behind, or the file is another one: the whole line is asked for.
  stream.on("gap", ({ run, file }) => file.endsWith(".bin") && refreshLines(run));
  stream.on("replaced", ({ run, file }) => file.endsWith(".bin") && refreshLines(run));
  // Lines whose base was asked for without the stream, or not at all, are put right as soon as it runs.
  let seenLost = lost.peek();
  effect(() => {
    const isLost = lost.value !== seenLost;
    seenLost = lost.value;
    if (isLost) refreshLines();
    else if (link.value.kind === "open") refreshLines(undefined, true);
  });
}
