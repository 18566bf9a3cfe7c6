/** The table of runs: only the lines in sight exist, and rows that have not come yet keep their place. */

import type { Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Run } from "../../api/types";
import type { LineStyle } from "../../pure/colours";
import { columnOf, type Column } from "../../pure/columns";
import { apart as tellApart, ownLength, type Apart } from "../../pure/names";
import type { SortKey } from "../../pure/query";
import type { GroupItem, Item } from "../../pure/rowItems";
import { layoutOf, type Shown } from "../../pure/tableLayout";
import { hiddenRuns } from "../../state/looks";
import { columnWidths } from "../../state/prefs";
import { addedAbove } from "../../state/runs";
import { Bone } from "../basics";
import { useInSight, useSteadyFocus, useVirtual } from "../virtual";
import { lazy } from "../lazy";
import type { Spread } from "./GroupRow";
import { Head, type HeadActions } from "./Head";
import { fittingWidth } from "./measure";
import { RunRow } from "./RunRow";

export const ROW = 28;
const HEAD = 28;
/** A run lies so much further to the right within groups. */
const INDENT_CHARS = 5;

/** The groups among the lines, where there are any. */
export interface Grouped {
  items: readonly Item[];
  label: (depth: number) => string;
  spread: (item: GroupItem, column: Shown) => Spread | null;
  means: (key: string) => readonly number[];
  checked: (item: GroupItem) => "true" | "false" | "mixed";
  /** How charts draw it; null where they do not. */
  style: (item: GroupItem) => LineStyle | null;
  onFold: (item: GroupItem) => void;
  onToggle: (item: GroupItem) => void;
}

const GroupRow = lazy(() => import("./GroupRow"), (part) => part.GroupRow, null);

interface Props extends Omit<HeadActions, "onResize" | "onFit"> {
  columnKeys: readonly string[];
  pinned: ReadonlySet<string>;
  /** Leave out columns at the end that the width does not hold; those that somebody chose are all there, to be scrolled to. */
  fit: boolean;
  sorts: readonly SortKey[];
  count: number;
  rowAt: (index: number) => Run | undefined;
  rows: readonly Run[];
  grouped: Grouped | null;
  /** Asked for when these lines come into sight. */
  onLines: (first: number, last: number) => void;
  base: Run | null;
  selected: ReadonlyMap<string, LineStyle>;
  onToggle: (id: string, range: boolean) => void;
  cursor: number;
  cursorKey: string | null;
  onCursor: (line: number, key: string | null) => void;
  onOpen: (run: Run) => void;
  highlighted: Signal<string | null>;
  busy: boolean;
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!box.current) return;
    const measure = () => box.current && setWidth(box.current.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

export function RunTable(props: Props) {
  const { columnKeys, pinned, sorts, count, rowAt, rows, grouped, base, selected, cursor, cursorKey, onCursor, highlighted, busy } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const width = useWidth(scroller);
  const widths = columnWidths.value;
  const compared = useMemo(() => (base && !rows.some((run) => run.id === base.id) ? [...rows, base] : rows), [rows, base]);
  const names = useMemo(() => tellApart(compared), [compared]);
  const nameLength = useMemo(() => longestOwn(rows, names), [rows, names]);
  const layout = useMemo(
    () =>
      layoutOf({
        columns: columnKeys.map(columnOf).filter((one): one is Column => one !== null),
        pinned,
        widths,
        rows: compared,
        also: grouped?.means ?? (() => []),
        compared: base !== null,
        grouped: grouped !== null,
        nameLength: nameLength + (grouped ? INDENT_CHARS : 0),
        room: width,
        fit: props.fit,
      }),
    [columnKeys.join("\n"), [...pinned].join("\n"), widths, compared, base, grouped?.means, grouped === null, nameLength, props.fit, width],
  );
  const top = HEAD + (base ? ROW : 0);
  const { first, last } = useVirtual(scroller, count, ROW);
  useEffect(() => props.onLines(first, last), [first, last, rows, count, grouped?.items]);

  // Runs that came in above push nothing away for somebody who has scrolled down.
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && addedAbove.value > 0 && box.scrollTop > ROW / 2) box.scrollTop += addedAbove.value * ROW;
    addedAbove.value = 0;
  }, [rows]);

  useInSight(scroller, cursor, ROW, top);
  useSteadyFocus(scroller);

  const onResize = (key: string, to: number | null) => {
    const { [key]: _, ...others } = columnWidths.value;
    columnWidths.value = to === null ? others : { ...others, [key]: to };
  };
  const onFit = (key: string) => onResize(key, fittingWidth(scroller.current, key, [layout.name, ...layout.columns], rows, base));
  const shared = { layout, base, highlighted, onCursor, onToggle: props.onToggle, onOpen: props.onOpen };
  const lines = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  const atCursor = cursor >= 0 ? (grouped ? grouped.items[cursor] : undefined) : undefined;
  const cursorRun = cursor < 0 || atCursor?.kind === "group" ? undefined : rowAt(atCursor?.kind === "run" ? atCursor.index : cursor);
  const active = atCursor?.kind === "group" ? `line-${cursor}` : cursorRun ? `run-${cursorRun.id}` : undefined;
  return (
    <div
      ref={scroller}
      class={`table-scroll${busy ? " busy" : ""}${base ? " compared" : ""}`}
      role={grouped ? "treegrid" : "grid"}
      aria-label="Runs"
      aria-rowcount={count + 1}
      aria-colcount={layout.columns.length + 2}
      aria-busy={busy}
      tabIndex={0}
      aria-activedescendant={active}
      onMouseLeave={() => (highlighted.value = null)}
    >
      <div class="table" style={{ "--columns": layout.template, minWidth: `${layout.minWidth}px`, height: `${top + count * ROW}px` }}>
        <Head {...props} layout={layout} sorts={sorts} onResize={onResize} onFit={onFit} />
        {base && (
          <div class="baseline-row">
            <RunRow
              {...shared}
              run={base}
              line={-1}
              top={0}
              id="baseline"
              style={selected.get(base.id) ?? null}
              hidden={hiddenRuns.value.has(base.id)}
              apart={names.get(base.id)}
              isCursor={false}
              cursorKey={null}
              depth={0}
              onCursor={() => {}}
            />
          </div>
        )}
        {lines.map((line) => {
          const item = grouped?.items[line];
          if (item?.kind === "group") {
            const label = grouped!.label(item.group.depth);
            return (
              <GroupRow
                key={item.key}
                item={item}
                line={line}
                top={top + line * ROW}
                label={label}
                layout={layout}
                isCursor={line === cursor}
                checked={grouped!.checked(item)}
                style={grouped!.style(item)}
                highlighted={highlighted}
                spread={(column) => grouped!.spread(item, column)}
                base={base}
                onCursor={(at) => onCursor(at, null)}
                onFold={() => grouped!.onFold(item)}
                onToggle={() => grouped!.onToggle(item)}
              />
            );
          }
          const run = rowAt(item ? item.index : line);
          if (!run) return <Gap key={`gap-${line}`} line={line} top={top + line * ROW} />;
          return (
            <RunRow
              {...shared}
              key={run.id}
              run={run}
              line={line}
              top={top + line * ROW}
              style={selected.get(run.id) ?? null}
              hidden={hiddenRuns.value.has(run.id)}
              apart={names.get(run.id)}
              isCursor={line === cursor}
              cursorKey={line === cursor ? cursorKey : null}
              depth={item ? depthOf(grouped!.items, line) : 0}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Return how many characters the longest name has beyond what it shares with others, if there are any that share. */
function longestOwn(rows: readonly Run[], names: ReadonlyMap<string, Apart>): number {
  return rows.reduce((most, run) => {
    const apart = names.get(run.id);
    return Math.max(most, apart ? ownLength(run.name, apart) : 0);
  }, 0);
}

/** A run lies one deeper than the group above it. */
function depthOf(items: readonly Item[], line: number): number {
  for (let at = line - 1; at >= 0; at -= 1) {
    const item = items[at]!;
    if (item.kind === "group") return item.group.depth + 1;
  }
  return 0;
}

const Gap = ({ line, top }: { line: number; top: number }) => (
  <div class="row" role="row" aria-rowindex={line + 2} style={{ top: `${top}px` }}>
    <span role="gridcell" class="cell pick stuck" style={{ left: "0" }} />
    <span role="gridcell" class="cell name">
      <Bone width={90 + ((line * 37) % 60)} />
    </span>
  </div>
);
