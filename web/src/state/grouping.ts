/** What the runs are grouped by, as it stands in the URL; and which of the runs on show belong together. */

import { groupRuns, isGroupKey, MAX_LEVELS, type RunGroup } from "../pure/grouping";
import { joinKeys, splitKeys } from "../pure/keyList";
import { detail } from "./details";
import { groupRows } from "./groupedRuns";
import { param, setParams } from "./route";
import { runs } from "./runs";

/** The fields that rows are grouped by, outermost first: `config.lr`, `tags`, `project`; none where they are not. */
export const groupBy = (): readonly string[] => [...new Set(splitKeys(param("group")).filter(isGroupKey))].slice(0, MAX_LEVELS);

export const setGroupBy = (keys: readonly string[]): void => setParams({ group: joinKeys(keys.slice(0, MAX_LEVELS)), fold: "" }, "push");

/**
 * Return the groups of these runs, by all levels at once; one of all of them where nothing is grouped. A run of which
 * nothing is known yet is left out.
 */
export function groupsOf(ids: readonly string[], keys: readonly string[] = groupBy()): RunGroup[] {
  const listed = new Map([...runs.value, ...groupRows.value.values()].map((run) => [run.id, run]));
  return groupRuns(
    ids.flatMap((id) => listed.get(id) ?? detail(id).value.run ?? []),
    keys,
  );
}
