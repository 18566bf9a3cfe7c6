/** What a cell of the table of runs reads: its text, the whole of it, and how far it is from the baseline's. Pure. */

import type { Run } from "../../api/types";
import { numberIn, percentOf, signed } from "../../pure/cellNumbers";
import { hostOf, valueOf, type Column } from "../../pure/columns";
import { formatCount, formatDuration, formatExact, formatNumber, formatValue } from "../../pure/format";
import type { Shown } from "../../pure/tableLayout";

export const NOTHING = "–";

/** How long a run took, or has taken up to now. */
export function secondsOf(run: Run, now: number): number | null {
  if (run.state !== "running") return run.duration_secs;
  const since = (now - Date.parse(run.created_at)) / 1000;
  return since >= 0 ? since : run.duration_secs;
}

export function isNumeric(run: Run, column: Column): boolean {
  if (column.key === "duration" || column.key === "step") return true;
  const value = valueOf(run, column.key);
  return typeof value === "bigint" || typeof value === "number" || numberIn(value) !== null;
}

export function plainText(run: Run, column: Shown, now: number): string {
  switch (column.key) {
    case "duration":
      return formatDuration(secondsOf(run, now));
    case "step":
      return run.step === null ? NOTHING : formatCount(run.step);
    case "state":
      return run.state;
    case "tags":
      return run.tags.join(", ") || NOTHING;
    case "host":
      return hostOf(run) || NOTHING;
    case "project":
    case "user":
    case "note":
    case "group":
    case "job_type":
      return run[column.key] || NOTHING;
  }
  const value = valueOf(run, column.key);
  return (typeof value === "number" ? column.texts.get(value) : undefined) ?? formatValue(value);
}

export function fullText(run: Run, column: Column, text: string): string {
  const value = valueOf(run, column.key);
  return typeof value === "number" ? formatExact(value) : text;
}

/** The number that a cell is compared by; null for one that is none. */
export function numberOf(run: Run, column: Column, now: number): number | null {
  if (column.key === "duration") return secondsOf(run, now);
  if (column.key === "step") return run.step;
  return column.key.includes(".") ? numberIn(valueOf(run, column.key)) : null;
}

export interface Difference {
  text: string;
  title: string;
}

/** Return how far a number lies from the baseline's, with its sign, and in percent for whoever looks closer. */
export function differenceOf(run: Run, base: Run, column: Column, now: number): Difference | null {
  const [value, from] = [numberOf(run, column, now), numberOf(base, column, now)];
  if (value === null || from === null) return null;
  return difference(value, from, column, base.name);
}

/** The same of any number that stands in a column, such as the mean of a group. */
export function difference(value: number, from: number, column: Column, name: string): Difference {
  const by = value - from;
  const size = column.key === "duration" ? `${by < 0 ? "−" : ""}${formatDuration(Math.abs(by))}` : short(by);
  const percent = percentOf(value, from);
  return { text: signed(size, by), title: `${signed(size, by)}${percent ? ` (${percent})` : ""} against ${name}` };
}

/** A difference has the digits of neither number: 0.3 − 0.1 is no 0.19999999999999998. */
const short = (by: number): string => (Number.isInteger(by) ? formatNumber(by) : formatNumber(by, 3));
