import { describe, expect, it } from "vitest";
import type { Run, WireGroup } from "../src/api/types";
import { columnOf, type Column } from "../src/pure/columns";
import { fieldText, termsOf, valueText, withTerm } from "../src/pure/filterTerms";
import { groupItems, rangesOf } from "../src/pure/rowItems";
import { nameChoices, taken, typingAt } from "../src/pure/suggest";
import { layoutOf, movedTo } from "../src/pure/tableLayout";
import { formatSelection, parseSelection, rangeOf, selectedIds, withRuns } from "../src/state/selection";

const run = (more: Partial<Run>): Run => ({ id: "a", name: "a", project: "p", state: "finished", tags: [], config: {}, summary: {}, created_at: "2026-11-01T12:00:00Z", duration_secs: 61, ...more }) as Run;

describe("lines of groups", () => {
  const group = (depth: number, value: unknown, count: number): WireGroup => ({ depth, value, count, stats: [] });
  const groups = [group(0, "a", 3), group(1, 1, 2), group(1, 2, 1), group(0, "b", 1), group(1, 1, 1)];

  it("are only the outermost at first, and those within, and their runs, once they are unfolded", () => {
    const text = (toggled: string[], open: boolean) => groupItems(groups, 2, new Set(toggled), open).map((item) => (item.kind === "run" ? item.index : `${item.path.join("/")}${item.open ? "-" : "+"}`));
    expect(text([], false)).toEqual(["a+", "b+"]);
    expect(text(['["ta"]'], false)).toEqual(["a-", "a/1+", "a/2+", "b+"]);
    expect(text(['["ta"]', '["ta","n2"]', '["tb"]', '["tb","n1"]'], false)).toEqual(["a-", "a/1+", "a/2-", 2, "b-", "b/1-", 3]);
    expect(text([], true)).toEqual(["a-", "a/1-", 0, 1, "a/2-", 2, "b-", "b/1-", 3]);
    expect(text(['["ta"]'], true)).toEqual(["a+", "b-", "b/1-", 3]);
  });

  it("ask for the runs among them in few ranges", () => {
    const items = groupItems([group(0, 1, 5), group(0, 2, 500), group(0, 3, 5)], 1, new Set(['["n1"]', '["n3"]']), false);
    expect(rangesOf(items, 0, 99)).toEqual([
      [0, 5],
      [505, 510],
    ]);
  });
});

describe("filters made by a click", () => {
  it("say a value so that it is found again", () => {
    expect(fieldText("config.my key")).toBe('config."my key"');
    expect(fieldText('min.a"b')).toBe('min."a\\"b"');
    expect([0.1, 10n, true, "adam", "a b", "or", "x:y", 'a"b', [1, 2]].map(valueText)).toEqual(["0.1", "10", "true", "adam", '"a b"', '"or"', '"x:y"', '"a\\"b"', '"[1,2]"']);
  });

  it("offer only this and not this", () => {
    const one = run({ config: { lr: 0.1 }, tags: ["night run"] });
    expect(termsOf(one, "config.lr").map(({ term }) => term)).toEqual(["config.lr = 0.1", "not config.lr = 0.1", "config.lr >= 0.1", "config.lr <= 0.1"]);
    expect(termsOf(one, "config.none").map(({ term }) => term)).toEqual(["not config.none ~ ^", "config.none ~ ^"]);
    expect(termsOf(one, "tags").map(({ term }) => term)).toEqual(['tag:"night run"', 'not tag:"night run"']);
    expect(termsOf(one, "state").map(({ label }) => label)).toEqual(["Only finished", "Not finished"]);
  });

  it("hold together with what is there", () => {
    expect(withTerm("", "a")).toBe("a");
    expect(withTerm("a or b", "c")).toBe("(a or b) and c");
    expect(withTerm('name = "x or y"', "c")).toBe('name = "x or y" and c');
    expect(withTerm("c", "c")).toBe("c");
  });
});

describe("what may come next in a filter", () => {
  const names = { config: ["lr", "my key", "model.lr"], summary: ["loss"], metrics: ["loss", "val/loss"] };
  const at = (text: string) => typingAt(text, text.length);

  it("is told by what stands before the caret", () => {
    expect(at("config.l")).toMatchObject({ kind: "name", typed: "config.l", from: 0 });
    expect(at("a and (lo")).toMatchObject({ kind: "name", typed: "lo", from: 7 });
    expect(at("config.lr = 0.")).toMatchObject({ kind: "value", field: "config.lr", typed: "0.", from: 12 });
    expect(at('config."my key" = "a b')).toMatchObject({ kind: "value", field: "config.my key", typed: "a b", from: 18 });
    expect(at("not tag:ba")).toMatchObject({ kind: "value", field: "tags", typed: "ba", from: 8 });
    expect(at('say "hel')).toBeNull();
  });

  it("are names that begin with it first", () => {
    expect(nameChoices("lr", names)).toEqual(["config.lr", "config.model.lr"]);
    expect(nameChoices("min.l", names)).toEqual(["min.loss", "min.val/loss"]);
    expect(nameChoices("my", names)).toEqual(['config."my key"']);
    expect(nameChoices("", names)).toEqual([]);
  });

  it("takes the place of what was typed", () => {
    const text = "a config.l and b";
    const typing = typingAt(text, 10)!;
    expect(taken(text, 10, typing, "config.lr")).toEqual({ text: "a config.lr and b", caret: 11 });
  });
});

describe("columns", () => {
  const columns = ["state", "config.lr", "min.loss"].map((key) => columnOf(key) as Column);

  it("that are pinned stand first and stay where they are, each beside the one before", () => {
    const layout = layoutOf({ columns, pinned: new Set(["min.loss"]), widths: { "min.loss": 100 }, rows: [] });
    expect(layout.columns.map((one) => [one.key, one.left])).toEqual([
      ["min.loss", 32 + 240],
      ["state", null],
      ["config.lr", null],
    ]);
    expect(layout.template).toBe("32px 240px 100px minmax(68px, 0.5fr) minmax(72px, 1fr)");
    const fixed = layoutOf({ columns: [], pinned: new Set(), widths: { name: 90 }, rows: [] });
    expect(fixed.template).toBe("32px 90px minmax(0, 1fr)");
    expect(layoutOf({ columns, pinned: new Set(), widths: {}, rows: [], nameLength: 90, room: 390 }).name.width).toBe(215);
  });

  it("of results come before what only runs have, where rows of groups have room for one of them", () => {
    const some = ["state", "host", "config.lr", "summary.loss", "summary.acc"].map((key) => columnOf(key) as Column);
    const keys = (room: number, grouped: boolean) => layoutOf({ columns: some, pinned: new Set(), widths: {}, rows: [], fit: true, room, grouped }).columns.map((one) => one.key);
    expect(keys(390, false)).toEqual(["state", "host"]);
    expect(keys(390, true)).toEqual(["state", "summary.loss"]);
    expect(keys(600, true)).toEqual(["state", "host", "summary.loss"]);
    expect(keys(640, true)).toEqual(["state", "host", "summary.loss", "summary.acc"]);
  });

  it("are moved to where another one stands", () => {
    expect(movedTo(["a", "b", "c"], "a", 2)).toEqual(["b", "c", "a"]);
    expect(movedTo(["a", "b", "c"], "c", 0)).toEqual(["c", "a", "b"]);
    expect(movedTo(["a", "b", "c"], "b", 9)).toEqual(["a", "c", "b"]);
  });
});

describe("a selection", () => {
  it("comes back from the URL as it was", () => {
    for (const one of [{ kind: "default", ids: [] }, { kind: "ids", ids: [] }, { kind: "ids", ids: ["a", "b"] }, { kind: "all", ids: ["c"] }] as const) {
      const { sel, but } = formatSelection(one);
      expect(parseSelection(sel, but)).toEqual(one);
    }
  });

  it("begins with the first of the list, and knows all but some", () => {
    expect(selectedIds({ kind: "default", ids: [] }, ["a", "b"], [])).toEqual(["a", "b"]);
    expect(selectedIds(withRuns({ kind: "all", ids: [] }, [], ["b"], false), [], ["a", "b", "c"])).toEqual(["a", "c"]);
    expect(withRuns({ kind: "all", ids: ["b"] }, [], ["b"], true)).toEqual({ kind: "all", ids: [] });
    expect(withRuns({ kind: "default", ids: [] }, ["a"], ["b"], true)).toEqual({ kind: "ids", ids: ["a", "b"] });
  });

  it("ranges go both ways", () => {
    expect(rangeOf(["a", "b", "c", "d"], "c", "b")).toEqual(["b", "c"]);
    expect(rangeOf(["a", "b"], null, "b")).toEqual(["b"]);
  });
});
