/** Which columns stand where in the table, and how wide they are. Pure. */

import type { Run } from "../api/types";
import { distinctTexts } from "./cellNumbers";
import { NAME, NAME_WIDTH, valueOf, type Column } from "./columns";
import { formatExact } from "./format";

export const PICK_WIDTH = 32;
export const LEAST_WIDTH = 44;
export const MOST_WIDTH = 1200;
const MOST_NUMBER = 190;
const PINNED_NAME = 240;
const MOST_NAME = 300;
const LEAST_NAME = 120;
/** How much of the table a name takes at most unasked; with groups, a mean and its spread fit beside it on a telephone. */
const NAME_SHARE = 0.55;
const GROUP_SHARE = 0.5;
/** How much of the room that is left goes to a state, which is always as long, where other columns take 1. */
const STATE_GROWS = 0.5;
/** Room for the difference to the baseline, or for a group's spread, beside a number. */
const DIFFERENCE = 62;
const SPREAD = 48;
const CHAR = 7.6;

export interface Shown extends Column {
  /** What its numbers read, where that is shorter than they are. */
  texts: ReadonlyMap<number, string>;
  /** Where it stays while the others are scrolled sideways; null where it does not. */
  left: number | null;
  /** Its track in the grid. */
  track: string;
}

export interface Layout {
  name: Shown;
  columns: readonly Shown[];
  template: string;
  minWidth: number;
}

interface Wanted {
  columns: readonly Column[];
  pinned: ReadonlySet<string>;
  widths: Readonly<Record<string, number>>;
  rows: readonly Run[];
  /** Further values that stand in a column, such as the means of groups. */
  also?: (key: string) => readonly number[];
  compared?: boolean;
  /** Whether rows of groups have a spread beside their means. */
  grouped?: boolean;
  /** How many characters of the longest name have to be read. */
  nameLength?: number;
  /** How wide the table is on the screen, where that is known. */
  room?: number;
  /** Leave out columns at the end that do not fit into the room. */
  fit?: boolean;
}

const NONE: ReadonlyMap<number, string> = new Map();

/** Return the texts of a column of results; of config, where values are whole, none. */
export function textsOf(rows: readonly Run[], key: string, also: readonly number[] = []): ReadonlyMap<number, string> {
  if (!key.includes(".") || key.startsWith("config.")) return also.length ? distinctTexts(also) : NONE;
  return distinctTexts([...rows.map((run) => valueOf(run, key)).filter((value): value is number => typeof value === "number"), ...also]);
}

/** Return how wide a column's numbers need it to be: one that is cut looks like another. */
function neededWidth(column: Column, rows: readonly Run[], texts: ReadonlyMap<number, string>): number {
  if (!column.numeric || !column.key.includes(".")) return column.width;
  const length = rows.reduce((most, run) => {
    const value = valueOf(run, column.key);
    const text = typeof value === "number" ? (texts.get(value) ?? formatExact(value)) : typeof value === "bigint" ? formatExact(value) : "";
    return Math.max(most, text.length);
  }, 0);
  return Math.max(column.width, Math.min(MOST_NUMBER, length * CHAR + 20));
}

/**
 * Return the columns that go into `width`, in their order; the state and the first results are the last to give way. In rows of
 * groups all results come before what their runs were given, and the first one before what only runs have.
 */
function fitting(columns: readonly Shown[], width: number, grouped: boolean): Shown[] {
  const seen = { summary: 0, config: 0 };
  const ranked = columns.map((column) => {
    // Who has chosen no columns has that of the host only where there are several.
    if (column.key === "state" || column.key === "host") return { column, rank: grouped ? 2 : 0 };
    if (column.key.startsWith("summary.")) return { column, rank: 1 + 2 * seen.summary++ };
    if (column.key.startsWith("config.")) return { column, rank: (grouped ? 50 : 2) + 2 * seen.config++ };
    return { column, rank: 99 };
  });
  let left = width;
  const kept = new Set<Shown>();
  for (const { column } of [...ranked].sort((a, b) => a.rank - b.rank)) {
    left -= column.width;
    if (left < 0) break;
    kept.add(column);
  }
  return columns.filter((column) => kept.has(column));
}

/** Return the columns, those that are pinned first, with their places and widths. */
export function layoutOf({ columns, pinned, widths, rows, also = () => [], compared = false, grouped = false, nameLength = 0, room = 0, fit = false }: Wanted): Layout {
  const anyPinned = columns.some((column) => pinned.has(column.key));
  // The name stays while the others are scrolled sideways: it must leave them room.
  const mostName = room ? Math.min(MOST_NAME, room * (grouped ? GROUP_SHARE : NAME_SHARE)) : MOST_NAME;
  const readable = Math.round(Math.max(LEAST_NAME, Math.min(mostName, Math.max(NAME_WIDTH, nameLength * CHAR + 52))));
  const nameWidth = widths.name ?? (anyPinned && mostName >= PINNED_NAME ? Math.max(PINNED_NAME, readable) : readable);
  const name: Shown = { ...NAME, width: nameWidth, texts: NONE, left: PICK_WIDTH, track: widths.name || anyPinned ? `${nameWidth}px` : `minmax(${nameWidth}px, 1.6fr)` };
  const ordered = [...columns.filter((column) => pinned.has(column.key)), ...columns.filter((column) => !pinned.has(column.key))];
  let left = PICK_WIDTH + nameWidth;
  let shown = ordered.map((column): Shown => {
    const texts = textsOf(rows, column.key, also(column.key));
    const given = widths[column.key];
    const width = given ?? neededWidth(column, rows, texts) + (compared && column.numeric ? DIFFERENCE : grouped && column.numeric && column.key.includes(".") ? SPREAD : 0);
    const stays = pinned.has(column.key);
    const place = stays ? left : null;
    if (stays) left += width;
    return { ...column, texts, width, left: place, track: given || stays ? `${width}px` : `minmax(${width}px, ${column.key === "state" ? STATE_GROWS : 1}fr)` };
  });
  if (fit && room) shown = fitting(shown, room - PICK_WIDTH - nameWidth, grouped);
  const minWidth = PICK_WIDTH + nameWidth + shown.reduce((sum, one) => sum + one.width, 0);
  const tracks = [name.track, ...shown.map((one) => one.track)];
  if (!tracks.some((track) => track.includes("fr"))) tracks.push("minmax(0, 1fr)"); // so that rows go to the edge
  return { name, columns: shown, template: [`${PICK_WIDTH}px`, ...tracks].join(" "), minWidth };
}

export const clampWidth = (width: number): number => Math.round(Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, width)));

/** Return the keys with one moved to where another stands. */
export function movedTo(keys: readonly string[], key: string, to: number): string[] {
  const left = keys.filter((one) => one !== key);
  left.splice(Math.max(0, Math.min(left.length, to)), 0, key);
  return left;
}
