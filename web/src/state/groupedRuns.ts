/** The runs in groups: all groups with what they come to, and of the runs those in sight; kept live. */

import { batch, effect, signal } from "@preact/signals";
import { getRunGroups } from "../api/client";
import { asApiError, isAbort } from "../api/error";
import type { LiveRuns, Run, RunGroups, WireGroup } from "../api/types";
import type { RunsQuery } from "../pure/query";
import { lost, returns, stream } from "./link";
import { indexing, INDEXING_EVERY_MS, listBusy, listError, listLoaded, REFRESH_EVERY_MS, renewed, takeAround } from "./runs";

type Range = readonly [number, number];

export interface GroupsQuery {
  query: RunsQuery;
  by: readonly string[];
  /** Columns to know mean and spread of. */
  stat: readonly string[];
}

export const groups = signal<readonly WireGroup[]>([]);
/** The runs that have come, by their place in the order of the groups. */
export const groupRows = signal<ReadonlyMap<number, Run>>(new Map());

/** The runs of the first groups, whole groups of at most so many runs together: what charts show while nobody has chosen. */
export const firstOfGroups = signal<readonly string[]>([]);
const MOST_FIRST = 200;
/** Some runs come along with the first answer, though all groups are folded: by them the columns are chosen. */
const FIRST_RANGES: readonly Range[] = [[0, 40]];

let asked: GroupsQuery | null = null;
let inSight: readonly Range[] = [];
let request: AbortController | null = null;
let refreshTimer: ReturnType<typeof setTimeout> | undefined;
let lastRefresh = 0;
let followed: (() => void) | null = null;
let unsourced: (() => void) | null = null;

/** Show the groups that `next` asks for, none where it is null; what is there stays until the answer comes. */
export function showGroups(next: GroupsQuery | null): void {
  followed ??= stream.on("runs", onLive);
  unsourced ??= stream.on("sources", () => void (asked && load(true)));
  if (next === null) {
    asked = null;
    request?.abort();
    request = null;
    clearTimeout(refreshTimer);
    refreshTimer = undefined;
    if (groups.peek().length) groups.value = [];
    if (groupRows.peek().size) groupRows.value = new Map();
    firstOfGroups.value = [];
    return;
  }
  if (asked && JSON.stringify(asked) === JSON.stringify(next) && !listError.value) return;
  const sameRows = asked && JSON.stringify([asked.query, asked.by]) === JSON.stringify([next.query, next.by]);
  asked = next;
  if (!sameRows) inSight = FIRST_RANGES;
  void load(false);
}

export const reloadGroups = (): void => void (asked && load(false));

/** Load those of these runs that have not come yet. */
export function ensureGroupRows(ranges: readonly Range[]): void {
  inSight = ranges;
  const rows = groupRows.peek();
  const isMissing = ranges.some(([first, end]) => {
    for (let at = first; at < end; at += 1) if (!rows.has(at)) return true;
    return false;
  });
  if (isMissing && asked) void load(true, true);
}

async function load(quietly: boolean, onlyRows = false): Promise<void> {
  if (!asked) return;
  request?.abort();
  const mine = new AbortController();
  request = mine;
  if (!quietly) listBusy.value = true;
  clearTimeout(refreshTimer);
  refreshTimer = undefined;
  lastRefresh = Date.now();
  const ranges = inSight;
  try {
    const answer = await getRunGroups(asked.query, asked.by, asked.stat, ranges, MOST_FIRST, mine.signal);
    if (request !== mine) return;
    take(answer, ranges, onlyRows);
  } catch (error) {
    if (isAbort(error) || request !== mine) return;
    const known = asApiError(error);
    if (!quietly || !known.unreachable) listError.value = known;
  } finally {
    if (request === mine) {
      request = null;
      listBusy.value = false;
      if (indexing.peek()) scheduleRefresh();
    }
  }
}

const layoutOf = (known: readonly WireGroup[]): string => JSON.stringify(known.map((group) => [group.depth, String(group.value), group.count]));

function take(answer: RunGroups, ranges: readonly Range[], onlyRows: boolean): void {
  batch(() => {
    // Runs that came before are where they were only while no group has changed.
    const rows = onlyRows && layoutOf(groups.peek()) === layoutOf(answer.groups) ? new Map(groupRows.peek()) : new Map<number, Run>();
    let next = 0;
    for (const [first, end] of ranges) for (let at = first; at < Math.min(end, answer.total); at += 1) if (next < answer.runs.length) rows.set(at, answer.runs[next++]!);
    groups.value = answer.groups;
    groupRows.value = rows;
    if (answer.first.join() !== firstOfGroups.peek().join()) firstOfGroups.value = answer.first;
    takeAround(answer);
  });
}

function onLive({ runs: changed, removed, more }: LiveRuns): void {
  if (!asked || !listLoaded.peek()) return;
  const byId = new Map(changed.map((run) => [run.id, run]));
  if ([...groupRows.peek().values()].some((run) => byId.has(run.id)))
    groupRows.value = new Map([...groupRows.peek()].map(([at, run]) => [at, byId.has(run.id) ? renewed(run, byId.get(run.id)!) : run]));
  if (changed.length || removed.length || more) scheduleRefresh();
}

function scheduleRefresh(): void {
  if (refreshTimer !== undefined || request) return;
  refreshTimer = setTimeout(
    () => {
      refreshTimer = undefined;
      void load(true);
    },
    Math.max(0, (indexing.peek() ? INDEXING_EVERY_MS : REFRESH_EVERY_MS) - (Date.now() - lastRefresh)),
  );
}

let seenReturns = returns.peek() + lost.peek();
effect(() => {
  if (returns.value + lost.value === seenReturns) return;
  seenReturns = returns.value + lost.value;
  if (asked) void load(listLoaded.peek() && !listError.peek());
});
