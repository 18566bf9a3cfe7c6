/** How are my runs doing: projects on the left, runs in the middle, the chosen runs' charts beside them. */

import { signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Run } from "../api/types";
import { Code, Delayed, EmptyState, ErrorState, TableBones } from "../components/basics";
import { FilterBox } from "../components/FilterBox";
import { Icon, type IconName } from "../components/icons";
import { Popover } from "../components/overlay";
import { editRun } from "../components/RunActions";
import { Folded, ListOrCharts, ProjectsPane, projectsShown, shownLayout, toggleProjects } from "../components/narrow";
import { Note, Notes } from "../components/Note";
import { RunTable } from "../components/RunTable";
import { lineStyles } from "../pure/colours";
import { columnOf, defaultColumns, FIXED_KEYS, type Column } from "../pure/columns";
import { formatCount } from "../pure/format";
import { nextSort } from "../pure/query";
import { moveKeys, useKeys } from "../state/keys";
import { health, isRemote } from "../state/link";
import { runsLayout, tableShare } from "../state/prefs";
import { go, param, runHash, setParams } from "../state/route";
import { ChosenCharts, NEWEST } from "./ChosenCharts";
import { columns, indexing, listBusy, listError, listLoaded, problem, projects, reloadRuns, runs, showRuns, total } from "../state/runs";

const EXAMPLE = `import runicorn as rn

run = rn.init(project="vision/resnet", config={"lr": 0.01})
for step in range(1000):
    run.log({"train/loss": 1 / (step + 1)})
run.finish()`;

const highlighted = signal<string | null>(null);
const cursor = signal(-1);

export function RunsPage() {
  const project = param("p");
  const q = param("q");
  const sort = param("sort") || "created_at";
  const order = param("order") === "asc" ? "asc" : "desc";
  const archived = param("archived") === "1";
  useEffect(() => {
    showRuns({ project, q, sort, order, archived });
  }, [project, q, sort, order, archived]);
  useEffect(() => {
    cursor.value = -1;
  }, [project, q, sort, order]);

  const filter = useRef<HTMLInputElement>(null);
  const rows = runs.value;
  const ids = selectedIds(param("sel"), rows);
  const idsKey = ids.join(" ");
  const styles = useMemo(() => lineStyles(ids), [idsKey]);

  // The columns of somebody who chose none are settled once, so that they do not change while data comes in.
  const settled = useRef<string[] | null>(null);
  if (!settled.current && listLoaded.value && rows.length) settled.current = defaultColumns(rows, columns.value);
  const chosenColumns = param("cols") ? param("cols").split(",").filter(columnOf) : (settled.current ?? ["state", "created"]);

  const lastToggled = useRef<string | null>(null);
  const toggle = (id: string, range: boolean) => {
    const next = new Set(ids);
    const from = range && lastToggled.current ? rows.findIndex((run) => run.id === lastToggled.current) : -1;
    const to = rows.findIndex((run) => run.id === id);
    const on = !next.has(id);
    if (from >= 0 && to >= 0) for (const run of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) (on ? next.add(run.id) : next.delete(run.id));
    else if (on) next.add(id);
    else next.delete(id);
    lastToggled.current = id;
    setParams({ sel: next.size ? [...next].join(",") : "none" });
  };
  const open = (run: Run) => go(runHash(run.id));
  const onSort = (column: Column) => {
    if (!column.sort) return;
    const next = nextSort({ sort, order }, column.sort, column.firstOrder);
    setParams(next.sort === "created_at" && next.order === "desc" ? { sort: "", order: "" } : { sort: next.sort, order: next.order === "asc" ? "asc" : "" });
  };
  const move = (by: number) => {
    if (rows.length) cursor.value = Math.max(0, Math.min(rows.length - 1, cursor.value + by));
  };
  const atCursor = () => rows[cursor.value];
  useKeys({
    ...moveKeys(move),
    x: () => atCursor() && toggle(atCursor()!.id, false),
    Enter: () => atCursor() && open(atCursor()!),
    e: () => atCursor() && editRun(atCursor()!, "name"),
    "/": () => {
      filter.current?.focus();
      filter.current?.select();
    },
    Escape: () => (cursor.value = -1),
    "[": toggleProjects,
  });

  const layout = shownLayout();
  const error = listError.value;
  const filterError = error && (error.code === "INVALID_QUERY" || error.status === 422) ? error : null;
  const all = projects.value.reduce((sum, one) => sum + one.count, 0);
  const firstLoad = !listLoaded.value;

  return (
    <div class="runs-page">
      <ProjectsPane />
      <main class="runs-main">
        <h1 class="visually-hidden">Runs</h1>
        <div class="toolbar runs-toolbar">
          <button
            type="button"
            class="icon-button"
            aria-label={projectsShown() ? "Hide projects" : "Show projects"}
            title={`${projectsShown() ? "Hide" : "Show"} projects ([)`}
            onClick={toggleProjects}
          >
            <Icon name="sidebar" />
          </button>
          <FilterBox inputRef={filter} error={filterError ? [filterError.detail, filterError.hint].filter(Boolean).join(" ") : null} />
          {indexing.value && (
            <span class="indexing num" title="The first look at a big storage root; later ones begin from what is known">
              <progress max={indexing.value.total} value={indexing.value.done} aria-label="Reading runs" />
              reading runs: {formatCount(indexing.value.done)} of {formatCount(indexing.value.total)}
            </span>
          )}
          <span class="runs-count num muted" aria-live="polite">
            {firstLoad ? "" : total.value === all ? `${formatCount(all)} runs` : `${formatCount(total.value)} of ${formatCount(all)}`}
          </span>
          <ListOrCharts />
          <Folded label="More of the toolbar">
            <button type="button" class="toggle" aria-pressed={archived} onClick={() => setParams({ archived: archived ? "" : "1" })} title="Show archived runs as well">
              Archived
            </button>
            <ColumnsMenu chosen={chosenColumns} />
            <LayoutSwitch />
          </Folded>
        </div>
        <Notes>{problem.value && <Note>{problem.value}</Note>}</Notes>
        {error && !filterError ? (
          <ErrorState error={error} onRetry={reloadRuns} />
        ) : firstLoad && !filterError ? (
          <Delayed>
            <TableBones rows={14} widths={[12, 110, 44, 60, 50]} />
          </Delayed>
        ) : all === 0 && !q && !archived ? (
          <NoRuns />
        ) : (
          <Split
            left={
              layout === "charts" ? null : total.value === 0 ? (
                <NoMatch />
              ) : (
                <RunTable
                  columnKeys={chosenColumns}
                  fit={!param("cols")}
                  sort={sort}
                  order={order}
                  onSort={onSort}
                  selected={styles}
                  onToggle={toggle}
                  cursor={cursor.value}
                  onCursor={(index) => (cursor.value = index)}
                  onOpen={open}
                  highlighted={highlighted}
                  busy={listBusy.value || filterError !== null}
                />
              )
            }
            right={layout === "table" ? null : <ChosenCharts ids={ids} byDefault={param("sel") === ""} highlighted={highlighted} />}
          />
        )}
      </main>
    </div>
  );
}

/** The runs in the charts: those the URL names, or the first few of the list. */
function selectedIds(sel: string, rows: readonly Run[]): string[] {
  if (sel === "none") return [];
  if (sel) return [...new Set(sel.split(",").filter(Boolean))];
  return rows.slice(0, NEWEST).map((run) => run.id);
}

function ColumnsMenu({ chosen }: { chosen: readonly string[] }) {
  const search = useSignal("");
  const groups: { title: string; keys: string[] }[] = [
    { title: "Run", keys: [...FIXED_KEYS] },
    { title: "Config", keys: columns.value.config.map((key) => `config.${key}`) },
    { title: "Summary", keys: columns.value.summary.map((key) => `summary.${key}`) },
  ];
  const order = groups.flatMap((group) => group.keys);
  const toggle = (key: string) => {
    const next = chosen.includes(key) ? chosen.filter((one) => one !== key) : [...chosen, key].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    setParams({ cols: next.join(",") || "state" });
  };
  return (
    <Popover
      label="Columns"
      buttonClass="button quiet"
      button={
        <>
          <Icon name="columns" size={14} />
          Columns
        </>
      }
      onOpen={() => (search.value = "")}
    >
      {() => (
        <div class="columns-menu">
          <div class="input-wrap">
            <Icon name="search" size={14} />
            <input class="input bare" type="text" data-autofocus aria-label="Search columns" placeholder="Search columns" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
          </div>
          <div class="columns-list">
            {groups.map((group) => {
              const keys = group.keys.filter((key) => key.toLowerCase().includes(search.value.toLowerCase()));
              return keys.length ? (
                <fieldset key={group.title}>
                  <legend>{group.title}</legend>
                  {keys.map((key) => (
                    <label key={key} class="check-row">
                      <input type="checkbox" checked={chosen.includes(key)} onChange={() => toggle(key)} />
                      <span class="ellipsis">{columnOf(key)?.label}</span>
                    </label>
                  ))}
                </fieldset>
              ) : null;
            })}
          </div>
          <div class="columns-foot">
            <button type="button" class="link-button" onClick={() => setParams({ cols: "" })}>
              Back to the default
            </button>
          </div>
        </div>
      )}
    </Popover>
  );
}

const LAYOUTS: readonly { value: "table" | "both" | "charts"; label: string; icon: IconName }[] = [
  { value: "table", label: "Only the table", icon: "table" },
  { value: "both", label: "Table and charts", icon: "both" },
  { value: "charts", label: "Only the charts", icon: "chart" },
];

function LayoutSwitch() {
  return (
    <div class="segmented icons" role="radiogroup" aria-label="Layout">
      {LAYOUTS.map((one) => (
        <button key={one.value} type="button" role="radio" aria-checked={runsLayout.value === one.value} aria-label={one.label} title={one.label} onClick={() => (runsLayout.value = one.value)}>
          <Icon name={one.icon} size={14} />
        </button>
      ))}
    </div>
  );
}

function Split({ left, right }: { left: preact.ComponentChildren; right: preact.ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const both = left !== null && right !== null;
  const share = Math.min(0.85, Math.max(0.15, tableShare.value));
  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const bounds = box.current!.getBoundingClientRect();
    const move = (moved: PointerEvent) => {
      tableShare.value = Math.min(0.85, Math.max(0.15, (moved.clientX - bounds.left) / bounds.width));
    };
    const up = () => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", up);
      handle.removeEventListener("pointercancel", up);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", up);
    handle.addEventListener("pointercancel", up);
  };
  return (
    <div ref={box} class="split">
      {left !== null && (
        <div class="split-side" style={both ? { flex: `0 0 ${share * 100}%` } : { flex: "1" }}>
          {left}
        </div>
      )}
      {both && (
        <div
          class="divider"
          role="separator"
          aria-orientation="vertical"
          aria-label="Width of the table"
          aria-valuemin={15}
          aria-valuemax={85}
          aria-valuenow={Math.round(share * 100)}
          tabIndex={0}
          onPointerDown={drag}
          onDblClick={() => (tableShare.value = 0.5)}
          onKeyDown={(event) => {
            const by = event.key === "ArrowLeft" ? -0.02 : event.key === "ArrowRight" ? 0.02 : 0;
            if (!by) return;
            event.preventDefault();
            event.stopPropagation();
            tableShare.value = Math.min(0.85, Math.max(0.15, share + by));
          }}
        />
      )}
      {right !== null && <div class="split-side grow">{right}</div>}
    </div>
  );
}

function NoMatch() {
  const q = param("q");
  return (
    <EmptyState title="No run matches">
      <p>
        {q ? (
          <>
            Nothing fits <code>{q}</code>
            {param("p") ? (
              <>
                {" "}
                in <code>{param("p")}</code>
              </>
            ) : null}
            .
          </>
        ) : (
          "There is no run here."
        )}
      </p>
      <button type="button" class="button" onClick={() => setParams({ q: "", p: "" })}>
        Show all runs
      </button>
    </EmptyState>
  );
}

function NoRuns() {
  return (
    <EmptyState title="No runs yet">
      <p>
        Log the first one; it appears here by itself
        {health.value?.root ? (
          <>
            , as soon as it is written to <code>{health.value.root}</code>
          </>
        ) : null}
        .
      </p>
      <Code text={EXAMPLE} label="Copy the example" />
      {!isRemote.value && (
        <p>
          Are your runs on a server? <a href="#/remote">Open it from here</a>.
        </p>
      )}
    </EmptyState>
  );
}
