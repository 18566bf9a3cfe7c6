/** Runs looked at closely: everything about each, kept up to date by the live stream. */

import { effect, signal, type Signal } from "@preact/signals";
import { getRun } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { LivePoints, MetricInfo, Run, RunDetail } from "../api/types";
import { lost, returns, stream } from "./link";

/** removed: the run was deleted, wherever that was done: it is in the bin, or gone altogether, and then `error` says so. */
export interface Detail {
  run: RunDetail | null;
  error: ApiError | null;
  removed: boolean;
}

const details = new Map<string, Signal<Detail>>();
/** Asked for at this moment; true where something has happened since that the answer may not know. */
const pending = new Map<string, boolean>();
let followed = false;

/** Return the signal of this run's details; asks the viewer for them the first time. */
export function detail(id: string): Signal<Detail> {
  if (!followed) {
    followed = true;
    stream.on("runs", ({ runs, removed }) => {
      for (const run of runs) mergeRun(run);
      for (const gone of removed) markRemoved(gone);
    });
    stream.on("points", onPoints);
    // New metrics may be among what was left out.
    stream.on("gap", ({ run, file }) => file.endsWith(".bin") && void loadDetail(run));
    stream.on("replaced", ({ run, file }) => file.endsWith(".bin") && void loadDetail(run));
  }
  let known = details.get(id);
  if (!known) {
    known = signal<Detail>({ run: null, error: null, removed: false });
    details.set(id, known);
    void loadDetail(id);
  }
  return known;
}

export async function loadDetail(id: string): Promise<void> {
  const target = details.get(id);
  if (!target) return;
  if (pending.has(id)) return void pending.set(id, true);
  pending.set(id, false);
  try {
    const run = await getRun(id);
    target.value = { run, error: null, removed: run.deleted_at !== null };
  } catch (error) {
    const known = asApiError(error);
    const gone = known.code === "RUN_NOT_FOUND";
    // Of a run that is gone, what is on show stays readable.
    target.value = { run: known.unreachable || gone ? target.value.run : null, error: known, removed: gone || target.value.removed };
  }
  const again = pending.get(id);
  pending.delete(id);
  if (again) await loadDetail(id);
}

/** Say at once that a run was deleted, then find out whether it is in the bin. */
function markRemoved(id: string): void {
  const known = details.get(id);
  if (!known) return;
  known.value = { ...known.value, removed: true };
  void loadDetail(id);
}

/** Take over what is newer about a run; when it has just ended, ask for the whole of it once more. */
export function mergeRun(run: Run): void {
  const known = details.get(run.id);
  if (!known) return;
  const { run: before, error } = known.value;
  if (before) known.value = { run: { ...before, ...run }, error: null, removed: run.deleted_at !== null };
  const ended = before?.state === "running" && run.state !== "running";
  if (ended || error || !before) void loadDetail(run.id); // a run that was not there has come, or come back
}

function onPoints({ run: id, metrics }: LivePoints): void {
  const known = details.get(id);
  const run = known?.value.run;
  if (!known || !run) return;
  const byName = new Map(run.metrics.map((metric) => [metric.name, metric]));
  let changed = false;
  for (const [name, points] of Object.entries(metrics)) {
    if (!points.value.length || byName.has(name)) continue;
    const last = points.value[points.value.length - 1]!;
    const fresh: MetricInfo = { name, count: points.value.length, last, min: last, max: last, last_step: points.step.at(-1) ?? null };
    byName.set(name, fresh);
    changed = true;
  }
  if (changed) known.value = { ...known.value, run: { ...run, metrics: [...byName.values()] } };
}

let seenReturns = returns.peek() + lost.peek();
effect(() => {
  if (returns.value + lost.value === seenReturns) return;
  seenReturns = returns.value + lost.value;
  for (const [id, known] of details) if (known.peek().error || known.peek().removed || known.peek().run?.state === "running") void loadDetail(id);
});
