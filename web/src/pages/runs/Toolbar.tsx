/** The line above the table: what is shown, filtered, grouped and in which columns. */

import type { ApiError } from "../../api/error";
import { FilterBox } from "../../components/FilterBox";
import { Icon, type IconName } from "../../components/icons";
import { Folded, ListOrCharts, projectsShown, toggleProjects } from "../../components/narrow";
import { formatCount, plural } from "../../pure/format";
import { runsLayout } from "../../state/prefs";
import { indexing, listLoaded } from "../../state/renewal";
import { param, setParams } from "../../state/route";
import { total } from "../../state/runs";
import type { ColumnActions, TableColumns } from "../../state/tableColumns";
import { ColumnsMenu } from "./ColumnsMenu";
import { GroupMenu } from "./GroupMenu";

interface Props {
  filterRef: { current: HTMLInputElement | null };
  filterError: ApiError | null;
  /** Runs there are in all, whatever the filter. */
  all: number;
  columns: TableColumns;
  actions: ColumnActions;
}

export function Toolbar({ filterRef, filterError, all, columns, actions }: Props) {
  const folded = !projectsShown();
  const [archived, bin] = [param("archived") === "1", param("deleted") === "1"];
  return (
    <div class="toolbar runs-toolbar">
      <button type="button" class="icon-button" aria-label={folded ? "Show projects" : "Hide projects"} title={`${folded ? "Show" : "Hide"} projects ([)`} onClick={toggleProjects}>
        <Icon name="sidebar" />
      </button>
      <FilterBox inputRef={filterRef} error={filterError} />
      {indexing.value && (
        <span class="indexing num" title="The first look at a big storage root; later ones begin from what is known">
          <progress max={indexing.value.total} value={indexing.value.done} aria-label="Reading runs" />
          reading runs: {formatCount(indexing.value.done)} of {formatCount(indexing.value.total)}
        </span>
      )}
      <span class="runs-count num muted" aria-live="polite">
        {!listLoaded.value ? "" : total.value === all || bin ? plural(total.value, "run") : `${formatCount(total.value)} of ${formatCount(all)}`}
      </span>
      <ListOrCharts />
      <Folded label="More of the toolbar">
        <button type="button" class="toggle" aria-pressed={archived} onClick={() => setParams({ archived: archived ? "" : "1" })} title="Show archived runs as well">
          Archived
        </button>
        <button type="button" class="toggle" aria-pressed={bin} onClick={() => setParams({ deleted: bin ? "" : "1", sel: "", but: "" })} title="Show the runs in the bin instead">
          Bin
        </button>
        <GroupMenu />
        <ColumnsMenu columns={columns} actions={actions} />
        <LayoutSwitch />
      </Folded>
    </div>
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
