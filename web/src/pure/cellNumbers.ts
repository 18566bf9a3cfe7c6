/** Numbers in the table's cells: as short as they can be while each is told from every other one, and none is rounded to a whole. Pure. */

import { formatExact, formatMetric, formatNumber } from "./format";

/** A text stands for a fraction only if it shows one: 0.99995 is not "1". */
const showsFraction = (text: string): boolean => !Number.isInteger(Number(text.replaceAll(",", "").replace("−", "-")));

const whole = (value: number): string => (Math.abs(value) < 1e7 ? formatMetric(value) : formatExact(value).replace("-", "−"));

/** Return a text for each of the values of a column. Integers are shown with all their digits. */
export function distinctTexts(values: Iterable<number>): Map<number, string> {
  const texts = new Map<number, string>();
  let waiting: number[] = [];
  for (const value of new Set(values)) {
    if (Number.isInteger(value)) texts.set(value, whole(value));
    else if (!Number.isFinite(value)) texts.set(value, formatNumber(value));
    else waiting.push(value);
  }
  for (const digits of [4, 6, 9, 12, 0]) {
    const groups = new Map<string, number[]>();
    for (const value of waiting) {
      const text = digits ? formatNumber(value, digits) : formatExact(value).replace("-", "−");
      texts.set(value, text);
      groups.set(text, [...(groups.get(text) ?? []), value]);
    }
    waiting = [...groups].filter(([text, group]) => group.length > 1 || !showsFraction(text)).flatMap(([, group]) => group);
  }
  return texts;
}

/** Return the finite number that a value is, or that it says as a text: "1e-3" of YAML is one; else null. */
export function numberIn(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string" || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** Return a difference with its sign: "+0.012", "−3", "±0". */
export function signed(text: string, difference: number): string {
  if (difference === 0) return "±0";
  return difference > 0 ? `+${text}` : text;
}

/** Return how much `value` is more than `base`, in percent of it: "+5.2 %"; empty where nothing can be said. */
export function percentOf(value: number, base: number): string {
  if (base === 0 || !Number.isFinite(value) || !Number.isFinite(base)) return "";
  const percent = ((value - base) / Math.abs(base)) * 100;
  const text = Math.abs(percent) >= 1000 ? percent.toExponential(2) : percent.toPrecision(3);
  return `${percent > 0 ? "+" : ""}${Number(text)} %`.replace("-", "−");
}
