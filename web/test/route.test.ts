import { describe, expect, test } from "vitest";
import { formatPlace, formatZoom, parsePlace, parseZoom } from "../src/pure/route";

describe("the URL", () => {
  test.each([
    ["", { page: "runs", params: {} }],
    ["#/", { page: "runs", params: {} }],
    ["#/runs?q=tag%3Abaseline&sort=config.lr", { page: "runs", params: { q: "tag:baseline", sort: "config.lr" } }],
    ["#/runs/20261123-093015-7f3a2c", { page: "run", id: "20261123-093015-7f3a2c", tab: "charts", params: {} }],
    ["#/runs/a/console?x=time", { page: "run", id: "a", tab: "console", params: { x: "time" } }],
    ["#/artifacts?q=model", { page: "artifacts", params: { q: "model" } }],
    ["#/artifacts/resnet%20%C3%BC?v=3", { page: "artifact", id: "resnet ü", params: { v: "3" } }],
    ["#/artifacts/gpu-7-1a2b3c:resnet?v=3", { page: "artifact", id: "gpu-7-1a2b3c:resnet", params: { v: "3" } }],
    ["#/artifacts/gpu-7-1a2b3c%3Aresnet%20%C3%BC", { page: "artifact", id: "gpu-7-1a2b3c:resnet ü", params: {} }],
    ["#/artifacts/a/b", { page: "missing", path: "/artifacts/a/b", params: {} }],
    ["#/remote", { page: "remote", params: {} }],
    ["#/machines", { page: "machines", params: {} }],
    ["#/machines/a", { page: "missing", path: "/machines/a", params: {} }],
    ["#/runs/a/weights", { page: "missing", path: "/runs/a/weights", params: {} }],
    ["#/nothing", { page: "missing", path: "/nothing", params: {} }],
    ["#/runs?q=%", { page: "runs", params: { q: "%" } }],
    ["#/runs?__proto__=x", { page: "runs", params: {} }],
  ])("%s", (hash, place) => expect(parsePlace(hash)).toEqual(place));

  test("comes back as it was, whatever stands in it", () => {
    for (const q of ['config.lr < 0.01 and not "old & slow"', "a=b&c?d#e", "100 %", "Ü+ /\\", "x~y"])
      expect(parsePlace(formatPlace({ page: "runs", params: { q, p: "vision/resnet" } }))).toEqual({ page: "runs", params: { q, p: "vision/resnet" } });
    const run = { page: "run", id: "a b/c", tab: "overview", params: { metrics: "^val/(loss|acc)$" } } as const;
    // An id with a slash does not occur; it must not turn into another page either.
    expect(parsePlace(formatPlace({ ...run, id: "a b" }))).toEqual({ ...run, id: "a b" });
    for (const id of ["Modell ü-1.0", "10.0.0.7-1a2b3c:Modell ü-1.0", "a%3Ab", "größe:100% +"]) {
      const artifact = { page: "artifact", id, params: { v: "best" } } as const;
      expect(parsePlace(formatPlace(artifact))).toEqual(artifact);
    }
  });

  test("stays readable and leaves out what is empty", () => {
    expect(formatPlace({ page: "runs", params: { p: "vision/resnet", q: "", sort: "config.lr" } })).toBe("#/runs?p=vision/resnet&sort=config.lr");
    expect(formatPlace({ page: "artifact", id: "gpu-7-1a2b3c:resnet", params: { v: "" } })).toBe("#/artifacts/gpu-7-1a2b3c:resnet");
  });
});

test("zoom windows", () => {
  expect(parseZoom("1200~3400.5")).toEqual([1200, 3400.5]);
  expect(parseZoom("-5~-1")).toEqual([-5, -1]);
  for (const bad of [undefined, "", "1", "2~1", "a~b", "1~Infinity"]) expect(parseZoom(bad)).toBeNull();
  expect(parseZoom(formatZoom([1764000000.125, 1764000100.5]))).toEqual([1764000000.125, 1764000100.5]);
  expect(formatZoom(null)).toBe("");
});
