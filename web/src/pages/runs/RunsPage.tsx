/** How are my runs doing: projects on the left, runs in the middle, the chosen runs' charts beside them. */

import { own } from "../../pure/own";
import { signal } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Run } from "../../api/types";
import { Delayed, ErrorState, TableBones } from "../../components/basics";
import { lazy } from "../../components/lazy";
import { ProjectsPane, shownLayout, toggleProjects } from "../../components/narrow";
import { Note, Notes } from "../../components/Note";
import { editRun } from "../../components/RunActions";
import { Split } from "../../components/Split";
import { RunTable } from "../../components/table/RunTable";
import { colourOf } from "../../pure/colours";
import { columnOf, defaultColumns, metricOf, withHost } from "../../pure/columns";
import { isGroupKey, MAX_LEVELS } from "../../pure/grouping";
import { joinKeys, splitKeys } from "../../pure/keyList";
import { isNewestFirst, nextSorts, parseSorts, type RunsQuery } from "../../pure/query";
import { rangesOf } from "../../pure/rowItems";
import type { Shown } from "../../pure/tableLayout";
import { baseline, showBaseline } from "../../state/baseline";
import { groupBy, groupLines, setGroupBy } from "../../state/grouping";
import { ensureGroupRows, groupRows, reloadGroups, showGroups } from "../../state/groupedRuns";
import { headsOf } from "../../state/heads";
import { moveKeys, useKeys } from "../../state/keys";
import { chosenColours, stylesOf } from "../../state/looks";
import { listBusy, listError, listLoaded } from "../../state/renewal";
import { go, param, runHash, setParams } from "../../state/route";
import { severalPlaces } from "../../state/sources";
import { columns as names, ensureRows, problem, projects, reloadRuns, runs, showRuns, total } from "../../state/runs";
import { moved } from "../../state/selection";
import { columnActions, spellOutColumns, tableColumns } from "../../state/tableColumns";
import { ChosenCharts } from "../ChosenCharts";
import { NoMatch, NoRuns } from "./empty";
import { Toolbar } from "./Toolbar";
import { useGroups } from "./useGroups";
import { useSelection } from "./useSelection";

/** Which of these pages asked last: one may be taken away only after the next one is there. */
let onShow: object | null = null;

const BulkBar = lazy(() => import("./BulkBar"), (part) => part.BulkBar, null);

const highlighted = signal<string | null>(null);
const cursor = signal(-1);
const cursorKey = signal<string | null>(null);

/** Lines beyond those in sight whose runs are loaded as well. */
const AHEAD = 40;

export function RunsPage() {
  const project = param("p");
  const [q, sortText, orderText] = [param("q"), param("sort"), param("order")];
  const [archived, bin] = [param("archived") === "1", param("deleted") === "1"];
  const sorts = useMemo(() => parseSorts(splitKeys(sortText), orderText), [sortText, orderText]);
  const by = groupBy();
  const byKey = joinKeys(by);

  // The columns of somebody who chose none are settled once, so that they do not change while data comes in.
  const settled = useRef<string[] | null>(null);
  const grouped = groupRows.value;
  const inGroups = useMemo(() => [...grouped].sort(([a], [b]) => a - b).map(([, run]) => run), [grouped]);
  const known = by.length ? inGroups : runs.value;
  if (!settled.current && listLoaded.value && known.length) settled.current = defaultColumns(known, names.value);
  const usual = withHost(settled.current ?? ["state", "created"], severalPlaces.value);
  const columns = tableColumns(project, usual.filter((key) => !by.includes(key))); // what is grouped by stands at the left
  const actions = columnActions(project, columns);
  useEffect(() => spellOutColumns(project), [project, param("cols")]);
  const columnsKey = joinKeys(columns.keys);
  const metricColumns = useMemo(() => columns.keys.filter((key) => metricOf(key)), [columnsKey]);
  const stat = useMemo(() => columns.keys.filter((key) => columnOf(key)?.numeric), [columnsKey]);

  const query = useMemo<RunsQuery>(
    () => ({ project, q, sorts, archived: archived || bin ? undefined : false, deleted: bin || undefined, columns: metricColumns }) as RunsQuery,
    [project, q, sorts, archived, bin, metricColumns],
  );
  // Before anything of the new question is on the screen: no moment in which old rows pass for its answer.
  const me = useRef({}).current;
  useLayoutEffect(() => {
    onShow = me;
    showRuns(byKey ? null : query);
    showGroups(byKey ? { query, by, stat } : null);
  }, [query, byKey, stat]);
  const latest = useRef(query);
  latest.current = query;
  useEffect(
    () => () => {
      // Who leaves and comes back at once is there before this is told.
      if (onShow !== me) return;
      // Other pages know of what runs from the plain list.
      showGroups(null);
      showRuns(latest.current);
    },
    [],
  );
  useEffect(() => {
    cursor.value = -1;
  }, [project, q, sortText, orderText, byKey, bin]);
  const base = param("base");
  useEffect(() => showBaseline(base, metricColumns), [base, metricColumns]);

  const filter = useRef<HTMLInputElement>(null);
  const rowIds = useMemo(() => known.map((run) => run.id), [known]);
  const selection = useSelection(query, rowIds, by.length > 0);
  const { ids, drawn } = selection;
  const layout = shownLayout();
  const inCharts = by.length && layout !== "table" ? groupLines(drawn, by) : [];
  const inChartsText = JSON.stringify(inCharts);
  const styles = useMemo(() => {
    const shown = stylesOf(ids.length ? drawn : []);
    for (const id of ids) if (!shown.has(id)) shown.set(id, { colour: own(chosenColours.value, id) ?? colourOf(id), dash: 0 });
    // What is drawn is the line of the group.
    for (const group of inCharts) for (const id of group.ids) if (shown.has(id)) shown.set(id, group.style);
    return shown;
  }, [ids, drawn, inChartsText, chosenColours.value]);
  const groupTable = useGroups({ by, stat, query, selected: ids, allSelected: selection.kind === "all" && !param("but"), drawn: inCharts, onSelect: selection.select });

  const count = groupTable ? groupTable.items.length : total.value;
  const rowAt = useCallback((index: number): Run | undefined => (byKey ? grouped.get(index) : runs.value[index]), [byKey, grouped, runs.value]);
  const itemAt = (line: number) => groupTable?.items[line];
  const runAt = (line: number): Run | undefined => {
    const item = itemAt(line);
    return item ? (item.kind === "run" ? rowAt(item.index) : undefined) : groupTable ? undefined : rowAt(line);
  };
  const onLines = (first: number, last: number) => {
    if (groupTable) ensureGroupRows(rangesOf(groupTable.items, Math.max(0, first - AHEAD), last + AHEAD));
    else if (last > runs.value.length && runs.value.length < total.value) void ensureRows(last + AHEAD);
  };

  const open = (run: Run) => go(runHash(run.id));
  const onSort = (column: Shown, add: boolean) => {
    const next = nextSorts(sorts, column.sort, column.firstOrder, add);
    setParams(isNewestFirst(next) ? { sort: "", order: "" } : { sort: joinKeys(next.map((one) => one.key)), order: next.map((one) => one.order).join(",").replace(/^desc(,desc)*$/, "") });
  };
  const move = (by: number) => {
    cursor.value = moved(cursor.value, by, count);
  };
  const sideways = (by: number) => {
    const item = itemAt(cursor.value);
    if (item?.kind === "group") {
      if (item.open !== by > 0) groupTable!.onFold(item);
      return;
    }
    const at = columns.keys.indexOf(cursorKey.value ?? "");
    cursorKey.value = columns.keys[Math.max(0, Math.min(columns.keys.length - 1, at + by))] ?? null;
  };
  const withRun = (act: (run: Run) => void) => () => {
    const run = runAt(cursor.value);
    if (run) act(run);
  };
  const pinBase = withRun((run) => setParams({ base: base === run.id ? "" : run.id }));
  useKeys({
    ...moveKeys(move),
    ArrowLeft: () => sideways(-1),
    ArrowRight: () => sideways(1),
    h: () => sideways(-1),
    l: () => sideways(1),
    x: () => {
      const item = itemAt(cursor.value);
      if (item?.kind === "group") groupTable!.onToggle(item);
      else withRun((run) => selection.toggle(run.id, false))();
    },
    a: selection.selectAll,
    b: pinBase,
    f: () => {
      cursorKey.value ??= columns.keys[0] ?? null;
      requestAnimationFrame(() => document.querySelector<HTMLElement>(".row.cursor .cell-menu button")?.click());
    },
    z: () => groupTable?.foldAll(!groupTable.items.some((item) => item.kind === "group" && item.open)),
    Enter: () => {
      const item = itemAt(cursor.value);
      if (item?.kind === "group") groupTable!.onFold(item);
      else withRun(open)();
    },
    e: withRun((run) => editRun(run, "name")),
    "/": () => {
      filter.current?.focus();
      filter.current?.select();
    },
    Escape: () => (cursor.value = -1),
    "[": toggleProjects,
  });

  const error = listError.value;
  const filterError = error && (error.code === "INVALID_QUERY" || error.status === 422) ? error : null;
  const all = projects.value.reduce((sum, one) => sum + one.count, 0);
  const firstLoad = !listLoaded.value;
  // Who stands in the URL is asked for beside the list, and not after it.
  if (firstLoad && layout !== "table") headsOf(drawn, by);
  const explicit = selection.kind !== "default" && ids.length > 0;
  return (
    <div class="runs-page">
      <ProjectsPane />
      <main class="runs-main">
        <h1 class="visually-hidden">Runs</h1>
        <Toolbar filterRef={filter} filterError={filterError} all={all} columns={columns} actions={actions} />
        <Notes>{problem.value && <Note>{problem.value}</Note>}</Notes>
        {error && !filterError ? (
          <ErrorState
            error={error}
            onRetry={() => {
              reloadRuns();
              reloadGroups();
            }}
          />
        ) : firstLoad && !filterError ? (
          <Delayed>
            <TableBones rows={14} widths={[12, 110, 44, 60, 50]} />
          </Delayed>
        ) : all === 0 && !q && !archived && !bin ? (
          <NoRuns />
        ) : (
          <Split
            left={
              layout === "charts" ? null : total.value === 0 ? (
                <NoMatch unread={filterError !== null} />
              ) : (
                <>
                  <RunTable
                    columnKeys={columns.keys}
                    pinned={columns.pinned}
                    fit={!columns.chosen}
                    sorts={sorts}
                    count={count}
                    rowAt={rowAt}
                    rows={known}
                    grouped={groupTable}
                    onLines={onLines}
                    base={base ? baseline.value : null}
                    selected={styles}
                    onToggle={selection.toggle}
                    cursor={cursor.value}
                    cursorKey={cursorKey.value}
                    onCursor={(line, key) => {
                      cursor.value = line;
                      cursorKey.value = key;
                    }}
                    onOpen={open}
                    highlighted={highlighted}
                    busy={listBusy.value || filterError !== null}
                    onSort={onSort}
                    onMove={actions.move}
                    onPin={actions.pin}
                    onHide={actions.hide}
                    canGroup={(key) => isGroupKey(key) && !by.includes(key) && by.length < MAX_LEVELS}
                    onGroup={(key) => setGroupBy([...by, key])}
                  />
                  {explicit && (
                    <BulkBar
                      ids={ids}
                      total={total.value}
                      all={selection.kind === "all"}
                      bin={bin}
                      archived={known.some((run) => run.archived && styles.has(run.id)) && known.every((run) => run.archived || !styles.has(run.id))}
                      onAll={selection.selectAll}
                      onClear={selection.clear}
                    />
                  )}
                </>
              )
            }
            right={layout === "table" ? null : <ChosenCharts ids={drawn} chosen={Math.max(ids.length, drawn.length)} byDefault={selection.kind === "default"} highlighted={highlighted} />}
          />
        )}
      </main>
    </div>
  );
}
