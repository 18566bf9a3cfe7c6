/** Who the runs of a chart are, and which metrics they have: of all of a place in one request, kept up to date live. */

import { effect, signal } from "@preact/signals";
import { asApiError, isAbort, runNotFound, runUnreadable, type ApiError } from "../api/error";
import { getMetrics, type RunHead } from "../api/lines";
import type { LivePoints, Run } from "../api/types";
import { sourceOf } from "../pure/address";
import { groupPath } from "../pure/grouping";
import { joinKeys } from "../pure/keyList";
import { nextFrame } from "./frame";
import { link, lost, returns, stream } from "./link";

/** removed: the run was deleted, wherever that was done; it may be in the bin. */
export interface Head {
  run: RunHead | null;
  metrics: ReadonlySet<string>;
  error: ApiError | null;
  removed: boolean;
}

const NOBODY: Head = { run: null, metrics: new Set(), error: null, removed: false };
const MOST = 5000;
const GATHER_MS = 5;
const RETRY_MS = 5000;

const heads = new Map<string, Head>();
const version = signal(0);
const bump = () => (version.value += 1);
const changed = () => nextFrame(bump);
const queue = new Set<string>();
/** Those that are being asked about for the first time, and whether there was news of them meanwhile. */
const first = new Map<string, boolean>();
let timer: ReturnType<typeof setTimeout> | undefined;
let wired = false;

/** What runs are grouped by at the moment, and what they have there, by that; null while it is asked for. */
let fields: readonly string[] = [];
const paths = new Map<string, { by: string; path: readonly unknown[] | null }>();

/** Return what this run has in these fields, null where that is not known; `headsOf` asks for it. */
export function pathOf(id: string, by: readonly string[]): readonly unknown[] | null {
  void version.value;
  const known = paths.get(id);
  return known?.by === joinKeys(by) ? known.path : null;
}

/** Return what is known of these runs; asks for those of which nothing is, or not what they have in the fields `by`. */
export function headsOf(ids: readonly string[], by: readonly string[] = []): readonly Head[] {
  void version.value;
  listen();
  const key = joinKeys(by);
  if (key && key !== joinKeys(fields)) fields = by;
  return ids.map((id) => {
    const known = heads.get(id);
    const isUnplaced = key !== "" && paths.get(id)?.by !== key;
    if (isUnplaced) paths.set(id, { by: key, path: null });
    if (known) {
      if (isUnplaced && !first.has(id)) ask(id);
      return known;
    }
    heads.set(id, NOBODY);
    first.set(id, false);
    ask(id);
    return NOBODY;
  });
}

function ask(id: string): void {
  queue.add(id);
  timer ??= setTimeout(() => {
    timer = undefined;
    const ids = [...queue];
    queue.clear();
    // Each place by itself: one that takes its time holds up no other.
    const places = new Map<string, string[]>();
    for (const id of ids) {
      const place = sourceOf(id);
      places.set(place, [...(places.get(place) ?? []), id]);
    }
    for (const mine of places.values()) for (let at = 0; at < mine.length; at += MOST) void load(mine.slice(at, at + MOST));
  }, GATHER_MS);
}

async function load(ids: readonly string[]): Promise<void> {
  const by = fields;
  try {
    const { runs, metrics, missing, unreadable } = await getMetrics(ids, by);
    const names = new Map<string, Set<string>>(runs.map((run) => [run.id, new Set()]));
    for (const { name, runs: having } of metrics) for (const id of having ?? names.keys()) names.get(id)?.add(name);
    for (const run of runs) {
      heads.set(run.id, { run, metrics: names.get(run.id)!, error: null, removed: run.deleted_at !== null });
      if (by === fields && by.length) paths.set(run.id, { by: joinKeys(by), path: run.path });
    }
    for (const id of missing) set(id, { error: runNotFound(id), removed: true });
    for (const { run, detail } of unreadable) hide([run], runUnreadable(run, detail));
  } catch (error) {
    if (isAbort(error)) return;
    const known = asApiError(error);
    if (known.code === "RUN_NOT_FOUND") for (const id of ids) set(id, { error: runNotFound(id), removed: true });
    else hide(ids, known);
  }
  for (const id of ids) {
    // The answer may be older than the news that the run has come.
    const head = heads.get(id);
    if (head?.run ? by !== fields && paths.get(id)?.path === null : first.get(id)) ask(id);
    first.delete(id);
  }
  changed();
}

const set = (id: string, patch: Partial<Head>): void => void heads.set(id, { ...(heads.get(id) ?? NOBODY), ...patch });

/** Keep what is known of runs that cannot be read right now, and ask again after a while. */
function hide(ids: readonly string[], error: ApiError): void {
  for (const id of ids) set(id, { error });
  if (!error.unreachable) setTimeout(() => ids.forEach((id) => heads.get(id)?.error === error && ask(id)), RETRY_MS);
}

function onPoints({ run, metrics }: LivePoints): void {
  const known = heads.get(run);
  if (!known?.run) return;
  const fresh = Object.keys(metrics).filter((name) => !known.metrics.has(name) && metrics[name]!.value.length);
  if (!fresh.length) return;
  set(run, { metrics: new Set([...known.metrics, ...fresh]) });
  ask(run); // what its script said of them, and whether others came along
  changed();
}

function onRun(run: Run): void {
  const known = heads.get(run.id);
  if (!known) return;
  const { id, project, name, state, created_at, deleted_at } = run;
  if (paths.has(id)) paths.set(id, { by: joinKeys(fields), path: groupPath(run, fields) });
  const before = known.run;
  if (before) set(id, { run: { ...before, project, name, state, created_at, deleted_at }, removed: deleted_at !== null, error: null });
  if (first.has(id)) first.set(id, true);
  else if (!before || known.error || before.state !== state) ask(id); // one that was not there has come; one that ended may have more
  changed();
}

function listen(): void {
  if (wired) return;
  wired = true;
  stream.on("points", onPoints);
  stream.on("runs", ({ runs, removed }) => {
    runs.forEach(onRun);
    for (const id of removed) {
      if (!heads.has(id)) continue;
      set(id, { removed: true });
      ask(id); // it may be in the bin
    }
    if (removed.length) changed();
  });
  stream.on("gap", ({ run, file }) => file.endsWith(".bin") && heads.has(run) && ask(run));
  stream.on("replaced", ({ run, file }) => file.endsWith(".bin") && heads.has(run) && ask(run));
  let seen = returns.peek() + lost.peek();
  effect(() => {
    const now = returns.value + lost.value;
    if (now !== seen) for (const [id, head] of heads) if (head.error || head.removed || head.run?.state === "running") ask(id);
    seen = now;
    if (link.value.kind === "open") for (const [id, head] of heads) if (head.error && head.error.code !== "RUN_NOT_FOUND") ask(id);
  });
}
