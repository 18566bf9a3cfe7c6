/** Where the labels of an axis stand, and what they say. Pure. */

import { ticks } from "d3-array";
import { timeTickInterval, timeTicks } from "d3-time";
import { axisLabels, formatDuration, logLabels } from "../pure/format";
import type { Range } from "./scale";

/** What x counts; `number` is another metric, or what y shows. */
export type AxisKind = "step" | "time" | "relative" | "number";

export interface Tick {
  value: number;
  label: string;
}

/** Steps of times since a beginning, in seconds: minutes, hours and days are no tens. */
const RELATIVE_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
  172800, 432000, 864000, 1728000, 4320000, 8640000,
];
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Return about as many ticks as there is room for. */
export function ticksOf(range: Range, count: number, kind: AxisKind, log: boolean): Tick[] {
  const room = Math.max(2, count);
  if (log) return logTicks(range, room);
  if (kind === "time") return clockTicks(range, room);
  if (kind === "relative") return durationTicks(range, room);
  let values = ticks(range[0], range[1], room);
  if (kind === "step") values = values.filter(Number.isInteger);
  const labels = axisLabels(values);
  return values.map((value, at) => ({ value, label: labels[at] ?? "" }));
}

function logTicks([low, high]: Range, room: number): Tick[] {
  if (!(low > 0) || !(high > low)) return [];
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first + 1) / room));
  let values: number[] = [];
  // Powers of ten; where there is room, 1, 2 and 5 of each, or all nine.
  for (const leads of [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const found: number[] = [];
    for (let power = first - 1; power <= last; power += 1)
      if (leads.length > 1 || (power - first) % every === 0) for (const lead of leads) found.push(lead * 10 ** power);
    const inside = found.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
    if (values.length > 1 && inside.length > room) break;
    if (inside.length > 1 || !values.length) values = inside;
    if (values.length > room / 2) break;
  }
  if (values.length < 2) values = ticks(low, high, room);
  const labels = logLabels(values);
  return values.map((value, at) => ({ value, label: labels[at] ?? "" }));
}

function durationTicks([low, high]: Range, room: number): Tick[] {
  const step = RELATIVE_STEPS.find((one) => (high - low) / one <= room) ?? (high - low) / room;
  const found: Tick[] = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high * (1 + 1e-12) && found.length <= 2 * room; at += 1) {
    const value = at * step;
    found.push({ value, label: at === 0 ? "0" : value < 0 ? `−${formatDuration(-value)}` : formatDuration(value) });
  }
  return found;
}

/** Of a time with parts of a second, so much less than of another label has room. */
const LONG_LABEL = 0.6;

/** Ticks of unix seconds at full minutes, hours and days of this place's clock. */
function clockTicks([low, high]: Range, room: number): Tick[] {
  const [from, to] = [new Date(low * 1000), new Date(high * 1000)];
  if (!timeTickInterval(from, to, room)) return [];
  const apartMs = ([first, second]: readonly Date[]) => (first && second ? second.getTime() - first.getTime() : ((high - low) * 1000) / room);
  let dates = timeTicks(from, to, room);
  if (apartMs(dates) < 1000) dates = timeTicks(from, to, Math.max(1, Math.floor(room * LONG_LABEL)));
  const stepMs = apartMs(dates);
  return dates.map((date) => ({ value: date.getTime() / 1000, label: clockLabel(date, stepMs) }));
}

function clockLabel(date: Date, stepMs: number): string {
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (isMidnight || stepMs >= DAY_MS) {
    const isYear = isMidnight && date.getMonth() === 0 && date.getDate() === 1;
    return isYear ? String(date.getFullYear()) : date.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  }
  const two = (value: number, digits = 2) => String(value).padStart(digits, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (stepMs >= MINUTE_MS) return clock;
  const secs = `${clock}:${two(date.getSeconds())}`;
  return stepMs >= 1000 ? secs : `${secs}.${two(date.getMilliseconds(), 3)}`;
}
