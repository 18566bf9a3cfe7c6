/** The selection of the Runs page: kept in the URL, `all` of it asked of the viewer. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getRunIds } from "../../api/client";
import { composeQuery, filterParams, type RunsQuery } from "../../pure/query";
import { firstOfGroups } from "../../state/groupedRuns";
import { param, setParams } from "../../state/route";
import { total } from "../../state/runs";
import { formatSelection, parseSelection, rangeOf, selectedIds, withRuns, type Selection } from "../../state/selection";
import { toastError } from "../../state/toasts";
import { NEWEST } from "../ChosenCharts";

/** drawn: the runs that charts show: those that are selected, or while nobody has chosen some others. */
export interface RunSelection {
  kind: Selection["kind"];
  ids: readonly string[];
  drawn: readonly string[];
  toggle: (id: string, range: boolean) => void;
  select: (ids: readonly string[], on: boolean) => void;
  selectAll: () => void;
  clear: () => void;
}

/** Charts of more runs than this are asked for one by one, not by selecting all. */
const MOST_DRAWN_OF_ALL = 100;

/**
 * Return what is selected. While nobody has chosen, that is what charts show: the first runs of the list. Of a list in
 * groups they show whole groups, `firstOfGroups`; these may be many, and nothing is selected then.
 */
export function useSelection(query: RunsQuery, rowIds: readonly string[], inGroups: boolean): RunSelection {
  const [sel, but] = [param("sel"), param("but")];
  const selection = useMemo(() => parseSelection(sel, but), [sel, but]);
  const all = useAllIds(query, selection.kind === "all");
  const first = inGroups ? NONE : rowIds.slice(0, NEWEST);
  const ids = useMemo(() => selectedIds(selection, first, all), [selection, all, selection.kind === "default" ? first.join() : ""]);
  const ofGroups = inGroups && selection.kind === "default" ? firstOfGroups.value : null;
  const drawn = useMemo(() => ofGroups ?? (selection.kind === "all" && !inGroups ? ids.slice(0, MOST_DRAWN_OF_ALL) : ids), [ids, ofGroups, selection.kind, inGroups]);
  // What the handlers see is that of the newest drawing; they themselves stay the same.
  const now = useRef({ selection, ids, rowIds, lastToggled: null as string | null });
  Object.assign(now.current, { selection, ids, rowIds });
  const select = useCallback((changed: readonly string[], on: boolean) => setParams(formatSelection(withRuns(now.current.selection, now.current.ids, changed, on))), []);
  const toggle = useCallback((id: string, range: boolean) => {
    const { lastToggled } = now.current;
    const on = !now.current.ids.includes(id);
    select(range ? rangeOf(now.current.rowIds, lastToggled, id) : [id], on);
    now.current.lastToggled = id;
  }, []);
  const selectAll = useCallback(() => setParams({ sel: "all", but: "" }), []);
  const clear = useCallback(() => setParams({ sel: "", but: "" }), []);
  return { kind: selection.kind, ids, drawn, toggle, select, selectAll, clear };
}

/** Return the ids of all runs that match, as soon as they are known; asked again when there are more or fewer. */
function useAllIds(query: RunsQuery, wanted: boolean): readonly string[] {
  const [known, setKnown] = useState<{ of: string; ids: readonly string[] }>({ of: "", ids: [] });
  const of = wanted ? composeQuery(filterParams(query)) : "";
  const count = wanted ? total.value : 0;
  useEffect(() => {
    if (!wanted) return;
    const abort = new AbortController();
    getRunIds(query, [], [], abort.signal).then(
      ({ ids }) => setKnown({ of, ids }),
      (error: unknown) => abort.signal.aborted || toastError(error),
    );
    return () => abort.abort();
  }, [wanted, of, count]);
  return wanted && known.of === of ? known.ids : NONE;
}

const NONE: readonly string[] = [];
