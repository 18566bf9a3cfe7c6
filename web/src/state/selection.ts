/** Which runs are selected, as the URL has it: ids, all that match but some, none, or nobody has chosen. Pure. */

export interface Selection {
  /** "default": the first few of the list; "all": every run that matches, but for `ids`. */
  kind: "default" | "ids" | "all";
  ids: readonly string[];
}

export const parseSelection = (sel: string, but: string): Selection => {
  if (sel === "") return { kind: "default", ids: [] };
  if (sel === "all") return { kind: "all", ids: split(but) };
  return { kind: "ids", ids: sel === "none" ? [] : split(sel) };
};

const split = (text: string): string[] => [...new Set(text.split(",").filter(Boolean))];

export const formatSelection = ({ kind, ids }: Selection): { sel: string; but: string } => {
  if (kind === "default") return { sel: "", but: "" };
  if (kind === "all") return { sel: "all", but: ids.join(",") };
  return { sel: ids.length ? ids.join(",") : "none", but: "" };
};

/** Return the ids that are selected. first: those of the top of the list; all: of every run that matches, where known. */
export function selectedIds(selection: Selection, first: readonly string[], all: readonly string[]): readonly string[] {
  if (selection.kind === "default") return first;
  if (selection.kind === "ids") return selection.ids;
  const without = new Set(selection.ids);
  return all.filter((id) => !without.has(id));
}

/** Return the selection with these runs switched on or off. shown: what is selected now, where nobody has chosen yet. */
export function withRuns(selection: Selection, shown: readonly string[], ids: readonly string[], on: boolean): Selection {
  const changed = new Set(ids);
  if (selection.kind === "all") {
    const without = selection.ids.filter((id) => !changed.has(id));
    return { kind: "all", ids: on ? without : [...without, ...changed] };
  }
  const base = (selection.kind === "default" ? shown : selection.ids).filter((id) => !changed.has(id));
  return { kind: "ids", ids: on ? [...base, ...changed] : base };
}

/** Return the ids from one to the other in the order of the rows, both in it; only `to` where `from` is not there. */
export function rangeOf(rows: readonly string[], from: string | null, to: string): string[] {
  const [a, b] = [from === null ? -1 : rows.indexOf(from), rows.indexOf(to)];
  return a < 0 || b < 0 ? [to] : rows.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** Return where the cursor is after a move by some rows; -1 is nowhere. */
export const moved = (cursor: number, by: number, count: number): number => (count ? Math.max(0, Math.min(count - 1, cursor + by)) : -1);
