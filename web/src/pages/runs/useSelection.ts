/** The selection of the Runs page: kept in the URL, `all` of it asked of the viewer. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getRunIds } from "../../api/client";
import { composeQuery, filterParams, type RunsQuery } from "../../pure/query";
import { param, setParams } from "../../state/route";
import { total } from "../../state/runs";
import { formatSelection, parseSelection, rangeOf, selectedIds, withRuns, type Selection } from "../../state/selection";
import { toastError } from "../../state/toasts";
import { NEWEST } from "../ChosenCharts";

export interface RunSelection {
  kind: Selection["kind"];
  ids: readonly string[];
  toggle: (id: string, range: boolean) => void;
  select: (ids: readonly string[], on: boolean) => void;
  selectAll: () => void;
  clear: () => void;
}

export function useSelection(query: RunsQuery, rowIds: readonly string[]): RunSelection {
  const [sel, but] = [param("sel"), param("but")];
  const selection = useMemo(() => parseSelection(sel, but), [sel, but]);
  const all = useAllIds(query, selection.kind === "all");
  const ids = useMemo(() => selectedIds(selection, rowIds.slice(0, NEWEST), all), [selection, all, selection.kind === "default" ? rowIds.slice(0, NEWEST).join() : ""]);
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
  return { kind: selection.kind, ids, toggle, select, selectAll, clear };
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
