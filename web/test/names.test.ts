import { expect, test } from "vitest";
import { apart } from "../src/pure/names";

const shown = (...paths: string[]) => {
  const runs = paths.map((path, at) => ({ id: `tb-${path.replaceAll("/", "-")}-${1000000 + at}`, name: path.split("/").pop()!, project: path.split("/").slice(0, -1).join("/") }));
  const found = apart(runs);
  return runs.map((run) => `${found.get(run.id)?.before ?? ""}${run.name}${found.get(run.id)?.after ? ` ${found.get(run.id)!.after}` : ""}`);
};

test.each([
  [["a/train", "b/val"], ["train", "val"]],
  [["a/train", "b/train"], ["a/train", "b/train"]],
  [["exp/a/logs/version_0", "exp/b/logs/version_0"], ["a/version_0", "b/version_0"]],
  [["exp/version_0", "exp/a/version_0"], ["exp/version_0", "exp/a/version_0"]],
  [["a/x/a/v", "a/a/v"], ["a/x/a/v", "a/a/v"]],
  [["p/fox", "p/fox", "p/owl"], ["fox 000000", "fox 000001", "owl"]],
  [["p/fox", "p/fox", "q/fox"], ["p/fox 000000", "p/fox 000001", "q/fox"]],
])("%j are shown as %j", (paths, texts) => {
  expect(shown(...paths)).toEqual(texts);
  expect(new Set(shown(...paths)).size).toBe(paths.length);
});
