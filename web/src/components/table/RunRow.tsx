/** The row of one run. */

import { useComputed, type Signal } from "@preact/signals";
import type { Run } from "../../api/types";
import type { LineStyle } from "../../pure/colours";
import { ownLength, type Apart } from "../../pure/names";
import { awayText } from "../../pure/places";
import type { Layout } from "../../pure/tableLayout";
import { slowNow } from "../../state/clock";
import { runHash } from "../../state/route";
import { awaySources, severalPlaces } from "../../state/sources";
import { Icon } from "../icons";
import { RunMenu } from "../RunActions";
import { After, Before, NameText } from "../RunName";
import { Cell, stuck, Tag } from "./Cell";
import { CellMenu } from "./CellMenu";
import { plainText } from "./cellText";
import { ColourBox } from "./ColourBox";

interface Props {
  run: Run;
  /** Its line in the table. */
  line: number;
  top: number;
  layout: Layout;
  style: LineStyle | null;
  hidden: boolean;
  apart: Apart | undefined;
  base: Run | null;
  isCursor: boolean;
  /** The column whose cell the cursor is in. */
  cursorKey: string | null;
  /** How deep it lies in groups. */
  depth: number;
  highlighted: Signal<string | null>;
  onCursor: (line: number, key: string | null) => void;
  onToggle: (id: string, range: boolean) => void;
  onOpen: (run: Run) => void;
  id?: string;
}

/** Beside a longer name, a tag would take the room that tells it from others. */
const SHORT_NAME = 16;

const keyAt = (target: EventTarget | null): string | null => (target as HTMLElement | null)?.closest<HTMLElement>("[data-key]")?.dataset.key ?? null;

export function RunRow({ run, line, top, layout, style, hidden, apart, base, isCursor, cursorKey, depth, highlighted, onCursor, onToggle, onOpen, id }: Props) {
  const chosen = style !== null;
  // As a signal of its own: of all rows, the two that it is about are drawn anew.
  const lit = useComputed(() => highlighted.value === run.id).value;
  const isBase = base?.id === run.id;
  const away = awaySources.value.get(run.source ?? "");
  return (
    <div
      id={id ?? `run-${run.id}`}
      class={`row${chosen ? " chosen" : ""}${isCursor ? " cursor" : ""}${lit ? " lit" : ""}${isBase ? " baseline" : ""}${away ? " away" : ""}`}
      role="row"
      aria-rowindex={line + 2}
      aria-level={depth ? depth + 1 : undefined}
      aria-selected={chosen}
      style={{ top: `${top}px` }}
      onMouseEnter={() => (highlighted.value = chosen || depth ? run.id : null)}
      onClick={(event) => onCursor(line, keyAt(event.target))}
      onContextMenu={(event) => {
        const key = keyAt(event.target);
        if (!key) return;
        event.preventDefault();
        onCursor(line, key);
        const row = event.currentTarget;
        requestAnimationFrame(() => row.querySelector<HTMLElement>(".cell-menu button")?.click());
      }}
      onDblClick={() => onOpen(run)}
    >
      <span role="gridcell" class="cell pick stuck" style={{ left: "0" }}>
        <ColourBox name={run.name} style={style} hidden={hidden} onToggle={(range) => onToggle(run.id, range)} />
      </span>
      <span role="gridcell" class="cell name stuck" style={{ ...stuck(layout.name), paddingLeft: `${4 + depth * 14}px` }}>
        {isBase && (
          <span class="base-mark" title="The baseline: other rows show how far they are from it">
            <Icon name="pin" size={12} />
          </span>
        )}
        <Before apart={apart} />
        <a href={runHash(run.id)} class="run-link ellipsis" title={`${run.name}${away ? `\n${awayText(away, slowNow.value)}` : ""}\n${run.project}${run.tags.length ? `\n${run.tags.join(", ")}` : ""}${run.note ? `\n${run.note}` : ""}`} aria-label={run.name} tabIndex={-1}>
          <NameText name={run.name} apart={apart} />
        </a>
        <After apart={apart} />
        {severalPlaces.value && run.place && !layout.columns.some((one) => one.key === "host") && <span class="tag quiet place">{run.place}</span>}
        {run.archived && <span class="tag quiet">archived</span>}
        {ownLength(run.name, apart) <= SHORT_NAME && !layout.columns.some((one) => one.key === "tags") && run.tags.slice(0, 1).map((tag) => <Tag key={tag} text={tag} />)}
        <span class="row-menu">
          <RunMenu run={run} />
        </span>
      </span>
      {layout.columns.map((column) => {
        const here = isCursor && cursorKey === column.key;
        return (
          <Cell key={column.key} run={run} column={column} base={base} here={here} menu={here ? <CellMenu run={run} column={column} text={plainText(run, column, slowNow.value)} /> : null} />
        );
      })}
    </div>
  );
}
