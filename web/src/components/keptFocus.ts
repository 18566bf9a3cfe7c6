/** Where the focus goes when what has it goes away. */

import { useLayoutEffect, useRef } from "preact/hooks";

/** Return the ref of an element, with tabIndex -1, that takes the focus over from what it loses of its own. */
export function useKeptFocus<T extends HTMLElement>() {
  const box = useRef<T>(null);
  const had = box.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (had && document.activeElement === document.body) box.current?.focus({ preventScroll: true });
  });
  return box;
}
