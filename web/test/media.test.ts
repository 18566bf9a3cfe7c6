import { describe, expect, test } from "vitest";
import { alertsOf, bars, mediaKeys } from "../src/pure/media";

const event = (type: string, key: string, step: number, ...items: unknown[]) => ({ type, key, step, time: "2026-01-01T00:00:00Z", items });

describe("events as media", () => {
  test("a key's steps are in order, however they came, and its kinds are apart", () => {
    const keys = mediaKeys([event("image", "b", 2, { file: "2" }), event("image", "b", 1, { file: "1" }), event("text", "b", 1, { text: "x" }), event("image", "a10", 0), event("image", "a9", 0)]);
    expect(keys.map(({ key, kind, shots }) => [key, kind, shots.map((shot) => shot.step)])).toEqual([
      ["a9", "image", [0]],
      ["a10", "image", [0]],
      ["b", "image", [1, 2]],
      ["b", "text", [1]],
    ]);
  });

  test("what is logged again at a step comes after what was there", () => {
    const [known] = mediaKeys([event("text", "k", 5, { text: "first" }), event("text", "k", 5, { text: "again" })]);
    expect(known!.shots.map((shot) => shot.items[0]!.text)).toEqual(["first", "again"]);
  });

  test.each([[{ type: "image" }], [{ type: "image", key: 3, items: [] }], [{ type: "image", key: "a", items: "x" }], [{ type: "sound", key: "a", items: [] }], [{ type: "resume", step: 3 }]])("%j is left out", (odd) => {
    expect(mediaKeys([odd])).toEqual([]);
  });

  test("items that are no objects are left out", () => {
    expect(mediaKeys([event("image", "a", 0, null, 3, { file: "x" })])[0]!.shots[0]!.items).toEqual([{ file: "x" }]);
  });

  test("alerts come newest first, an unknown level as information", () => {
    const alerts = alertsOf([{ type: "alert", title: "one", level: "error", step: 3 }, { type: "alert", title: "two", level: "shout" }, { type: "text" }]);
    expect(alerts.map(({ title, level, step }) => [title, level, step])).toEqual([
      ["two", "info", null],
      ["one", "error", 3],
    ]);
  });
});

describe("histograms", () => {
  test("bars fill the box and keep their share", () => {
    expect(bars([0, 1, 4], [2, 8])).toEqual([
      { x: 0, width: 0.25, height: 0.25, low: 0, high: 1, count: 2 },
      { x: 0.25, width: 0.75, height: 1, low: 1, high: 4, count: 8 },
    ]);
  });

  test.each([[[], []], [[0, 1], []], [[0, 1], [1, 2]], [["a", 1], [1]], [[0, "NaN"], [1]], [null, undefined]])("%j and %j draw nothing", (edges, counts) => {
    expect(bars(edges, counts)).toEqual([]);
  });

  test("an empty histogram has flat bars", () => {
    expect(bars([0, 1], [0])[0]!.height).toBe(0);
  });
});
