/** The table of runs: only the rows in sight exist, and rows that have not come yet keep their place. */

import type { Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Run } from "../api/types";
import type { LineStyle } from "../pure/colours";
import { columnOf, shortTexts, valueOf, type Column } from "../pure/columns";
import { formatCount, formatDuration, formatExact, formatShortDuration, formatValue } from "../pure/format";
import { apart as tellApart, type Apart } from "../pure/names";
import { slowNow } from "../state/clock";
import { runHash } from "../state/route";
import { addedAbove, ensureRows, runs, total } from "../state/runs";
import { Ago, Bone } from "./basics";
import { Icon, StateIcon } from "./icons";
import { RunMenu } from "./RunActions";
import { After, Before, NameText } from "./RunName";
import { useInSight, useSteadyFocus, useVirtual } from "./virtual";

export const ROW = 28;
const HEAD = 28;
const NAME_MIN = 156;

interface Props {
  columnKeys: readonly string[];
  /** Leave out columns at the end that the width does not hold; those that somebody chose are all there, to be scrolled to. */
  fit: boolean;
  sort: string;
  order: "asc" | "desc";
  onSort: (column: Column) => void;
  selected: ReadonlyMap<string, LineStyle>;
  onToggle: (id: string, range: boolean) => void;
  cursor: number;
  onCursor: (index: number) => void;
  onOpen: (run: Run) => void;
  highlighted: Signal<string | null>;
  busy: boolean;
}

const NAME: Column = { key: "name", label: "Name", sort: "name", firstOrder: "asc", width: NAME_MIN, numeric: false };

/** Return the columns that go into `width`, in their order; the state and the first results are the last to give way. */
function fitting(columns: readonly Shown[], width: number): Shown[] {
  const seen = { summary: 0, config: 0 };
  const ranked = columns.map((column) => {
    if (column.key === "state") return { column, rank: 0 };
    if (column.key.startsWith("summary.")) return { column, rank: 1 + 2 * seen.summary++ };
    if (column.key.startsWith("config.")) return { column, rank: 2 + 2 * seen.config++ };
    return { column, rank: 99 };
  });
  let left = width;
  const kept = new Set<Shown>();
  for (const { column } of [...ranked].sort((a, b) => a.rank - b.rank)) {
    left -= column.width;
    if (left < 0) break;
    kept.add(column);
  }
  return columns.filter((column) => kept.has(column));
}

interface Shown extends Column {
  /** What its numbers read, where that is shorter than they are. */
  texts: ReadonlyMap<number, string>;
}

const MAX_NUMBER = 190;

/** Return the column with the texts of its values, and as wide as its numbers need: one that is cut looks like another. */
function wideEnough(column: Column, rows: readonly Run[]): Shown {
  const texts = shortTexts(rows, column.key);
  if (!column.numeric || column.sort !== column.key) return { ...column, texts };
  const length = rows.reduce((most, run) => {
    const value = valueOf(run, column.key);
    const text = typeof value === "number" ? (texts.get(value) ?? formatExact(value)) : typeof value === "bigint" ? formatExact(value) : "";
    return Math.max(most, text.length);
  }, 0);
  return { ...column, texts, width: Math.max(column.width, Math.min(MAX_NUMBER, length * 7 + 22)) };
}

/** How long a run took, or has taken up to now. */
export function secondsOf(run: Run, now: number): number | null {
  if (run.state !== "running") return run.duration_secs;
  const since = (now - Date.parse(run.created_at)) / 1000;
  return since >= 0 ? since : run.duration_secs;
}

export function RunTable(props: Props) {
  const { columnKeys, sort, order, onSort, selected, cursor, onCursor, highlighted, busy } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const measure = () => setWidth(box.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const rows = runs.value;
  const all = useMemo(() => columnKeys.map(columnOf).filter((one): one is Column => one !== null).map((column) => wideEnough(column, rows)), [columnKeys.join("\n"), rows]);
  const names = useMemo(() => tellApart(rows), [rows]);
  const columns = props.fit && width ? fitting(all, width - 32 - NAME_MIN) : all;
  const template = `32px minmax(${NAME_MIN}px, 1.6fr) ${columns.map((one) => `minmax(${one.width}px, 1fr)`).join(" ")}`;
  const minWidth = 32 + NAME_MIN + columns.reduce((sum, one) => sum + one.width, 0);
  const count = total.value;
  const { first, last } = useVirtual(scroller, count, ROW);

  useEffect(() => {
    if (last > rows.length && rows.length < count) void ensureRows(last + 40);
  }, [last, rows.length, count]);

  // Runs that came in above push nothing away for somebody who has scrolled down.
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && addedAbove.value > 0 && box.scrollTop > ROW / 2) box.scrollTop += addedAbove.value * ROW;
    addedAbove.value = 0;
  }, [rows]);

  useInSight(scroller, cursor, ROW, HEAD);
  useSteadyFocus(scroller);

  const indices = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  return (
    <div
      ref={scroller}
      class={`table-scroll${busy ? " busy" : ""}`}
      role="grid"
      aria-label="Runs"
      aria-rowcount={count + 1}
      aria-colcount={columns.length + 2}
      aria-busy={busy}
      tabIndex={0}
      aria-activedescendant={cursor >= 0 && rows[cursor] ? `run-${rows[cursor].id}` : undefined}
      onMouseLeave={() => (highlighted.value = null)}
    >
      <div class="table" style={{ "--columns": template, minWidth: `${minWidth}px`, height: `${HEAD + count * ROW}px` }}>
        <div class="table-head" role="row" aria-rowindex={1}>
          <span role="columnheader" class="cell">
            <span class="visually-hidden">Shown in charts</span>
          </span>
          {[NAME, ...columns].map((column) => {
            const active = column.sort !== null && column.sort === sort;
            return (
              <div
                key={column.key}
                role="columnheader"
                class={`cell head${column.numeric ? " numeric" : ""}${column.key === "name" ? " name" : ""}`}
                aria-sort={active ? (order === "asc" ? "ascending" : "descending") : undefined}
              >
                {column.sort ? (
                  <button type="button" class={active ? "active" : ""} title={column.key} onClick={() => onSort(column)}>
                    <span class="ellipsis">{column.label}</span>
                    {active && <Icon name={order === "asc" ? "arrowUp" : "arrowDown"} size={11} />}
                  </button>
                ) : (
                  <span class="ellipsis">{column.label}</span>
                )}
              </div>
            );
          })}
        </div>
        {indices.map((index) => {
          const run = rows[index];
          return run ? (
            <Row key={run.id} {...props} run={run} index={index} columns={columns} style={selected.get(run.id) ?? null} apart={names.get(run.id)} isCursor={index === cursor} onCursor={onCursor} />
          ) : (
            <div key={`gap-${index}`} class="row" role="row" aria-rowindex={index + 2} style={{ top: `${HEAD + index * ROW}px` }}>
              <span class="cell" />
              <span class="cell name">
                <Bone width={90 + ((index * 37) % 60)} />
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface RowProps extends Props {
  run: Run;
  index: number;
  columns: readonly Shown[];
  style: LineStyle | null;
  apart: Apart | undefined;
  isCursor: boolean;
}

function Row({ run, index, columns, style, apart, isCursor, onCursor, onToggle, onOpen, highlighted }: RowProps) {
  const chosen = style !== null;
  const lit = highlighted.value === run.id;
  return (
    <div
      id={`run-${run.id}`}
      class={`row${chosen ? " chosen" : ""}${isCursor ? " cursor" : ""}${lit ? " lit" : ""}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      style={{ top: `${HEAD + index * ROW}px` }}
      onMouseEnter={() => (highlighted.value = chosen ? run.id : null)}
      onClick={() => onCursor(index)}
      onDblClick={() => onOpen(run)}
    >
      <span role="gridcell" class="cell pick">
        <ColourBox run={run} style={style} onToggle={onToggle} />
      </span>
      <span role="gridcell" class="cell name">
        <Before apart={apart} />
        <a href={runHash(run.id)} class="run-link ellipsis" title={`${run.name}\n${run.project}${run.note ? `\n${run.note}` : ""}`} aria-label={run.name} tabIndex={-1}>
          <NameText name={run.name} apart={apart} />
        </a>
        <After apart={apart} />
        {run.archived && <span class="tag quiet">archived</span>}
        {!columns.some((one) => one.key === "tags") && run.tags.slice(0, 1).map((tag) => <Tag key={tag} text={tag} />)}
        <span class="row-menu">
          <RunMenu run={run} />
        </span>
      </span>
      {columns.map((column) => (
        <Cell key={column.key} run={run} column={column} />
      ))}
    </div>
  );
}

const Tag = ({ text }: { text: string }) => <span class="tag">{text}</span>;

function ColourBox({ run, style, onToggle }: { run: Run; style: LineStyle | null; onToggle: Props["onToggle"] }) {
  const colour = style ? `var(--run-${style.colour})` : "transparent";
  return (
    <button
      type="button"
      role="checkbox"
      class={`colour-box${style?.dash ? " dashed" : ""}`}
      aria-checked={style !== null}
      aria-label={`Show ${run.name} in charts`}
      title={style ? "Shown in charts (x)" : "Show in charts (x)"}
      tabIndex={-1}
      onClick={(event) => {
        event.stopPropagation();
        onToggle(run.id, event.shiftKey);
      }}
    >
      <span style={{ background: colour, borderColor: style ? colour : undefined }} />
    </button>
  );
}

function Cell({ run, column }: { run: Run; column: Shown }) {
  if (column.key === "state") {
    const secs = secondsOf(run, slowNow.value);
    return (
      <span role="gridcell" class={`cell state-${run.state}`} title={`${run.state}, ${formatDuration(secs)}${run.exit_reason ? `\n${run.exit_reason}` : ""}`}>
        <StateIcon state={run.state} />
        <span class="visually-hidden">{run.state}</span>
        <span class="num state-age">{formatShortDuration(secs)}</span>
      </span>
    );
  }
  if (column.key === "created")
    return (
      <span role="gridcell" class="cell muted">
        <Ago at={run.created_at} />
      </span>
    );
  if (column.key === "tags")
    return (
      <span role="gridcell" class="cell tags">
        {run.tags.map((tag) => (
          <Tag key={tag} text={tag} />
        ))}
      </span>
    );
  const text = plainText(run, column);
  const numeric = column.numeric && isNumeric(run, column);
  return (
    <span role="gridcell" class={`cell${numeric ? " numeric num" : column.numeric ? " numeric" : ""}${text === "NaN" ? " bad" : ""}`} title={text === "–" ? undefined : fullText(run, column, text)}>
      <span class={`ellipsis${text === "–" ? " faint" : ""}`}>{text}</span>
    </span>
  );
}

function isNumeric(run: Run, column: Column): boolean {
  if (column.key === "duration" || column.key === "step") return true;
  const value = valueOf(run, column.key);
  return typeof value === "number" || typeof value === "bigint";
}

function plainText(run: Run, column: Shown): string {
  if (column.key === "duration") return formatDuration(secondsOf(run, slowNow.value));
  if (column.key === "step") return run.step === null ? "–" : formatCount(run.step);
  if (column.key === "project") return run.project;
  if (column.key === "host") return run.host ?? "–";
  if (column.key === "note") return run.note || "–";
  const value = valueOf(run, column.key);
  return (typeof value === "number" ? column.texts.get(value) : undefined) ?? formatValue(value);
}

function fullText(run: Run, column: Column, text: string): string {
  const value = valueOf(run, column.key);
  return typeof value === "number" ? formatExact(value) : text;
}
