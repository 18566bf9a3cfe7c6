import { expect, test } from "vitest";
import { parseWhen } from "../src/pure/when";

const first = new Date(2026, 10, 22, 21, 30, 0).getTime();
const last = new Date(2026, 10, 23, 11, 15, 20).getTime();
const at = (...parts: [number, number, number, number?, number?, number?]) => new Date(...(parts as [number, number, number])).getTime();

test("a time of day is the latest one at which something was", () => {
  expect(parseWhen("09:05", first, last)).toBe(at(2026, 10, 23, 9, 5));
  expect(parseWhen(" 22:10:07 ", first, last)).toBe(at(2026, 10, 22, 22, 10, 7));
  expect(parseWhen("11:15:20", first, last)).toBe(last);
  expect(parseWhen("12:00", first, last)).toBe(at(2026, 10, 23, 12, 0)); // after the end: the end is where it leads
});

test("spans count from the beginning and from the end", () => {
  expect(parseWhen("+1h 30m", first, last)).toBe(first + 90 * 60_000);
  expect(parseWhen("+90m", first, last)).toBe(first + 90 * 60_000);
  expect(parseWhen("+1.5h", first, last)).toBe(first + 90 * 60_000);
  expect(parseWhen("-10s", first, last)).toBe(last - 10_000);
  expect(parseWhen("+1d2h", first, last)).toBe(first + 26 * 3_600_000);
});

test("a moment is here, or in UTC where it says so", () => {
  expect(parseWhen("2026-11-23 10:00", first, last)).toBe(at(2026, 10, 23, 10, 0));
  expect(parseWhen("2026-11-23T10:00:30Z", first, last)).toBe(Date.UTC(2026, 10, 23, 10, 0, 30));
  expect(parseWhen("2026-11-23", first, last)).toBe(at(2026, 10, 23));
});

test.each(["", "noon", "25:00", "10:61", "2026-13-01", "10", "+", "+5x", "2026-11-23 10"])("%j is no time", (text) => {
  expect(parseWhen(text, first, last)).toBeNull();
});
