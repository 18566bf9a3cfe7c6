/** What the runs are grouped by, as it stands in the URL; and which of the runs on show belong together. */

import { lineStyles, type LineStyle } from "../pure/colours";
import { groupPath, groupRuns, isGroupKey, MAX_LEVELS, type RunGroup } from "../pure/grouping";
import { joinKeys, splitKeys } from "../pure/keyList";
import { groupRows } from "./groupedRuns";
import { pathOf } from "./heads";
import { hiddenRuns } from "./looks";
import { param, setParams } from "./route";
import { runs } from "./runs";

/** The fields that rows are grouped by, outermost first: `config.lr`, `tags`, `project`; none where they are not. */
export const groupBy = (): readonly string[] => [...new Set(splitKeys(param("group")).filter(isGroupKey))].slice(0, MAX_LEVELS);

export const setGroupBy = (keys: readonly string[]): void => setParams({ group: joinKeys(keys.slice(0, MAX_LEVELS)), fold: "" }, "push");

/**
 * Return what each of these runs has in these fields, as far as that is known: of those in sight by their rows, of the
 * others by what is told with their heads; see `headsOf`.
 */
export function pathsOf(ids: readonly string[], keys: readonly string[]): (readonly [string, readonly unknown[]])[] {
  const listed = new Map([...runs.value, ...groupRows.value.values()].map((run) => [run.id, run]));
  return ids.flatMap((id) => {
    const run = listed.get(id);
    const path = run ? groupPath(run, keys) : pathOf(id, keys);
    return path ? [[id, path] as const] : [];
  });
}

export interface GroupLine extends RunGroup {
  style: LineStyle;
}

/** Return the groups that these runs are drawn as, by all levels at once; hidden runs have no part in them. */
export function groupLines(ids: readonly string[], keys: readonly string[]): GroupLine[] {
  const hidden = hiddenRuns.value;
  const groups = groupRuns(pathsOf(ids.filter((id) => !hidden.has(id)), keys), keys);
  const styles = lineStyles(groups.map((group) => group.key));
  return groups.map((group) => ({ ...group, style: styles.get(group.key)! }));
}
