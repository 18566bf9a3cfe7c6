/** The row of a group: what its runs have in common, how many they are, and mean and spread of each number. */

import { useComputed, type Signal } from "@preact/signals";
import { formatDuration, formatNumber, formatValue, plural } from "../../pure/format";
import type { Run } from "../../api/types";
import type { LineStyle } from "../../pure/colours";
import type { GroupItem } from "../../pure/rowItems";
import type { Layout, Shown } from "../../pure/tableLayout";
import { slowNow } from "../../state/clock";
import { Icon } from "../icons";
import { difference, numberOf } from "./cellText";
import { stuck } from "./Cell";

export interface Spread {
  count: number;
  mean: number;
  std: number | null;
}

interface Props {
  item: GroupItem;
  line: number;
  top: number;
  label: string;
  layout: Layout;
  isCursor: boolean;
  checked: "true" | "false" | "mixed";
  /** Of its line, where charts show it. */
  style: LineStyle | null;
  highlighted: Signal<string | null>;
  spread: (column: Shown) => Spread | null;
  base: Run | null;
  onCursor: (line: number) => void;
  onFold: () => void;
  onToggle: () => void;
}

export function GroupRow({ item, line, top, label, layout, isCursor, checked, style, highlighted, spread, base, onCursor, onFold, onToggle }: Props) {
  const { group, open } = item;
  const value = formatValue(group.value);
  const lit = useComputed(() => highlighted.value === item.key).value && style !== null;
  const colour = style ? `var(--run-${style.colour})` : undefined;
  const mark = checked === "mixed" ? <i /> : checked === "true" && !style ? <Icon name="check" size={10} /> : null;
  return (
    <div
      id={`line-${line}`}
      class={`row group${isCursor ? " cursor" : ""}${lit ? " lit" : ""}`}
      role="row"
      aria-rowindex={line + 2}
      aria-level={group.depth + 1}
      aria-expanded={open}
      style={{ top: `${top}px` }}
      onClick={() => onCursor(line)}
      onDblClick={onFold}
      onMouseEnter={() => (highlighted.value = style ? item.key : null)}
    >
      <span role="gridcell" class="cell pick stuck" style={{ left: "0" }}>
        <button
          type="button"
          role="checkbox"
          class={`colour-box group-box${style?.dash ? " dashed" : ""}`}
          aria-checked={checked}
          aria-label={`Show all of ${label} ${value} in charts`}
          title={`Show ${style && checked === "false" ? "only this" : "all of the"} group in charts (x)`}
          tabIndex={-1}
          onClick={(event) => {
            event.stopPropagation();
            onToggle();
          }}
        >
          <span style={{ color: colour, borderColor: colour, background: checked === "true" ? colour : undefined }}>{mark}</span>
        </button>
      </span>
      <span role="gridcell" class="cell name stuck" style={{ ...stuck(layout.name), paddingLeft: `${4 + group.depth * 14}px` }}>
        <button
          type="button"
          class="fold"
          aria-label={`${open ? "Fold" : "Unfold"} ${label} ${value}`}
          tabIndex={-1}
          onClick={(event) => {
            event.stopPropagation();
            onFold();
          }}
        >
          <Icon name={open ? "chevronDown" : "chevronRight"} size={12} />
        </button>
        <span class="group-label muted">{label}</span>
        <span class={`group-value ellipsis${group.value === null ? " faint" : ""}`} title={value}>
          {group.value === null ? "none" : value}
        </span>
        <span class="count num" title={plural(group.count, "run")}>
          {group.count}
        </span>
      </span>
      {layout.columns.map((column) => (
        <MeanCell key={column.key} column={column} spread={spread(column)} count={group.count} base={base} />
      ))}
    </div>
  );
}

function MeanCell({ column, spread, count, base }: { column: Shown; spread: Spread | null; count: number; base: Run | null }) {
  const shared = { role: "gridcell" as const, style: stuck(column), class: `cell numeric num mean${column.left === null ? "" : " stuck"}` };
  if (!spread) return <span {...shared} />;
  const duration = column.key === "duration";
  const mean = duration ? formatDuration(spread.mean) : (column.texts.get(spread.mean) ?? formatNumber(spread.mean));
  const std = !spread.std ? null : duration ? formatDuration(spread.std) : formatNumber(spread.std, 2);
  const from = base && numberOf(base, column, slowNow.value);
  const against = base && from !== null ? `\n${difference(spread.mean, from, column, base.name).title}` : "";
  const of = spread.count === count ? plural(count, "run") : `${spread.count} of ${plural(count, "run")}`;
  return (
    <span {...shared} title={`mean ${duration ? mean : spread.mean}${spread.std === null ? "" : `, standard deviation ${duration ? formatDuration(spread.std) : spread.std} (n − 1)`}, of ${of}${against}`}>
      <span class="ellipsis">{mean}</span>
      <span class="spread">{std !== null && `± ${std}`}</span>
    </span>
  );
}
