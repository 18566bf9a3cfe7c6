import { expect, test } from "vitest";
import { apart, shared } from "../src/pure/names";

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

const own = (...names: string[]) => {
  const found = shared(new Set(names));
  return names.map((name) => name.slice(found.get(name) ?? 0));
};

test.each([
  [["resnet50-imagenet-lr0.1-s0", "resnet50-imagenet-lr0.01-s0", "resnet50-imagenet-lr0.01-s1"], ["lr0.1-s0", "lr0.01-s0", "lr0.01-s1"]],
  [["run 1", "run 2"], ["1", "2"]],
  [["calm-fox", "brisk-owl"], ["calm-fox", "brisk-owl"]],
  [["vit-b-s0", "vit-b-s1", "bert-s0", "bert-s1", "other"], ["s0", "s1", "s0", "s1", "other"]],
  [["a_1", "a_2"], ["a_1", "a_2"]],
  [["resnet", "resnet-a", "resnet-b"], ["resnet", "a", "b"]],
  [["exp/v1.5", "exp/v1.25"], ["v1.5", "v1.25"]],
  [["model.layers.a", "model.layers.b"], ["a", "b"]],
  [["", "x"], ["", "x"]],
  [["日本-実験-一", "日本-実験-二"], ["一", "二"]],
])("of %j the own parts are %j", (names, parts) => {
  expect(own(...names)).toEqual(parts);
});

test("what is left of different names is different within what they share", () => {
  const names = Array.from({ length: 120 }, (_, at) => `resnet-lr${[0.1, 0.03, 0.01][at % 3]}-bs${2 ** (5 + (at % 4))}-s${Math.floor(at / 12) % 10}`);
  const unique = [...new Set(names)];
  const parts = own(...unique);
  expect(new Set(parts).size).toBe(unique.length);
  expect(parts.every((part) => part.startsWith("lr"))).toBe(true);
});
