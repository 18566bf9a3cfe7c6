/** The room of one chart among the others: how many columns it takes and how high it is, changed by its corner. */

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { setChart, settingOf } from "../state/chartSettings";
import { heightOf, sizeAfter, type ChartSize, type GridRoom } from "../pure/chartSize";

interface Props {
  metric: string;
  /** How high charts are of which nobody said more. */
  usual: number;
  room: GridRoom;
  /** Whether what is dragged would be dropped here. */
  target: boolean;
  /** Told of how many columns it is whenever that changes while its corner is dragged; null at the end. */
  onStretch: (columns: number | null) => void;
  onDragOver: (event: DragEvent) => void;
  onDrop: (event: DragEvent) => void;
  children: (height: number) => ComponentChildren;
}

const STEP_PX = 20;

export function ChartPlace({ metric, usual, room, target, onStretch, onDragOver, onDrop, children }: Props) {
  const place = useRef<HTMLDivElement>(null);
  // While the corner is dragged; only what comes of it in the end is remembered.
  const [dragged, setDragged] = useState<ChartSize | null>(null);
  const setting = settingOf(metric);
  const size = dragged ?? { columns: setting.columns ?? 1, height: heightOf(setting.height ?? usual) };
  const columns = Math.min(size.columns, room.columns);

  const keep = (next: ChartSize) => setChart(metric, { columns: next.columns > 1 ? next.columns : undefined, height: next.height === usual ? undefined : next.height });
  const drag = (down: PointerEvent) => {
    const box = place.current;
    const corner = down.currentTarget as HTMLElement;
    if (down.button !== 0 || !box) return;
    down.preventDefault();
    const start = { width: box.offsetWidth, height: size.height };
    let last = size;
    const ends = new AbortController();
    const { signal } = ends;
    corner.setPointerCapture(down.pointerId);
    corner.addEventListener(
      "pointermove",
      (now) => {
        const before = last.columns;
        last = sizeAfter(start.width + now.clientX - down.clientX, start.height + now.clientY - down.clientY, room);
        setDragged(last);
        if (last.columns !== before) onStretch(last.columns);
      },
      { signal },
    );
    const end = (remember: boolean) => () => {
      ends.abort();
      setDragged(null);
      onStretch(null);
      if (remember) keep(last);
    };
    corner.addEventListener("pointerup", end(true), { signal });
    corner.addEventListener("pointercancel", end(false), { signal });
    corner.addEventListener("lostpointercapture", end(false), { signal });
  };
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    keep({ columns: Math.min(room.columns, Math.max(1, columns + step[0])), height: heightOf(size.height + step[1] * STEP_PX) });
  };

  return (
    <div ref={place} class={`chart-place${target ? " drop" : ""}`} style={columns > 1 ? { gridColumn: `span ${columns}` } : undefined} onDragOver={onDragOver} onDrop={onDrop}>
      {children(size.height)}
      <button
        type="button"
        class="chart-corner"
        aria-label={`Size of ${metric}: the arrow keys change it`}
        title="Drag to change the size; double click for the usual one"
        onPointerDown={drag}
        onKeyDown={press}
        onDblClick={() => keep({ columns: 1, height: usual })}
      />
    </div>
  );
}

const STEPS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
