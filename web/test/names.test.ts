import { expect, test } from "vitest";
import { apart, ownLength, parted } from "../src/pure/names";

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

/** Write names with what they share in brackets. */
const marked = (...names: string[]) => {
  const found = parted(new Set(names));
  return names.map((name) => (found.get(name) ?? [{ text: name, own: true }]).map((part) => (part.own ? part.text : `[${part.text}]`)).join(""));
};

test.each([
  [["resnet50-imagenet-lr0.1-s0", "resnet50-imagenet-lr0.01-s0", "resnet50-imagenet-lr0.01-s1"], ["[resnet50-imagenet-]lr0.1-s0", "[resnet50-imagenet-]lr0.01-s0", "[resnet50-imagenet-]lr0.01-s1"]],
  [["run 1", "run 2"], ["[run ]1", "[run ]2"]],
  [["calm-fox", "brisk-owl"], ["calm-[fox]", "brisk-[owl]"]],
  [["vit-b-s0", "vit-b-s1", "bert-s0", "bert-s1", "other"], ["vit-b-s0", "vit-b-s1", "bert-s0", "bert-s1", "other"]],
  [["a_1", "a_2"], ["a_1", "a_2"]],
  [["resnet", "resnet-a", "resnet-b"], ["resnet", "[resnet-]a", "[resnet-]b"]],
  [["exp/v1.5", "exp/v1.25"], ["[exp/]v1.5", "[exp/]v1.25"]],
  [["wd1e-4", "wd5e-4", "wd0"], ["wd1e-4", "wd5e-4", "wd0"]],
  [["vit-small", "vit-small-p16-lr1e-3-bs128-s0", "vit-small-p16-lr1e-3-bs128-s1", "vit-small-p16-lr0.1-bs128-s0"], ["vit-small", "[vit-small-]p16-lr1e-3-[bs128-]s0", "[vit-small-]p16-lr1e-3-[bs128-]s1", "[vit-small-]p16-lr0.1-[bs128-s0]"]],
  [["", "x"], ["", "x"]],
  [["--", "--a", "a--", "a-- b"], ["--", "--a", "a--", "a-- b"]],
  [["日本-実験-一", "日本-実験-二"], ["[日本-実験-]一", "[日本-実験-]二"]],
])("of %j the own parts are %j", (names, parts) => {
  expect(marked(...names)).toEqual(parts);
});

const sweep = Array.from({ length: 120 }, (_, at) => `resnet-imagenet-lr${["1e-3", "0.03", "0.01"][at % 3]}-bs128-wd${[0, "1e-4"][at % 2]}-s${Math.floor(at / 6)}`);
const others = ["tiny-lm", "resnet", "resnet-imagenet", "baseline", "resnet-imagenet-lr0.03"];

test.each([[sweep], [[...sweep, ...others]]])("what is their own is different in different names", (names) => {
  const own = names.map((name) => (parted(new Set(names)).get(name) ?? []).filter((part) => part.own).map((part) => part.text).join(""));
  expect(new Set(own.slice(0, 120)).size).toBe(120);
  expect(own.slice(0, 120).every((text) => /lr.*wd.*s\d+$/.test(text))).toBe(true);
});

test("the pieces are the name", () => {
  for (const [name, parts] of parted(new Set([...sweep, ...others, "--", "a--", "( x", "1.2.3", "é-ß", "a\u0000b-c", "a\u0000b-d"]))) expect(parts.map((part) => part.text).join("")).toBe(name);
});

test("what is shared counts for the mark that stands in its place", () => {
  const parts = parted(new Set(["resnet50-lr1-s0", "resnet50-lr1-s1"])).get("resnet50-lr1-s0")!;
  expect(ownLength("resnet50-lr1-s0", { before: "", after: "", parts })).toBe(3);
  expect(ownLength("calm-fox", undefined)).toBe(8);
});
