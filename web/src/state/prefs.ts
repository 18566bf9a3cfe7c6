/** What one person prefers on this machine: theme, widths, folded parts. Never data, never a secret. */

import { signal, type Signal } from "@preact/signals";

const PREFIX = "runicorn.";

function read<T>(name: string, fallback: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback; // storage may be forbidden, or hold what an older page wrote
  }
}

/** Return a signal whose value outlives the page. */
export function preference<T>(name: string, fallback: T): Signal<T> {
  const initial = read(name, fallback);
  const value = signal(typeof initial === typeof fallback ? initial : fallback);
  let first = true;
  value.subscribe((now) => {
    if (first) {
      first = false;
      return;
    }
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(now));
    } catch {
      // a full or forbidden storage only means that the choice is forgotten
    }
  });
  return value;
}

export type ThemeChoice = "system" | "light" | "dark";

export const themeChoice = preference<ThemeChoice>("theme", "system");
export const sidebarFolded = preference("sidebarFolded", false);
/** Share of the width that the table has beside the charts, 0.15 to 0.85. */
export const tableShare = preference("tableShare", 0.5);
export const runsLayout = preference<"both" | "table" | "charts">("runsLayout", "both");
export const foldedProjects = preference<string[]>("foldedProjects", []);
export const foldedGroups = preference<string[]>("foldedGroups", []);
/** Columns of the table and those pinned to the left, by the project whose runs they were chosen for. */
export const chosenColumns = preference<Readonly<Record<string, { cols: string; pin: string }>>>("columns", {});
/** Widths in pixels that somebody gave to columns of the table. */
export const columnWidths = preference<Readonly<Record<string, number>>>("columnWidths", {});
/** Whether the hosts that were connected last are connected again when the page is opened; and which these are. */
export const reconnectsLast = preference("reconnectsLast", false);
export const connectedLast = preference<readonly string[]>("connectedLast", []);
export const consoleTimes = preference("consoleTimes", false);
