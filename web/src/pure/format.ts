/** Numbers, times and sizes as a person reads them. Pure; the clock comes in as an argument. */

import { toJson } from "./json";

/** A number as it travels: JSON has no NaN or infinities, so those come as strings. */
export type WireNumber = number | "NaN" | "Infinity" | "-Infinity" | null;

/** Return the number a wire value stands for; null (a gap) becomes undefined. */
export function fromWire(value: WireNumber | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "number" ? value : Number(value);
}

const trimZeros = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** Return `value` with about four significant digits, or `digits` of them: 0.2314, 12.5, 1,204, 3.2e-5, 4.1e9. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (Number.isInteger(value) && size < 1e7) return sign + groupThousands(String(size));
  if (size >= 1e7 || size < 1e-4) {
    const [mantissa = "0", exponent = "0"] = size.toExponential(digits - 1).split("e");
    return `${sign}${trimZeros(mantissa)}e${Number(exponent)}`;
  }
  if (size >= 1000) return sign + groupThousands(trimZeros(size.toFixed(digits - 3)));
  return sign + trimZeros(size.toPrecision(digits));
}

/** Return `value` with the digits that tell it from every other number, as it can be typed and copied. */
export const formatExact = (value: number | bigint): string => String(value);

/** Integers from here on are no counts any more, but values that have run away. */
const MAX_WHOLE = 1e12;

/** Return the value of a metric in short; integers are shown whole. */
export const formatMetric = (value: number, digits?: number): string =>
  Number.isInteger(value) && Math.abs(value) < MAX_WHOLE ? (value < 0 ? "−" : "") + groupThousands(String(Math.abs(value))) : formatNumber(value, digits);

/** Return a text for each value that stands beside the others: as short as formatMetric's where that tells it from them. */
export function formatDistinct(values: Iterable<number>): Map<number, string> {
  const texts = new Map<number, string>();
  let alike = [...new Set(values)];
  for (const digits of [4, 6, 9, 12, 0]) {
    const groups = new Map<string, number[]>();
    for (const value of alike) {
      const text = digits ? formatMetric(value, digits) : formatExact(value);
      texts.set(value, text);
      groups.set(text, [...(groups.get(text) ?? []), value]);
    }
    alike = [...groups.values()].filter((group) => group.length > 1).flat();
  }
  return texts;
}

function groupThousands(digits: string): string {
  const [whole = "", fraction] = digits.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

export const formatCount = (value: number): string => groupThousands(String(Math.round(value)));

const PREFIXES: readonly [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Return an axis label in engineering form: 250, 1.5k, 20M, 0.01, 250e-6. `step` is the distance between two labels. */
export function formatAxis(value: number, step = 0, largest = Math.abs(value)): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  const digits = (unit: number) => {
    if (!step) return 3;
    return Math.min(14, Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9) + (fractional(step / unit) ? 1 : 0)));
  };
  const show = (unit: number) => {
    const scaled = size / unit;
    return trimZeros(step ? scaled.toFixed(digits(unit)) : String(Number(scaled.toPrecision(4))));
  };
  for (const [unit, letter] of PREFIXES) if (largest >= unit) return sign + show(unit) + letter;
  if (largest >= 1e-3) return sign + show(1);
  const exponent = Math.floor(Math.log10(largest) / 3 + 1e-9) * 3;
  return `${sign}${show(10 ** exponent)}e${exponent}`.replace("e-", "e−");
}

/** Longer labels run into each other, or leave no room for the lines. */
const MAX_LABEL_CHARS = 9;

/**
 * Return the labels of an axis, the same number of steps apart, all in the unit of the largest. Where it takes many
 * digits to tell them from each other, the first one says where the axis begins, and the others how far they lie from
 * it: 1G, +0.05, +0.1.
 */
export function axisLabels(splits: readonly (number | null)[]): (string | null)[] {
  const known = splits.filter((value): value is number => value !== null);
  const [first = 0, second = first] = known;
  const step = Math.abs(second - first);
  const largest = Math.max(0, ...known.map(Math.abs));
  const labels = splits.map((value) => (value === null ? null : formatAxis(value, step, largest)));
  if (known.length < 2 || !labels.some((label) => label !== null && label.length > MAX_LABEL_CHARS)) return labels;
  const far = Math.max(...known.map((value) => Math.abs(value - first)));
  return splits.map((value, index) => {
    if (value === null || value === first) return labels[index] ?? null;
    // A multiple of the step: the difference of two large numbers has digits that neither of them has.
    return `+${formatAxis(Math.round((value - first) / step) * step, step, far)}`;
  });
}

/** Return the labels of a logarithmic axis: with exponents all of them where one needs it. */
export function logLabels(splits: readonly (number | null)[]): (string | null)[] {
  const known = splits.filter((value): value is number => value !== null && value > 0);
  const small = known.some((value) => value < 1e-3);
  return splits.map((value) => {
    if (value === null) return null;
    if (!small) return formatAxis(value);
    const exponent = Math.floor(Math.log10(value) + 1e-9);
    const lead = Number((value / 10 ** exponent).toPrecision(3));
    return (exponent === 0 ? `${lead}` : `${lead}e${exponent}`).replace("e-", "e−");
  });
}

/** Whether one digit fewer than the magnitude of `step` would lose part of it (2.5 needs one more than 1). */
function fractional(step: number): boolean {
  const leading = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
  return Math.abs(leading - Math.round(leading)) > 1e-6;
}

/** Return a time since a beginning with as many digits as tell events apart: 0.012 s, 59.250 s, 12:05, 1:02:03. */
export function formatSince(ms: number): string {
  const secs = Math.max(0, ms) / 1000;
  if (secs < 60) return `${secs.toFixed(3)} s`;
  const two = (value: number) => String(value).padStart(2, "0");
  const whole = Math.floor(secs);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Return a duration in its two largest units: 0.4 s, 45 s, 3 m 12 s, 2 h 14 m, 3 d 4 h. */
export function formatDuration(secs: number | null | undefined): string {
  if (secs === null || secs === undefined || !Number.isFinite(secs)) return "–";
  if (secs < 0) secs = 0;
  if (secs < 1) return `${Math.round(secs * 10) / 10} s`;
  const whole = Math.floor(secs);
  if (whole < 60) return `${whole} s`;
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "m"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** Return a duration in its largest unit alone, for narrow cells: 45s, 12m, 5h, 3d. */
export function formatShortDuration(secs: number | null | undefined): string {
  if (secs === null || secs === undefined || !Number.isFinite(secs)) return "–";
  if (secs < 60) return `${Math.max(0, Math.floor(secs))}s`;
  if (secs < 3600) return `${Math.floor(secs / 60)}m`;
  if (secs < 86400) return `${Math.floor(secs / 3600)}h`;
  return `${Math.floor(secs / 86400)}d`;
}

/** Return how long ago `at` (ms since 1970) was, seen from `now` (ms): just now, 12 s ago, 3 m ago, 5 h ago, 23 Nov 2026. */
export function formatAgo(at: number, now: number): string {
  const secs = (now - at) / 1000;
  if (!Number.isFinite(secs)) return "–";
  if (secs < 5) return "just now";
  if (secs < 60) return `${Math.floor(secs)} s ago`;
  if (secs < 3600) return `${Math.floor(secs / 60)} m ago`;
  if (secs < 86400) return `${Math.floor(secs / 3600)} h ago`;
  if (secs < 30 * 86400) return `${Math.floor(secs / 86400)} d ago`;
  return formatDate(at);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number) => String(value).padStart(2, "0");

export function formatDate(at: number): string {
  const date = new Date(at);
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`;
}

/** Return the exact local time: 2026-11-23 09:30:15. */
export function formatTime(at: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "–";
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Return the local time of day: 09:30:15. */
export function formatClock(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Return a size in decimal units: 512 B, 3.1 kB, 12 MB. */
export function formatBytes(size: number | null | undefined): string {
  if (size === null || size === undefined || !Number.isFinite(size)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let amount = size;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const text = unit > 0 && amount < 10 ? amount.toFixed(1) : String(Math.round(amount));
  return `${text} ${units[unit]}`;
}

/** Return a size of memory in binary units, as those who sell it count: 80 GiB. */
export function formatMemory(size: number | null | undefined): string {
  if (size === null || size === undefined || !Number.isFinite(size)) return "–";
  const gib = size / 2 ** 30;
  return gib >= 1 ? `${gib < 10 ? Number(gib.toFixed(1)) : Math.round(gib)} GiB` : `${Math.round(size / 2 ** 20)} MiB`;
}

/** Return any config or summary value as one line of text; two that differ never look alike. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number" || typeof value === "bigint") return formatExact(value);
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return formatNumber(Number(value));
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "true" : "false";
  return toJson(value);
}

/** Return "1 run", "2 runs". */
export const plural = (amount: number, word: string, words = `${word}s`): string => `${formatCount(amount)} ${amount === 1 ? word : words}`;

/** Return a fingerprint in groups of four, so that two of them can be compared by eye. */
export function fingerprintGroups(fingerprint: string): { prefix: string; groups: string[] } {
  const colon = fingerprint.indexOf(":");
  const prefix = colon < 0 ? "" : fingerprint.slice(0, colon + 1);
  const body = fingerprint.slice(colon + 1);
  return { prefix, groups: body.match(/.{1,4}/g) ?? [] };
}
