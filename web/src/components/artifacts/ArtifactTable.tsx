/** The table of artifacts: only the rows in sight exist. */

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { ArtifactOverview, ArtifactVersion } from "../../api/types";
import { ownIdOf } from "../../pure/address";
import { aliasesOf, placeName, type ArtifactSort } from "../../pure/artifacts";
import { formatBytes, formatCount } from "../../pure/format";
import { artifactHash, runHash } from "../../state/route";
import { Ago } from "../basics";
import { Icon } from "../icons";
import { useInSight, useSteadyFocus, useVirtual } from "../virtual";

const ROW = 28;

interface Column {
  label: string;
  sort?: ArtifactSort;
  first?: "asc" | "desc";
  /** As in grid-template-columns. */
  width: string;
  look?: string;
  show: (one: ArtifactOverview) => ComponentChildren;
}

const COLUMNS: readonly Column[] = [
  {
    label: "Name",
    sort: "name",
    width: "minmax(160px, 2fr)",
    show: ({ id, name, latest }) => (
      <a class="run-link ellipsis" href={artifactHash(id)} title={`${name}\n${latest.description}`}>
        {name}
      </a>
    ),
  },
  {
    label: "Type",
    sort: "type",
    width: "minmax(72px, 0.8fr)",
    look: "muted",
    show: ({ latest }) => (
      <span class="ellipsis" title={latest.type}>
        {latest.type}
      </span>
    ),
  },
  { label: "Versions", sort: "versions", first: "desc", width: "84px", look: "numeric num", show: ({ versions }) => formatCount(versions) },
  {
    label: "Latest",
    width: "minmax(110px, 1.2fr)",
    look: "num",
    show: ({ latest, aliases }) => (
      <>
        {latest.version} <Aliases aliases={aliasesOf(aliases, latest.version).slice(1)} />
      </>
    ),
  },
  { label: "Size", sort: "size", first: "desc", width: "84px", look: "numeric num", show: ({ latest }) => formatBytes(latest.size) },
  { label: "Made by", width: "minmax(110px, 1.2fr)", show: ({ latest }) => <RunLink version={latest} /> },
  { label: "When", sort: "created_at", first: "desc", width: "104px", look: "muted", show: ({ latest }) => <Ago at={latest.created_at} /> },
];
const HOST: Column = {
  label: "Host",
  sort: "host",
  width: "minmax(88px, 0.8fr)",
  show: ({ place }) => (
    <span class={`ellipsis${place ? "" : " muted"}`} title={placeName(place)}>
      {placeName(place)}
    </span>
  ),
};
const WITH_HOST = [...COLUMNS.slice(0, 2), HOST, ...COLUMNS.slice(2)];

interface Props {
  rows: readonly ArtifactOverview[];
  /** Whether a row has to say where it lives. */
  several: boolean;
  sort: ArtifactSort;
  order: "asc" | "desc";
  onSort: (sort: ArtifactSort, first: "asc" | "desc") => void;
  cursor: number;
  onCursor: (index: number) => void;
  onOpen: (one: ArtifactOverview) => void;
}

export function ArtifactTable({ rows, several, sort, order, onSort, cursor, onCursor, onOpen }: Props) {
  const columns = several ? WITH_HOST : COLUMNS;
  const scroller = useRef<HTMLDivElement>(null);
  const { first, last } = useVirtual(scroller, rows.length, ROW);
  useInSight(scroller, cursor, ROW, ROW);
  useSteadyFocus(scroller);
  return (
    <div
      ref={scroller}
      class="table-scroll"
      role="grid"
      aria-label="Artifacts"
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      aria-activedescendant={rows[cursor] ? `artifact-${cursor}` : undefined}
    >
      <div class={`table artifact-table${several ? " with-host" : ""}`} style={{ "--columns": columns.map((column) => column.width).join(" "), height: `${ROW + rows.length * ROW}px` }}>
        <div class="table-head" role="row" aria-rowindex={1}>
          {columns.map(({ label, sort: own, first: firstOrder = "asc", look = "" }) => {
            const active = own === sort;
            return (
              <div key={label} role="columnheader" class={`cell head ${look}`} aria-sort={active ? (order === "asc" ? "ascending" : "descending") : undefined}>
                {own ? (
                  <button type="button" class={active ? "active" : ""} onClick={() => onSort(own, firstOrder)}>
                    {label}
                    {active && <Icon name={order === "asc" ? "arrowUp" : "arrowDown"} size={11} />}
                  </button>
                ) : (
                  label
                )}
              </div>
            );
          })}
        </div>
        {rows.slice(first, last).map((one, at) => {
          const index = first + at;
          return (
            <div
              key={one.id}
              id={`artifact-${index}`}
              class={`row${index === cursor ? " cursor" : ""}`}
              role="row"
              aria-rowindex={index + 2}
              style={{ top: `${ROW + index * ROW}px` }}
              onClick={() => onCursor(index)}
              onDblClick={() => onOpen(one)}
            >
              {columns.map(({ label, look = "", show }) => (
                <span key={label} role="gridcell" class={`cell ${look}`}>
                  {show(one)}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

export const Aliases = ({ aliases }: { aliases: readonly string[] }) => (
  <>
    {aliases.map((alias) => (
      <span key={alias} class="tag" title={alias}>
        {alias}
      </span>
    ))}
  </>
);

/** The run that logged a version: a link by its name, or only its id where it is no longer here. */
export function RunLink({ version }: { version: ArtifactVersion }) {
  if (!version.run) return <span class="faint">–</span>;
  if (version.run_name === null)
    return (
      <span class="mono muted ellipsis" title="This run is not in this storage root">
        {ownIdOf(version.run)}
      </span>
    );
  return (
    <a class="ellipsis" href={runHash(version.run, "overview")} title={`${version.run_name}\n${ownIdOf(version.run)}`}>
      {version.run_name}
    </a>
  );
}
