import { describe, expect, test } from "vitest";
import { metricFilter, groupMetrics } from "../src/pure/metrics";
import { composeQuery, nextSort, nextSorts, parseSorts, runsQuery } from "../src/pure/query";
import { columnOf, defaultColumns, flatten, lookUp } from "../src/pure/columns";
import { projectTree, visibleNodes } from "../src/pure/tree";
import { detailText, errorFromBody } from "../src/api/error";
import type { Run } from "../src/api/types";

describe("what is asked for", () => {
  test("lists repeat, emptiness is left out, everything is escaped", () => {
    expect(composeQuery({ run: ["a", "b"], metric: ["train/loss"], from: 0, to: undefined, q: "" })).toBe("run=a&run=b&metric=train%2Floss&from=0");
  });

  test("the default order is not spelled out", () => {
    expect(runsQuery({ sorts: [{ key: "created_at", order: "desc" }], limit: 200 })).toBe("limit=200");
    expect(runsQuery({ sorts: [{ key: "summary.acc", order: "desc" }], q: " lr < 1 " })).toBe("q=lr%20%3C%201&sort=summary.acc&order=desc");
    expect(runsQuery({ sorts: [{ key: "created_at", order: "asc" }] })).toBe("sort=created_at&order=asc");
    expect(runsQuery({ sorts: parseSorts(["name", "min.loss"], "asc"), columns: ["min.loss", "best.a b"] })).toBe("sort=name&sort=min.loss&order=asc&order=desc&column=min.loss&column=best.a%20b");
  });

  test("the clock of who asks goes along with dates alone", () => {
    expect(runsQuery({ q: "created > -7d" }, 60)).toBe("q=created%20%3E%20-7d&utc_offset=60");
    expect(runsQuery({ q: "name" }, 60)).toBe("q=name");
    expect([runsQuery({}), runsQuery({ archived: false }), runsQuery({ archived: true })]).toEqual(["", "archived=false", "archived=true"]);
  });

  test("clicks with Shift add a column, turn it round, take it out", () => {
    const acc = { key: "acc", order: "desc" } as const;
    const one = nextSorts(parseSorts([], ""), "acc", "desc", true);
    expect(one).toEqual([acc]);
    const two = nextSorts(one, "lr", "asc", true);
    expect(two).toEqual([acc, { key: "lr", order: "asc" }]);
    const three = nextSorts(two, "lr", "asc", true);
    expect(three).toEqual([acc, { key: "lr", order: "desc" }]);
    expect(nextSorts(three, "lr", "asc", true)).toEqual([acc]);
    expect(nextSorts(three, "lr", "asc")).toEqual([{ key: "lr", order: "asc" }]);
    expect(nextSorts([{ key: "acc", order: "asc" }], "acc", "desc", true)).toEqual([{ key: "created_at", order: "desc" }]);
  });

  test("clicks on a head: this way, the other way, newest first again", () => {
    const start = { sort: "created_at", order: "desc" } as const;
    const one = nextSort(start, "summary.acc", "desc");
    const two = nextSort(one, "summary.acc", "desc");
    expect([one, two, nextSort(two, "summary.acc", "desc")]).toEqual([
      { sort: "summary.acc", order: "desc" },
      { sort: "summary.acc", order: "asc" },
      { sort: "created_at", order: "desc" },
    ]);
    expect(nextSort(start, "created_at", "desc")).toEqual({ sort: "created_at", order: "asc" });
  });
});

describe("columns", () => {
  const run = (config: Record<string, unknown>, summary: Record<string, unknown>) => ({ config, summary }) as unknown as Run;

  test("find nested and dotted keys", () => {
    expect(lookUp({ model: { depth: 3 } }, "model.depth")).toBe(3);
    expect(lookUp({ "model.depth": 4 }, "model.depth")).toBe(4);
    expect(lookUp({ a: { "b.c": { d: 1 } } }, "a.b.c.d")).toBe(1);
    expect(lookUp({}, "constructor")).toBeUndefined();
    expect(flatten({ a: { b: 1, c: {} }, d: [1] })).toEqual([["a.b", 1], ["a.c", {}], ["d", [1]]]);
  });

  test("at first show what differs, and loss and success that most runs have", () => {
    const runs = [run({ lr: 0.1, seed: 1, name: "x" }, { "val/loss": 1, "train/loss": 1, acc: 1 }), run({ lr: 0.2, seed: 1, name: "x" }, { "val/loss": 2, "train/loss": 2, acc: 1 })];
    expect(defaultColumns(runs, { config: ["lr", "name", "seed"], summary: ["acc", "loss", "train/loss", "val/loss"] })).toEqual([
      "state",
      "config.lr",
      expect.stringMatching(/^config\./),
      "summary.val/loss",
      "summary.acc",
      "created",
    ]);
  });

  test("unknown ones are none", () => {
    expect(columnOf("evil")).toBeNull();
    expect(columnOf("summary.val/loss")?.label).toBe("val/loss");
  });
});

test("projects add up to their parents", () => {
  const tree = projectTree([{ project: "vision/resnet", count: 84 }, { project: "vision/vit", count: 12 }, { project: "vision", count: 1 }, { project: "nlp", count: 3 }]);
  expect(visibleNodes(tree, new Set()).map((node) => [node.path, node.count])).toEqual([["nlp", 3], ["vision", 97], ["vision/resnet", 84], ["vision/vit", 12]]);
  expect(visibleNodes(tree, new Set(["vision"])).map((node) => node.path)).toEqual(["nlp", "vision"]);
});

test("metrics are grouped by what stands before the first slash", () => {
  expect(groupMetrics(["val/loss", "loss", "train/b10/norm", "train/b9/norm"])).toEqual([
    { name: "", metrics: ["loss"] },
    { name: "train", metrics: ["train/b9/norm", "train/b10/norm"] },
    { name: "val", metrics: ["val/loss"] },
  ]);
});

test("a metric filter is a regular expression, or literal where it is none", () => {
  expect(metricFilter("^val/").test("val/loss")).toBe(true);
  expect(metricFilter("^val/").test("train/val")).toBe(false);
  expect(metricFilter("loss(").test("train/LOSS(1)")).toBe(true);
});

describe("errors", () => {
  test("carry code, sentence and next step", () => {
    const error = errorFromBody(400, { detail: "Position 3: a value is missing.", code: "INVALID_QUERY", hint: "Use words." });
    expect([error.code, error.detail, error.hint]).toEqual(["INVALID_QUERY", "Position 3: a value is missing.", "Use words."]);
  });

  test("a host key to confirm comes along", () => {
    const host_key = { host: "h", port: 22, reason: "unknown" };
    const error = errorFromBody(409, { detail: { code: "HOST_KEY_CONFIRMATION_REQUIRED", message: "Host key verification failed", host_key } });
    expect(error.code).toBe("HOST_KEY_CONFIRMATION_REQUIRED");
    expect(error.detail).toBe("Host key verification failed");
    expect(error.hostKey).toEqual(host_key);
  });

  test("of validation name the field; odd ones are told all the same", () => {
    expect(detailText([{ loc: ["body", "local_port"], msg: "too large" }])).toBe("local_port: too large");
    expect(errorFromBody(500, null).detail).toContain("500");
    expect(errorFromBody(503, { code: "REMOTE_UNAVAILABLE", detail: "x" }).unreachable).toBe(false);
    expect(errorFromBody(503, {}).unreachable).toBe(true);
  });
});
