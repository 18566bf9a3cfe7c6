/** The groups of the table: their lines, what is folded, what they come to, and which of them are selected. */

import { useMemo } from "preact/hooks";
import { getRunIds } from "../../api/client";
import { fromWire, type WireNumber } from "../../pure/format";
import { groupWord, pathKey } from "../../pure/grouping";
import type { RunsQuery } from "../../pure/query";
import { groupItems, type GroupItem, type Item } from "../../pure/rowItems";
import type { Spread } from "../../components/table/GroupRow";
import type { Grouped } from "../../components/table/RunTable";
import { groups } from "../../state/groupedRuns";
import { pathsOf, type GroupLine } from "../../state/grouping";
import { headsOf } from "../../state/heads";
import { param, setParams } from "../../state/route";
import { toastError } from "../../state/toasts";

/** Beyond so many selected runs it is not looked up in which groups they are. */
const MOST_LOOKED_UP = 1000;

interface Wanted {
  by: readonly string[];
  stat: readonly string[];
  query: RunsQuery;
  selected: readonly string[];
  allSelected: boolean;
  /** The groups that charts show. */
  drawn: readonly GroupLine[];
  onSelect: (ids: readonly string[], on: boolean) => void;
}

export interface GroupTable extends Grouped {
  items: readonly Item[];
  foldAll: (open: boolean) => void;
}

/** The folds stand in the URL: `fold=open` for all of them open, and behind it those that are otherwise. */
function readFolds(): { unfolded: boolean; toggled: Set<string> } {
  const [all, ...others] = param("fold").split("~");
  return { unfolded: all === "open", toggled: new Set(others) };
}

const shortKey = (key: string): string => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
};

export function useGroups({ by, stat, query, selected, allSelected, drawn, onSelect }: Wanted): GroupTable | null {
  const fold = param("fold");
  const known = groups.value;
  const byKey = by.join("\n");
  const items = useMemo(() => {
    const { unfolded, toggled } = readFolds();
    return byKey ? groupItems(known, byKey.split("\n").length, toggled, unfolded, shortKey) : [];
  }, [known, byKey, fold]);
  const counts = useSelectedCounts(by, selected);
  const stylesText = JSON.stringify(drawn.map(({ key, style }) => [key, style]));
  const styles = useMemo(() => new Map(drawn.map(({ key, style }) => [key, style])), [stylesText]);
  const spreads = useMemo(() => new Map(stat.map((key, at) => [key, at])), [stat.join("\n")]);
  const means = useMemo(() => {
    const found = new Map<string, number[]>();
    for (const [key, at] of spreads) found.set(key, known.flatMap((group) => (group.stats[at] ? [Number(group.stats[at][1])] : [])));
    return found;
  }, [known, spreads]);
  return useMemo(() => {
    if (!byKey) return null;
    const checked = ({ key, group }: GroupItem) => {
      if (allSelected) return "true";
      const count = counts.get(key) ?? 0;
      return count === 0 ? "false" : count >= group.count ? "true" : "mixed";
    };
    return {
      items,
      label: (depth: number) => groupWord(by[depth] ?? ""),
      means: (key: string) => means.get(key) ?? [],
      spread: (item: GroupItem, column: { key: string }): Spread | null => {
        const at = spreads.get(column.key);
        const found = at === undefined ? null : item.group.stats[at];
        if (!found) return null;
        return { count: found[0], mean: Number(found[1]), std: fromWire(found[2] as WireNumber) ?? null };
      },
      checked,
      style: ({ key }: GroupItem) => styles.get(key) ?? null,
      onFold: (item: GroupItem) => {
        const { unfolded, toggled } = readFolds();
        const key = shortKey(item.key);
        if (!toggled.delete(key)) toggled.add(key);
        setParams({ fold: [unfolded ? "open" : "", ...toggled].join("~").replace(/^~?$/, "") });
      },
      foldAll: (open: boolean) => setParams({ fold: open ? "open" : "" }),
      onToggle: (item: GroupItem) => {
        const on = checked(item) !== "true";
        getRunIds(query, by.slice(0, item.path.length), item.path).then(({ ids }) => onSelect(ids, on), toastError);
      },
    } satisfies GroupTable;
  }, [items, byKey, counts, means, spreads, styles, allSelected, onSelect, query]);
}

/** Return how many of the selected runs lie in each group, at all levels. */
function useSelectedCounts(by: readonly string[], selected: readonly string[]): ReadonlyMap<string, number> {
  const few = by.length && selected.length <= MOST_LOOKED_UP ? selected : [];
  headsOf(few, by);
  const counts = new Map<string, number>();
  for (const [, path] of pathsOf(few, by)) {
    for (let depth = 1; depth <= path.length; depth += 1) {
      const key = pathKey(path.slice(0, depth));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const stamp = JSON.stringify([...counts]);
  return useMemo(() => counts, [stamp]);
}
