/** The list of runs as the server pages, sorts and filters it, kept live without anything jumping. */

import { batch, signal } from "@preact/signals";
import { getRuns } from "../api/client";
import type { LiveRuns, Run, RunPage } from "../api/types";
import { isNewestFirst, type RunsQuery } from "../pure/query";
import { stream } from "./link";
import { indexing, listError, listLoaded, onAnotherList, Renewal } from "./renewal";
import { takeSources } from "./sources";

const PAGE = 200;
const MAX_PAGE = 1000;

export const runs = signal<readonly Run[]>([]);
export const total = signal(0);
export const projects = signal<readonly { project: string; count: number }[]>([]);
export const columns = signal<{ config: string[]; summary: string[]; metrics: string[] }>({ config: [], summary: [], metrics: [] });
/** What keeps runs of this root from being shown, in one sentence. */
export const problem = signal<string | null>(null);
/** How many runs came in above the first row with the latest answer, so that the table keeps its place. */
export const addedAbove = signal(0);

let query: RunsQuery | null = null;
let cursor: string | null = null;
const renewal = new Renewal(() => void load(PAGE, true));
let isFollowed = false;

/** Show what `next` asks for, nothing more where it is null; rows of the present query stay until the answer is there. */
export function showRuns(next: RunsQuery | null): void {
  if (!isFollowed) {
    isFollowed = true;
    stream.on("runs", onLive);
    const reload = () => void load(onShow(), listLoaded.peek() && !listError.peek());
    onAnotherList(renewal, reload);
  }
  if (next === null) {
    query = null;
    renewal.stop();
    return;
  }
  if (query && JSON.stringify(query) === JSON.stringify(next) && !listError.value) {
    renewal.soon();
    return;
  }
  query = next;
  void load(PAGE, false);
}

const onShow = (): number => Math.min(MAX_PAGE, Math.max(PAGE, runs.peek().length));
export const reloadRuns = (): void => void load(onShow(), false);

async function load(limit: number, quietly: boolean): Promise<void> {
  const asked = query;
  if (asked) await renewal.load(quietly, (signal) => getRuns({ ...asked, limit }, signal), (page) => take(page, quietly));
}

/** Take over what an answer says beyond its rows. */
export function takeAround(page: Omit<RunPage, "runs" | "next_cursor">): void {
  total.value = page.total;
  projects.value = page.projects ?? [];
  // Of a filter that nothing fits, the names stay known: they help whoever mends it.
  if (page.total || !columns.peek().config.length) columns.value = { config: page.columns?.config ?? [], summary: page.columns?.summary ?? [], metrics: page.columns?.metrics ?? [] };
  indexing.value = page.indexing ?? null;
  problem.value = page.problem ?? null;
  takeSources(page.sources ?? []);
  listError.value = null;
  listLoaded.value = true;
}

function take(page: RunPage, quietly: boolean): void {
  batch(() => {
    const firstBefore = runs.value[0]?.id;
    const tail = quietly && runs.value.length > page.runs.length ? beyond(page.runs) : [];
    addedAbove.value = quietly && firstBefore ? Math.max(0, page.runs.findIndex((run) => run.id === firstBefore)) : 0;
    runs.value = tail.length ? [...page.runs, ...tail] : page.runs;
    takeAround(page);
    if (!tail.length) cursor = page.next_cursor;
  });
}

/** Rows already loaded that the refreshed first part does not hold. */
function beyond(fresh: readonly Run[]): Run[] {
  const ids = new Set(fresh.map((run) => run.id));
  return runs.value.slice(fresh.length).filter((run) => !ids.has(run.id));
}

let more: Promise<void> | null = null;

/** Load on until at least `count` rows are there, or there are no more. */
export function ensureRows(count: number): Promise<void> {
  more ??= loadUntil(count).finally(() => {
    more = null;
  });
  return more;
}

async function loadUntil(count: number): Promise<void> {
  while (query && cursor && runs.value.length < count) {
    const asked = query;
    const wanted = count - runs.value.length > PAGE ? MAX_PAGE : PAGE;
    try {
      const page = await getRuns({ ...asked, limit: wanted, cursor });
      if (query !== asked) return;
      const ids = new Set(runs.value.map((run) => run.id));
      cursor = page.next_cursor;
      runs.value = [...runs.value, ...page.runs.filter((run) => !ids.has(run.id))];
    } catch {
      return; // the rows stay as placeholders; scrolling asks again
    }
  }
}

/** What a live event tells of a run is without the values of metrics that the list was asked for. */
export const renewed = (known: Run, fresh: Run): Run => ({ ...known, ...fresh, ...(known.stats ? { stats: known.stats } : {}) });

function onLive({ runs: changed, removed, more }: LiveRuns): void {
  if (!listLoaded.value) return;
  const byId = new Map(changed.map((run) => [run.id, run]));
  const gone = new Set(removed);
  let known = 0;
  let next = runs.value;
  if (next.some((run) => byId.has(run.id) || gone.has(run.id))) {
    next = next
      .filter((run) => !gone.has(run.id))
      .map((run) => {
        const fresh = byId.get(run.id);
        if (fresh) known += 1;
        return fresh ? renewed(run, fresh) : run;
      });
    runs.value = next;
  }
  if (!query) return; // another list is on show; the state of what is known stays true
  const orderMayChange = Boolean(query.q) || !isNewestFirst(query.sorts) || Boolean(query.columns?.length);
  if (known < changed.length || removed.length || orderMayChange || more) renewal.soon();
}

/** Put a run that was just changed by hand into the list at once. */
export function putRun(run: Run): void {
  runs.value = runs.value.map((one) => (one.id === run.id ? renewed(one, run) : one));
}

export function dropRun(id: string): void {
  const left = runs.value.filter((one) => one.id !== id);
  if (left.length === runs.value.length) return;
  runs.value = left;
  total.value = Math.max(0, total.value - 1);
}
