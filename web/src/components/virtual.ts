/** Which rows of a long list are in sight. Rows are of one height, so nothing has to be measured. */

import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";

export interface Slice {
  first: number;
  last: number;
}

/** Return the half-open range of rows to draw for a scrolling element, with some in reserve above and below. */
export function useVirtual(scroller: RefObject<HTMLElement | null>, count: number, rowHeight: number, offset = 0, reserve = 8): Slice {
  const [slice, setSlice] = useState<Slice>({ first: 0, last: 60 });
  const measure = () => {
    const box = scroller.current;
    if (!box) return;
    const top = Math.max(0, box.scrollTop - offset);
    const first = Math.max(0, Math.floor(top / rowHeight) - reserve);
    // Not cut to the number of rows: when some come above, those that were in sight stay drawn, with focus and menus.
    const last = Math.ceil((top + box.clientHeight) / rowHeight) + reserve;
    setSlice((before) => (before.first === first && before.last === last ? before : { first, last }));
  };
  useLayoutEffect(measure, [count, rowHeight]);
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    box.addEventListener("scroll", measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => {
      box.removeEventListener("scroll", measure);
      observer.disconnect();
    };
  }, [count, rowHeight]);
  return { first: Math.min(slice.first, count), last: Math.min(slice.last, count) };
}

/**
 * Leave the focus where it is when the rows of a list are put in another order, which takes it away from those that are
 * moved. Where its row is gone, the list itself gets it, so that the keys go on from there.
 */
export function useSteadyFocus(list: RefObject<HTMLElement | null>): void {
  const active = document.activeElement as HTMLElement | null;
  const focused = active && active !== list.current && list.current?.contains(active) ? active : null;
  useLayoutEffect(() => {
    if (!focused || document.activeElement === focused || (document.activeElement && document.activeElement !== document.body)) return;
    (focused.isConnected ? focused : list.current)?.focus({ preventScroll: true });
  });
}

/** Scroll as little as it takes to have this row in sight, below a head that stays; a negative index is none. */
export function useInSight(scroller: RefObject<HTMLElement | null>, index: number, rowHeight: number, head = 0): void {
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || index < 0) return;
    const top = index * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight + head > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight + head - box.clientHeight;
  }, [index]);
}
