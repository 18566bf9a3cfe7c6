import { describe, expect, test } from "vitest";
import { ticksOf } from "../src/charts/ticks";

const labels = (low: number, high: number, count: number, kind: "step" | "time" | "relative" | "number" = "number", log = false) =>
  ticksOf([low, high], count, kind, log).map((tick) => tick.label);

describe("the ticks of an axis", () => {
  test.each([
    [0, 1, 5, ["0", "0.2", "0.4", "0.6", "0.8", "1"]],
    [0, 3200, 4, ["0", "1k", "2k", "3k"]],
    [0.1, 0.11, 3, ["0.1", "0.105", "0.11"]],
  ])("from %d to %d, about %d of them", (low, high, count, expected) => expect(labels(low, high, count)).toEqual(expected));

  test("steps are whole", () => {
    expect(labels(0, 2, 8, "step")).toEqual(["0", "1", "2"]);
    expect(labels(5, 5.4, 4, "step")).toEqual(["5"]);
  });

  test.each([
    [7, 3200, 3, ["10", "100", "1k"]],
    [1e-6, 1, 4, ["1e−6", "1e−4", "1e−2", "1"]],
    [1, 1000, 8, ["1", "10", "100", "1k"]],
    [0.2, 3, 5, ["0.2", "0.5", "1", "2"]],
    [100, 130, 4, ["100", "110", "120", "130"]],
  ])("logarithmic from %d to %d, about %d of them", (low, high, count, expected) => expect(labels(low, high, count, "number", true)).toEqual(expected));

  test("a logarithmic axis without a range has none, and never too many", () => {
    expect(labels(0, 1, 5, "number", true)).toEqual([]);
    for (let power = 1; power < 40; power += 1) expect(labels(1, 10 ** power * 1.5, 6, "number", true).length).toBeLessThanOrEqual(12);
  });

  test("times since a beginning are in minutes and hours", () => {
    expect(labels(0, 7200, 4, "relative")).toEqual(["0", "30 m", "1 h", "1 h 30 m", "2 h"]);
    expect(labels(-60, 60, 4, "relative")).toEqual(["−1 m", "−30 s", "0", "30 s", "1 m"]);
    expect(labels(0, 1e9, 4, "relative").length).toBeLessThanOrEqual(9);
  });

  test("clock times are at full ones, and tell the day at midnight", () => {
    const noon = new Date(2026, 10, 26, 22, 0).getTime() / 1000;
    expect(labels(noon, noon + 4 * 3600, 4, "time")).toEqual(["22:00", "23:00", expect.stringMatching(/26|27/), "01:00", "02:00"]);
    expect(labels(noon, noon + 20, 4, "time")[0]).toBe("22:00:00");
    expect(labels(noon, noon, 4, "time").length).toBeLessThanOrEqual(1);
    expect(labels(noon, noon + 4, 5, "time")).toEqual(["22:00:00", "22:00:01", "22:00:02", "22:00:03", "22:00:04"]);
    expect(labels(noon, noon + 1, 5, "time")).toEqual(["22:00:00.000", "22:00:00.500", "22:00:01.000"]);
  });
});
