import { describe, expect, test } from "vitest";
import { aliasesOf, artifactsOf, chooseArtifacts, findVersion } from "../src/pure/artifacts";

const version = (text: string, more: object = {}) => ({
  version: text, type: "model", description: "", metadata: {}, digest: "", size: 1, file_count: 1,
  created_at: "2026-01-01T00:00:00Z", run: null, run_name: null, step: null, ...more,
});
const artifact = (name: string, more: object = {}, versions = 1, aliases: Record<string, string> = {}) => ({
  name, versions, latest: version(`v${versions - 1}`, more), aliases: { ...aliases, latest: `v${versions - 1}` },
});

describe("the list of artifacts", () => {
  const all = [
    artifact("resnet-10", { size: 30, created_at: "2026-01-03T00:00:00Z" }, 4, { best: "v2" }),
    artifact("resnet-9", { size: 10, created_at: "2026-01-01T00:00:00Z" }, 2),
    artifact("imagenet", { type: "dataset", size: 30, created_at: "2026-01-02T00:00:00Z" }),
  ];
  const names = (...rest: [string, Parameters<typeof chooseArtifacts>[2], "asc" | "desc"]) => chooseArtifacts(all, ...rest).map((one) => one.name);

  test.each([
    ["created_at", "desc", ["resnet-10", "imagenet", "resnet-9"]],
    ["name", "asc", ["imagenet", "resnet-9", "resnet-10"]],
    ["name", "desc", ["resnet-10", "resnet-9", "imagenet"]],
    ["versions", "asc", ["imagenet", "resnet-9", "resnet-10"]],
    ["size", "desc", ["imagenet", "resnet-10", "resnet-9"]],
    ["type", "asc", ["imagenet", "resnet-9", "resnet-10"]],
  ] as const)("sorted by %s %s", (sort, order, expected) => expect(names("", sort, order)).toEqual(expected));

  test("a filter finds names, types and aliases, and is text where it is no expression", () => {
    expect(names("^res.*9$", "name", "asc")).toEqual(["resnet-9"]);
    expect(names("DATASET", "name", "asc")).toEqual(["imagenet"]);
    expect(names("^best$", "name", "asc")).toEqual(["resnet-10"]);
    expect(names("(", "name", "asc")).toEqual([]);
  });
});

describe("a version", () => {
  const one = { name: "a", versions: [version("v12"), version("v3")], aliases: { latest: "v12", best: "v3", gone: "v7" } };

  test.each([["", 0], ["3", 1], ["v3", 1], ["best", 1], ["latest", 0], ["7", -1], ["gone", -1], ["__proto__", -1], ["constructor", -1], ["<b>", -1]])(
    "%j is found at %d",
    (wanted, index) => expect(findVersion(one, wanted)).toBe(index),
  );

  test("has its aliases in order, latest first", () => {
    expect(aliasesOf({ b10: "v1", b9: "v1", latest: "v1", other: "v0" }, "v1")).toEqual(["latest", "b9", "b10"]);
  });
});

test("a run's artifacts are told by its events, each version once, and what is odd is left out", () => {
  const event = (action: unknown, name: unknown, text: unknown) => ({ type: "artifact", action, name, version: text });
  expect(
    artifactsOf([
      event("use", "data", "v1"), event("log", "model", "v0"), event("use", "data", "v1"), event("log", "model", "v1"),
      event("delete", "x", "v0"), event("log", 3, "v0"), event("constructor", "x", "v0"), { type: "text" },
    ]),
  ).toEqual({ logged: [{ name: "model", version: "v0" }, { name: "model", version: "v1" }], used: [{ name: "data", version: "v1" }] });
});
