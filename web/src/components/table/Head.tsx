/** The heads of the table's columns: sorting by one or several, moving, resizing and pinning, by pointer and by keys. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { SortKey } from "../../pure/query";
import { clampWidth, type Layout, type Shown } from "../../pure/tableLayout";
import { Icon } from "../icons";
import { Menu } from "../overlay";
import { stuck } from "./Cell";

export interface HeadActions {
  /** Sort by this column; add: as well as by those before. */
  onSort: (column: Shown, add: boolean) => void;
  /** Put a column where another one stands: `to` among the columns without it. */
  onMove: (key: string, to: number) => void;
  onResize: (key: string, width: number | null) => void;
  onFit: (key: string) => void;
  onPin: (key: string) => void;
  onHide: (key: string) => void;
  /** Null where runs cannot be grouped by it. */
  onGroup: ((key: string) => void) | null;
  canGroup: (key: string) => boolean;
}

interface Props extends HeadActions {
  layout: Layout;
  sorts: readonly SortKey[];
}

const DRAG_FROM = 5;
const KEY_STEP = 16;

export function Head({ layout, sorts, ...actions }: Props) {
  const dropAt = useSignal<string | null>(null);
  return (
    <div class="table-head" role="row" aria-rowindex={1}>
      <span role="columnheader" class="cell pick stuck" style={{ left: "0" }}>
        <span class="visually-hidden">Shown in charts</span>
      </span>
      {[layout.name, ...layout.columns].map((column, at) => (
        <HeadCell key={column.key} column={column} at={at - 1} count={layout.columns.length} sorts={sorts} actions={actions} dropAt={dropAt} />
      ))}
    </div>
  );
}

interface CellProps {
  column: Shown;
  /** Its place among the columns that can be moved; -1 for the name, which cannot. */
  at: number;
  count: number;
  sorts: readonly SortKey[];
  actions: HeadActions;
  dropAt: { value: string | null };
}

function HeadCell({ column, at, count, sorts, actions, dropAt }: CellProps) {
  const sortAt = sorts.findIndex((one) => one.key === column.sort);
  const order = sorts[sortAt]?.order;
  // What one more click does: turn the order, or take the column out; the newest come first where it was the only one.
  const turns = order === column.firstOrder || (sorts.length === 1 && column.sort === "created_at");
  const dragged = useRef(false);
  const isName = at < 0;
  const move = (to: number) => actions.onMove(column.key, Math.max(0, Math.min(count - 1, to)));

  const onPointerDown = (event: PointerEvent) => {
    if (isName || event.button !== 0) return;
    const button = event.currentTarget as HTMLElement;
    const head = button.closest<HTMLElement>(".table-head")!;
    const from = event.clientX;
    dragged.current = false;
    button.setPointerCapture(event.pointerId); // a quick hand leaves the button before the first move is told
    let to = at;
    const onMove = (moved: PointerEvent) => {
      if (!dragged.current && Math.abs(moved.clientX - from) < DRAG_FROM) return;
      dragged.current = true;
      const cells = [...head.querySelectorAll<HTMLElement>("[data-column]")].filter((cell) => cell.dataset.column !== "name");
      const over = cells.findIndex((cell) => moved.clientX < cell.getBoundingClientRect().right);
      to = over < 0 ? cells.length - 1 : over;
      dropAt.value = cells[to]?.dataset.column ?? null;
    };
    const end = (ended: PointerEvent) => {
      button.removeEventListener("pointermove", onMove);
      button.removeEventListener("pointerup", end);
      button.removeEventListener("pointercancel", end);
      window.removeEventListener("keydown", cancel, true);
      dropAt.value = null;
      if (dragged.current && ended.type === "pointerup" && to !== at) move(to);
    };
    const cancel = (pressed: KeyboardEvent) => {
      if (pressed.key !== "Escape") return;
      pressed.stopPropagation();
      to = at;
      end(new PointerEvent("pointercancel"));
    };
    button.addEventListener("pointermove", onMove);
    button.addEventListener("pointerup", end);
    button.addEventListener("pointercancel", end);
    window.addEventListener("keydown", cancel, true);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (by && event.altKey && !isName) move(at + by);
    else if (by && event.shiftKey) actions.onResize(column.key, clampWidth(currentWidth(event.currentTarget as HTMLElement) + by * KEY_STEP));
    else if (by) focusBeside(event.currentTarget as HTMLElement, by);
    else if (event.key === "p" && !isName) actions.onPin(column.key);
    else if (event.key === "Delete" && !isName) actions.onHide(column.key);
    else if (event.key === "=") actions.onFit(column.key);
    else if (event.key === "ArrowDown") (event.currentTarget as HTMLElement).parentElement?.querySelector<HTMLElement>(".head-menu button")?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      role="columnheader"
      data-column={column.key}
      class={`cell head${column.numeric ? " numeric" : ""}${isName ? " name" : ""}${column.left === null ? "" : " stuck"}${dropAt.value === column.key ? " drop" : ""}`}
      style={stuck(column)}
      aria-sort={order ? (order === "asc" ? "ascending" : "descending") : undefined}
    >
      <button
        type="button"
        class={order ? "active" : ""}
        title={`${column.key}\nClick sorts, Shift adds; drag moves`}
        aria-keyshortcuts="Alt+ArrowLeft Alt+ArrowRight Shift+ArrowLeft Shift+ArrowRight ArrowDown P"
        onPointerDown={onPointerDown}
        onKeyDown={onKeyDown}
        onClick={(event) => {
          if (dragged.current) dragged.current = false;
          else actions.onSort(column, event.shiftKey);
        }}
      >
        <span class="ellipsis">{column.label}</span>
        {order && <Icon name={order === "asc" ? "arrowUp" : "arrowDown"} size={11} />}
        {order && sorts.length > 1 && <span class="sort-place num">{sortAt + 1}</span>}
      </button>
      <span class="head-menu">
        <Menu
          label={`Column ${column.label}`}
          tabIndex={-1}
          button={<Icon name="chevronDown" size={11} />}
          items={[
            { label: sortAt < 0 ? "Sort by it" : turns ? "Turn the order round" : "Do not sort by it", icon: "arrowDown", onSelect: () => actions.onSort(column, sorts.length > 1 && sortAt >= 0) },
            { label: "Sort by it as well", icon: "arrowDown", disabled: sortAt >= 0, onSelect: () => actions.onSort(column, true) },
            { label: "Fit the width", icon: "both", onSelect: () => actions.onFit(column.key) },
            ...(isName
              ? []
              : [
                  { label: column.left === null ? "Pin to the left" : "Unpin", icon: "pin" as const, onSelect: () => actions.onPin(column.key) },
                  { label: "Move to the left", icon: "chevronLeft" as const, disabled: at === 0, onSelect: () => move(at - 1) },
                  { label: "Move to the right", icon: "chevronRight" as const, disabled: at === count - 1, onSelect: () => move(at + 1) },
                  { label: "Group by it", icon: "group" as const, disabled: !actions.canGroup(column.key), onSelect: () => actions.onGroup?.(column.key) },
                  { label: "Hide", icon: "close" as const, onSelect: () => actions.onHide(column.key) },
                ]),
          ]}
        />
      </span>
      <ResizeHandle column={column} actions={actions} />
    </div>
  );
}

const currentWidth = (inside: HTMLElement): number => inside.closest<HTMLElement>("[data-column]")!.getBoundingClientRect().width;

function focusBeside(button: HTMLElement, by: number): void {
  const all = [...button.closest(".table-head")!.querySelectorAll<HTMLElement>("[data-column] > button")];
  all[all.indexOf(button) + by]?.focus();
}

function ResizeHandle({ column, actions }: { column: Shown; actions: HeadActions }) {
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const [from, width] = [event.clientX, currentWidth(handle)];
    let frame = 0;
    const onMove = (moved: PointerEvent) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => actions.onResize(column.key, clampWidth(width + moved.clientX - from)));
    };
    const end = () => {
      handle.removeEventListener("pointermove", onMove);
      handle.removeEventListener("pointerup", end);
      handle.removeEventListener("pointercancel", end);
    };
    handle.addEventListener("pointermove", onMove);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
  };
  // Not a stop of the Tab key: with the head focused, Shift and the arrows do the same.
  return <span class="resize-handle" title="Drag to resize, double click to fit" onPointerDown={onPointerDown} onDblClick={() => actions.onFit(column.key)} />;
}
