/** The runs in groups: all groups with what they come to, and of the runs those in sight; kept live. */

import { batch, signal } from "@preact/signals";
import { getRunGroups } from "../api/client";
import type { LiveRuns, Run, RunGroups, WireGroup } from "../api/types";
import type { RunsQuery } from "../pure/query";
import { stream } from "./link";
import { listError, listLoaded, onAnotherList, Renewal } from "./renewal";
import { renewed, takeAround } from "./runs";

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
const renewal = new Renewal(() => void load(true));
let isFollowed = false;

/** Show the groups that `next` asks for, none where it is null; what is there stays until the answer comes. */
export function showGroups(next: GroupsQuery | null): void {
  if (!isFollowed) {
    isFollowed = true;
    stream.on("runs", onLive);
    const reload = () => void load(listLoaded.peek() && !listError.peek());
    onAnotherList(renewal, reload);
  }
  if (next === null) {
    asked = null;
    renewal.stop();
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

export const reloadGroups = (): void => void load(false);

/** Load those of these runs that have not come yet. */
export function ensureGroupRows(ranges: readonly Range[]): void {
  inSight = ranges;
  const rows = groupRows.peek();
  const isMissing = ranges.some(([first, end]) => {
    for (let at = first; at < end; at += 1) if (!rows.has(at)) return true;
    return false;
  });
  if (isMissing) void load(true, true);
}

async function load(quietly: boolean, onlyRows = false): Promise<void> {
  if (!asked) return;
  const { query, by, stat } = asked;
  const ranges = inSight;
  const ask = (signal: AbortSignal): Promise<RunGroups> => getRunGroups(query, by, stat, ranges, MOST_FIRST, signal);
  await renewal.load(quietly, ask, (answer) => take(answer, ranges, onlyRows));
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
  if (changed.length || removed.length || more) renewal.soon();
}
