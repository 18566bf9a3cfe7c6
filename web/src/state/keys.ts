/** Keys that work anywhere on the page unless something is being typed or a dialog is open. */

import { useEffect } from "preact/hooks";
import { dialogIsOpen } from "./overlays";

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

const layers: KeyMap[] = [];
let prefix = "";
let prefixTimer: ReturnType<typeof setTimeout> | undefined;
const PREFIX_MS = 1200;

const isTyping = (target: EventTarget | null): boolean => {
  const element = target as HTMLElement | null;
  if (!element?.tagName) return false;
  if (element.isContentEditable || element.tagName === "TEXTAREA" || element.tagName === "SELECT") return true;
  return element.tagName === "INPUT" && !["checkbox", "radio", "range", "button"].includes((element as HTMLInputElement).type);
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    run("Ctrl+K", event);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || dialogIsOpen()) return;
  if (isTyping(event.target)) return;
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
    const action = layers[i]![name];
    if (!action) continue;
    event.preventDefault();
    action(event);
    return true;
  }
  return false;
}

/** Bind keys while the component is shown; those bound last win. */
export function useKeys(map: KeyMap): void {
  useEffect(() => {
    layers.push(map);
    return () => {
      layers.splice(layers.indexOf(map), 1);
    };
  });
}
