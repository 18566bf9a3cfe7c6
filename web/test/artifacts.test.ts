import { describe, expect, test } from "vitest";
import { addressIn, ownIdOf } from "../src/pure/address";
import { aliasesOf, artifactsOf, chooseArtifacts, findVersion, unreadTexts } from "../src/pure/artifacts";

const version = (text: string, more: object = {}) => ({
  version: text, type: "model", description: "", metadata: {}, digest: "", size: 1, file_count: 1,
  created_at: "2026-01-01T00:00:00Z", run: null, run_name: null, step: null, ...more,
});
const artifact = (name: string, more: object = {}, versions = 1, aliases: Record<string, string> = {}, place = "") => ({
  id: addressIn(place || "local", name), source: place || "local", place, name, versions, latest: version(`v${versions - 1}`, more), aliases: { ...aliases, latest: `v${versions - 1}` },
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

describe("artifacts of several machines", () => {
  const all = [artifact("model", {}, 1, {}, "gpu-10"), artifact("model"), artifact("model", {}, 1, {}, "gpu-9"), artifact("data", {}, 1, {}, "gpu-9")];
  const ids = (...rest: [string, Parameters<typeof chooseArtifacts>[2], "asc" | "desc"]) => chooseArtifacts(all, ...rest).map((one) => one.id);

  test("of one name come in the order of their hosts, this machine's first", () => {
    expect(ids("", "name", "asc")).toEqual(["gpu-9:data", "model", "gpu-9:model", "gpu-10:model"]);
    expect(ids("", "name", "desc")).toEqual(["model", "gpu-9:model", "gpu-10:model", "gpu-9:data"]);
    expect(ids("", "host", "desc")).toEqual(["gpu-10:model", "gpu-9:data", "gpu-9:model", "model"]);
  });

  test("are found by their host's name", () => {
    expect(ids("gpu-9", "name", "asc")).toEqual(["gpu-9:data", "gpu-9:model"]);
    expect(ids("^$", "name", "asc")).toEqual([]);
  });

  test("have an address, and a name in it", () => {
    expect([addressIn("local", "model"), addressIn(undefined, "model"), addressIn("gpu-7-1a2b3c", "model")]).toEqual(["model", "model", "gpu-7-1a2b3c:model"]);
    expect([ownIdOf("model"), ownIdOf("gpu-7-1a2b3c:model"), ownIdOf("")]).toEqual(["model", "model", ""]);
  });

  test("that could not be told are named, with what is known of it", () => {
    expect(
      unreadTexts([
        { source: "a", host: "gpu-7", error: null },
        { source: "b", host: "gpu-8", error: "The artifacts cannot be read right now: the host is gone." },
        { source: "local", host: "", error: null },
      ]),
    ).toEqual(["gpu-7 has not answered yet.", "gpu-8: The artifacts cannot be read right now: the host is gone.", "This machine has not answered yet."]);
    expect(unreadTexts([])).toEqual([]);
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
