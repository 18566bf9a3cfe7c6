/** Runs looked at closely: everything about each, kept up to date by the live stream. */

import { effect, signal, type Signal } from "@preact/signals";
import { getRun } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { LivePoints, MetricInfo, Run, RunDetail } from "../api/types";
import { fromWire } from "../pure/format";
import { returns, stream } from "./link";

export interface Detail {
  run: RunDetail | null;
  error: ApiError | null;
}

const details = new Map<string, Signal<Detail>>();
const pending = new Set<string>();
let followed = false;

/** Return the signal of this run's details; asks the viewer for them the first time. */
export function detail(id: string): Signal<Detail> {
  if (!followed) {
    followed = true;
    stream.on("runs", ({ runs, removed }) => {
      for (const run of runs) mergeRun(run);
      for (const gone of removed) details.delete(gone);
    });
    stream.on("points", onPoints);
  }
  let known = details.get(id);
  if (!known) {
    known = signal<Detail>({ run: null, error: null });
    details.set(id, known);
    void loadDetail(id);
  }
  return known;
}

export async function loadDetail(id: string): Promise<void> {
  const target = details.get(id);
  if (!target || pending.has(id)) return;
  pending.add(id);
  try {
    target.value = { run: await getRun(id), error: null };
  } catch (error) {
    const known = asApiError(error);
    target.value = { run: known.unreachable ? target.value.run : null, error: known };
  } finally {
    pending.delete(id);
  }
}

/** Take over what is newer about a run; when it has just ended, ask for the whole of it once more. */
export function mergeRun(run: Run): void {
  const known = details.get(run.id);
  if (!known?.value.run) return;
  const ended = known.value.run.state === "running" && run.state !== "running";
  known.value = { run: { ...known.value.run, ...run }, error: null };
  if (ended) void loadDetail(run.id);
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

/** Return a metric's newest value as the details know it. */
export const lastValue = (run: RunDetail, name: string): number | undefined =>
  fromWire(run.metrics.find((metric) => metric.name === name)?.last);

let seenReturns = returns.peek();
effect(() => {
  if (returns.value === seenReturns) return;
  seenReturns = returns.value;
  for (const [id, known] of details) if (known.peek().error || known.peek().run?.state === "running") void loadDetail(id);
});
