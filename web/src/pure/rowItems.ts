/** The lines of the table, top to bottom: groups, and the runs of those that are unfolded. Pure. */

import type { WireGroup } from "../api/types";
import { pathKey } from "./grouping";

export interface GroupItem {
  kind: "group";
  key: string;
  path: readonly unknown[];
  group: WireGroup;
  open: boolean;
}

export interface RunItem {
  kind: "run";
  /** Which of the runs, in the order of the list. */
  index: number;
}

export type Item = GroupItem | RunItem;

/**
 * Return the lines of groups. toggled: those that are not as `unfolded` says of all, by what `shortKey` makes of their keys.
 */
export function groupItems(groups: readonly WireGroup[], levels: number, toggled: ReadonlySet<string>, unfolded: boolean, shortKey = (key: string): string => key): Item[] {
  const items: Item[] = [];
  const path: unknown[] = [];
  let index = 0;
  let hiddenBelow = Infinity; // groups deeper than this lie in a folded one
  for (const group of groups) {
    path.length = group.depth;
    path.push(group.value);
    const leaf = group.depth === levels - 1;
    if (group.depth > hiddenBelow) {
      if (leaf) index += group.count;
      continue;
    }
    hiddenBelow = Infinity;
    const key = pathKey(path);
    const open = toggled.has(shortKey(key)) !== unfolded;
    items.push({ kind: "group", key, path: [...path], group, open });
    if (!open) hiddenBelow = group.depth;
    if (!leaf) continue;
    if (open) for (let at = 0; at < group.count; at += 1) items.push({ kind: "run", index: index + at });
    index += group.count;
  }
  return items;
}

/** Return the half-open ranges of runs among the lines, joined where little lies between; at most `most` of them. */
export function rangesOf(items: readonly Item[], first: number, last: number, most = 50): [number, number][] {
  const ranges: [number, number][] = [];
  for (const item of items.slice(first, last)) {
    if (item.kind !== "run") continue;
    const known = ranges[ranges.length - 1];
    if (known && item.index - known[1] < 20) known[1] = item.index + 1;
    else ranges.push([item.index, item.index + 1]);
  }
  return ranges.slice(0, most);
}
