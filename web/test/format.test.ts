import { describe, expect, test } from "vitest";
import {
  fingerprintGroups,
  formatAgo,
  axisLabels,
  formatAxis,
  formatBytes,
  formatDuration,
  formatNumber,
  formatShortDuration,
  formatSince,
  formatTime,
  formatValue,
  fromWire,
  plural,
} from "../src/pure/format";

describe("times since a beginning", () => {
  test.each([
    [-5, "0.000 s"],
    [12, "0.012 s"],
    [59_250, "59.250 s"],
    [60_000, "1:00"],
    [725_900, "12:05"],
    [3_723_000, "1:02:03"],
    [90_000_000, "25:00:00"],
  ])("%d ms reads %s", (ms, text) => expect(formatSince(ms)).toBe(text));
});

describe("numbers", () => {
  test.each([
    [0, "0"],
    [0.231442, "0.2314"],
    [12.5, "12.5"],
    [1204, "1,204"],
    [-3, "−3"],
    [1234567, "1,234,567"],
    [0.0000321, "3.21e-5"],
    [4.1e9, "4.1e9"],
    [1234.56, "1,234.6"],
    [100, "100"],
    [0.5, "0.5"],
    [NaN, "NaN"],
    [Infinity, "∞"],
    [-Infinity, "−∞"],
  ])("%d reads %s", (value, text) => expect(formatNumber(value)).toBe(text));

  test("strings for what JSON cannot say become numbers", () => {
    expect(fromWire("NaN")).toBeNaN();
    expect(fromWire("-Infinity")).toBe(-Infinity);
    expect(fromWire(null)).toBeUndefined();
    expect(fromWire(0)).toBe(0);
  });

  test.each([
    [0, 0, "0"],
    [1500, 500, "1.5k"],
    [20_000_000, 5_000_000, "20M"],
    [0.25, 0.05, "0.25"],
    [0.1, 0.025, "0.1"],
    [0.125, 0.025, "0.125"],
    [0.00025, 0.00005, "250e−6"],
    [-2000, 1000, "−2k"],
    [1200, 50, "1.2k"],
    [6394, 1, "6.394k"],
  ])("an axis label of %d in steps of %d reads %s", (value, step, text) => expect(formatAxis(value, step)).toBe(text));

  test("labels of one axis differ from each other", () => {
    for (const [from, step] of [
      [0, 0.25],
      [1000, 2.5],
      [99_990, 5],
      [0.001, 0.00025],
      [1e6, 250],
    ] as const) {
      const labels = Array.from({ length: 6 }, (_, i) => formatAxis(from + i * step, step));
      expect(new Set(labels).size).toBe(6);
    }
  });
});

describe("times", () => {
  test.each([
    [0, "0 s"],
    [0.42, "0.4 s"],
    [45, "45 s"],
    [192, "3 m 12 s"],
    [180, "3 m"],
    [8040, "2 h 14 m"],
    [273_600, "3 d 4 h"],
    [-5, "0 s"],
  ])("%d seconds read %s", (secs, text) => expect(formatDuration(secs)).toBe(text));

  test("a missing duration is a dash", () => {
    expect(formatDuration(null)).toBe("–");
    expect(formatShortDuration(undefined)).toBe("–");
  });

  test("short durations", () => {
    expect([4, 61, 7300, 90_000].map(formatShortDuration)).toEqual(["4s", "1m", "2h", "1d"]);
  });

  test("ages", () => {
    const now = Date.UTC(2026, 10, 23, 12);
    expect(formatAgo(now - 2000, now)).toBe("just now");
    expect(formatAgo(now - 12_000, now)).toBe("12 s ago");
    expect(formatAgo(now - 3 * 3600_000, now)).toBe("3 h ago");
    expect(formatAgo(now + 5000, now)).toBe("just now");
    expect(formatAgo(now - 90 * 86_400_000, now)).toMatch(/2026$/);
    expect(formatTime(NaN)).toBe("–");
  });
});

test("sizes", () => {
  expect([0, 999, 1000, 3_100_000, 12_000_000].map(formatBytes)).toEqual(["0 B", "999 B", "1.0 kB", "3.1 MB", "12 MB"]);
});

test("any value becomes one line", () => {
  expect(formatValue({ a: [1] })).toBe('{"a":[1]}');
  expect(formatValue(false)).toBe("false");
  expect(formatValue("NaN")).toBe("NaN");
  expect(formatValue(undefined)).toBe("–");
});

test("plurals", () => {
  expect(plural(1, "run")).toBe("1 run");
  expect(plural(1204, "run")).toBe("1,204 runs");
});

test("a fingerprint comes in groups and loses nothing", () => {
  const text = "SHA256:gAm/g8R6NFVIHOJFkG+QQHCvxw31BJRH6jIn33brO0g";
  const { prefix, groups } = fingerprintGroups(text);
  expect(prefix + groups.join("")).toBe(text);
  expect(groups.every((group) => group.length <= 4)).toBe(true);
});

describe("labels of an axis", () => {
  test("are short where that tells them apart", () => {
    expect(axisLabels([0, 0.2, 0.4, null])).toEqual(["0", "0.2", "0.4", null]);
    expect(axisLabels([20000, 40000, 60000])).toEqual(["20k", "40k", "60k"]);
    expect(axisLabels([])).toEqual([]);
    expect(axisLabels([5])).toEqual(["5"]);
  });
  test("say how far they lie from the first one where they all begin alike", () => {
    expect(axisLabels([1e9, 1e9 + 0.05, 1e9 + 0.1])).toEqual(["1G", "+0.05", "+0.1"]);
    expect(axisLabels([-1e9, 0.05 - 1e9, 0.1 - 1e9])).toEqual(["−1G", "+0.05", "+0.1"]);
    const nanoseconds = [1795698472e9, 1795698474e9, 1795698476e9];
    expect(axisLabels(nanoseconds)).toEqual(["1795698.472T", "+2G", "+4G"]);
    expect(axisLabels([null, ...nanoseconds])[0]).toBeNull();
  });
});
