/** What a pointer does over a chart: it is followed, drags ranges, moves, zooms; charts of one axis share the crosshair. */

import type { Layout } from "./frame";

export interface PointerEvents {
  /** Where the pointer is over the lines, in pixels from their upper left corner; null once it has left. */
  at: (place: { left: number; top: number } | null) => void;
  /** A range of x was dragged, from 0 to 1 across; of y, from 0 at the top to 1. */
  selectX: (from: number, to: number) => void;
  selectY: (from: number, to: number) => void;
  reset: () => void;
  resetY: () => void;
  /** Moved by a part of the width since the last call. begun: whether this is the first one of a drag. */
  pan: (part: number, begun: boolean) => void;
  /** Two fingers moved from places to others, from 0 to 1 across. begun: whether this is the first move of both. */
  pinch: (from: [number, number], to: [number, number], begun: boolean) => void;
  wheel: (event: WheelEvent, across: number) => void;
  click: () => void;
}

const LEAST_DRAG_PX = 5;

export class Pointer {
  readonly over = element("chart-over");
  private readonly cursor = element("chart-cursor");
  private readonly select = element("chart-select");
  private readonly ends = new AbortController();
  /** Fingers that are down, from 0 to 1 across: where they were when the latest of them came, and where they are. */
  private readonly fingers = new Map<number, { from: number; at: number }>();
  private pinching = false;

  constructor(
    host: HTMLElement,
    private readonly events: PointerEvents,
  ) {
    host.append(this.cursor, this.select, this.over);
    this.cursor.hidden = this.select.hidden = true;
    const { signal } = this.ends;
    this.over.addEventListener("pointermove", (event) => this.events.at(this.placeOf(event)), { signal });
    this.over.addEventListener("pointerleave", () => this.events.at(null), { signal });
    this.over.addEventListener("pointerdown", (event) => this.down(event), { signal });
    this.over.addEventListener("dblclick", () => this.events.reset(), { signal });
    this.over.addEventListener("wheel", (event) => this.events.wheel(event, this.placeOf(event).left / (this.over.clientWidth || 1)), { signal, passive: false });
    host.addEventListener("pointerdown", (event) => this.downBeside(event, host), { signal });
  }

  destroy(): void {
    this.ends.abort();
    for (const one of [this.over, this.cursor, this.select]) one.remove();
  }

  place({ left, top, width, height }: Layout): void {
    for (const one of [this.over, this.cursor]) Object.assign(one.style, { left: `${left}px`, top: `${top}px`, height: `${height}px` });
    this.over.style.width = `${width}px`;
  }

  /** Show the crosshair at so many pixels across, or nowhere. */
  cross(left: number | null): void {
    this.cursor.hidden = left === null;
    if (left !== null) this.cursor.style.transform = `translateX(${Math.round(left)}px)`;
  }

  private placeOf(event: MouseEvent): { left: number; top: number } {
    const box = this.over.getBoundingClientRect();
    return { left: event.clientX - box.left, top: event.clientY - box.top };
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.events.at(this.placeOf(event));
    if (event.pointerType === "touch") return this.touch(event);
    event.preventDefault();
    if (event.shiftKey) {
      let begun = true;
      this.untilUp(event, (now) => {
        this.events.pan((event.clientX - now.clientX) / (this.over.clientWidth || 1), begun);
        begun = false;
      });
      return;
    }
    const start = this.placeOf(event).left;
    const range = (now: PointerEvent): [number, number] => {
      const end = Math.min(this.over.clientWidth, Math.max(0, this.placeOf(now).left));
      return start < end ? [start, end] : [end, start];
    };
    this.untilUp(
      event,
      (now) => {
        const [from, to] = range(now);
        this.mark(this.over.offsetLeft + from, this.over.offsetTop, to - from, this.over.clientHeight);
      },
      (moved, now) => {
        this.select.hidden = true;
        const [from, to] = range(now);
        const width = this.over.clientWidth || 1;
        if (!moved) this.events.click();
        else if (to - from >= LEAST_DRAG_PX) this.events.selectX(from / width, to / width);
      },
    );
  }

  /** A finger scrolls the page; it taps, to see values. What two of them spread or pinch stays under them. */
  private touch(down: PointerEvent): void {
    const { fingers } = this;
    const part = (now: PointerEvent) => this.placeOf(now).left / (this.over.clientWidth || 1);
    fingers.set(down.pointerId, { from: part(down), at: part(down) });
    for (const finger of fingers.values()) finger.from = finger.at;
    this.pinching = false;
    this.untilUp(
      down,
      (now) => {
        fingers.get(down.pointerId)!.at = part(now);
        const [one, other] = [...fingers.values()];
        if (fingers.size !== 2) return;
        this.events.pinch([one!.from, other!.from], [one!.at, other!.at], !this.pinching);
        this.pinching = true;
      },
      (moved) => fingers.size === 1 && !moved && this.events.click(),
      () => fingers.delete(down.pointerId),
    );
  }

  /** A drag along the labels of y chooses the range that is shown; a double click there lets it fit again. */
  private downBeside(event: PointerEvent, host: HTMLElement): void {
    const box = this.over.getBoundingClientRect();
    if (event.button !== 0 || event.clientX >= box.left || event.clientY > box.bottom + 4) return;
    event.preventDefault();
    if (event.detail > 1) return this.events.resetY();
    const inside = (y: number) => Math.min(box.height, Math.max(0, y - box.top));
    const start = inside(event.clientY);
    const range = (now: PointerEvent): [number, number] => {
      const end = inside(now.clientY);
      return start < end ? [start, end] : [end, start];
    };
    this.untilUp(
      event,
      (now) => {
        const [from, to] = range(now);
        this.mark(0, this.over.offsetTop + from, host.clientWidth, to - from);
      },
      (moved, now) => {
        this.select.hidden = true;
        const [from, to] = range(now);
        if (moved && to - from >= LEAST_DRAG_PX) this.events.selectY(from / (box.height || 1), to / (box.height || 1));
      },
    );
  }

  private mark(left: number, top: number, width: number, height: number): void {
    this.select.hidden = false;
    Object.assign(this.select.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  /** Call `move` for what a pointer does until it is let go, then `end`, unless the chart has gone meanwhile; `over` at last. */
  private untilUp(down: PointerEvent, move: (now: PointerEvent) => void, end: (moved: boolean, now: PointerEvent) => void = () => {}, over: () => void = () => {}): void {
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, this.ends.signal]);
    let moved = false;
    const on = (name: "pointermove" | "pointerup" | "pointercancel", act: (now: PointerEvent) => void) =>
      document.addEventListener(name, (now) => now.pointerId === down.pointerId && act(now), { signal });
    on("pointermove", (now) => {
      moved ||= Math.hypot(now.clientX - down.clientX, now.clientY - down.clientY) >= LEAST_DRAG_PX;
      if (moved) move(now);
    });
    on("pointerup", (now) => {
      done.abort();
      end(moved, now);
      over();
    });
    on("pointercancel", () => {
      done.abort();
      this.select.hidden = true;
      over();
    });
  }
}

function element(name: string): HTMLDivElement {
  const made = document.createElement("div");
  made.className = name;
  return made;
}
