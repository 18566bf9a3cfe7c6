/** Which columns the table has and which of them stay at the left: from the URL, else as they were left in this project. */

import { own } from "../pure/own";
import { columnOf } from "../pure/columns";
import { joinKeys, splitKeys } from "../pure/keyList";
import { movedTo } from "../pure/tableLayout";
import { chosenColumns } from "./prefs";
import { param, setParams } from "./route";

export interface TableColumns {
  keys: readonly string[];
  pinned: ReadonlySet<string>;
  /** Whether somebody chose them; else they are those that fit. */
  chosen: boolean;
}

const known = (text: string): string[] => [...new Set(splitKeys(text))].filter((key) => columnOf(key) !== null);

/** Return what was chosen for a project, else for the nearest one above it. */
function remembered(project: string): { cols: string; pin: string } | undefined {
  for (let path = project; ; path = path.slice(0, Math.max(0, path.lastIndexOf("/")))) {
    const found = own(chosenColumns.value, path);
    if (found || !path) return found;
  }
}

/** Put the columns that are remembered into the address, so that it says what is shown. */
export function spellOutColumns(project: string): void {
  const kept = param("cols") ? undefined : remembered(project);
  if (kept && known(kept.cols).length) setParams(kept);
}

/** Return the columns; `settled` are those of somebody who chose none. */
export function tableColumns(project: string, settled: readonly string[]): TableColumns {
  const kept = param("cols") ? { cols: param("cols"), pin: param("pin") } : remembered(project);
  const keys = kept ? known(kept.cols) : [];
  const pinned = new Set(kept ? known(kept.pin) : []);
  return keys.length ? { keys: [...keys.filter((key) => pinned.has(key)), ...keys.filter((key) => !pinned.has(key))], pinned, chosen: true } : { keys: settled, pinned: new Set(), chosen: false };
}

/** Show these columns, and remember them for the project. */
export function setTableColumns(project: string, keys: readonly string[], pinned: ReadonlySet<string>): void {
  const shown = keys.length ? keys : ["state"];
  const cols = joinKeys(shown);
  const pin = joinKeys(shown.filter((key) => pinned.has(key)));
  chosenColumns.value = { ...chosenColumns.value, [project]: { cols, pin } };
  setParams({ cols, pin });
}

export function resetTableColumns(project: string): void {
  chosenColumns.value = { ...chosenColumns.value, [project]: { cols: "", pin: "" } }; // whatever a project above has
  setParams({ cols: "", pin: "" });
}

/** What heads and the columns menu do to the columns. */
export function columnActions(project: string, columns: TableColumns) {
  const set = (keys: readonly string[], pinned = columns.pinned) => setTableColumns(project, keys, pinned);
  return {
    toggle: (key: string) => set(columns.keys.includes(key) ? columns.keys.filter((one) => one !== key) : [...columns.keys, key]),
    hide: (key: string) => set(columns.keys.filter((one) => one !== key)),
    move: (key: string, to: number) => set(movedTo(columns.keys, key, to)),
    pin: (key: string) => {
      const pinned = new Set(columns.pinned);
      if (!pinned.delete(key)) pinned.add(key);
      set([...columns.keys.filter((one) => pinned.has(one)), ...columns.keys.filter((one) => !pinned.has(one))], pinned);
    },
    reset: () => resetTableColumns(project),
  };
}

export type ColumnActions = ReturnType<typeof columnActions>;
