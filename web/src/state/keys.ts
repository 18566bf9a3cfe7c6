/** Keys that work anywhere on the page unless something is being typed or a dialog is open. */

import { useLayoutEffect, useRef } from "preact/hooks";
import { dialogIsOpen } from "./overlays";
import { isTyping } from "./typing";

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

const layers: { current: KeyMap }[] = [];
let prefix = "";
let prefixTimer: ReturnType<typeof setTimeout> | undefined;
const PREFIX_MS = 1200;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    run("Ctrl+K", event);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || dialogIsOpen()) return;
  // What floats beside a button has keys of its own.
  if (isTyping(event.target as Element) || (event.target as HTMLElement).closest?.(".popover")) return;
  const name = prefix ? `${prefix} ${event.key}` : event.key;
  clearTimeout(prefixTimer);
  if (prefix) {
    prefix = "";
    if (run(name, event)) return;
  }
  if (event.key === "g") {
    prefix = "g";
    prefixTimer = setTimeout(() => {
      prefix = "";
    }, PREFIX_MS);
    return;
  }
  // A focused button or link keeps Enter and the blank for itself.
  if ((event.key === "Enter" || event.key === " ") && (event.target as HTMLElement).closest?.("button,a,summary,[role=tab]")) return;
  run(event.key, event);
});

function run(name: string, event: KeyboardEvent): boolean {
  for (let i = layers.length - 1; i >= 0; i -= 1) {
    const action = layers[i]!.current[name];
    if (!action) continue;
    event.preventDefault();
    action(event);
    return true;
  }
  return false;
}

/** Bind keys while the component is shown; those of what was shown last win. What they do is that of the newest drawing. */
export function useKeys(map: KeyMap): void {
  const layer = useRef(map);
  layer.current = map;
  useLayoutEffect(() => {
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, []);
}

/** The keys that go down and up in a list. */
export function moveKeys(move: (by: number) => void): KeyMap {
  const down = () => move(1);
  const up = () => move(-1);
  return { j: down, k: up, ArrowDown: down, ArrowUp: up };
}
