import { expect, test } from "vitest";
import { arrange, isCounter } from "../src/pure/arrange";

type Wishes = Parameters<typeof arrange>[1];
const plain: Wishes = { isPinned: () => false, isHidden: () => false, order: [], axes: new Set<string>() };
const shape = (metrics: string[], wishes: Partial<Wishes> = {}) =>
  arrange(metrics, { ...plain, ...wishes }).sections.map((section) => [section.name, ...section.metrics]);

test("losses and scores come first, counters last", () => {
  expect(shape(["epoch", "grad_norm", "loss", "lr", "sys/temp", "train/lr", "train/loss", "val/acc"])).toEqual([
    ["", "loss", "grad_norm", "lr"],
    ["train", "train/loss", "train/lr"],
    ["val", "val/acc"],
    ["sys", "sys/temp"],
    ["counters", "epoch"],
  ]);
});

test("what has no section comes before others only where there is a loss or a score in it", () => {
  expect(shape(["lr", "sys/temp", "train/loss", "val/acc"])).toEqual([
    ["train", "train/loss"],
    ["val", "val/acc"],
    ["", "lr"],
    ["sys", "sys/temp"],
  ]);
});

test("a lone counter is shown like any other", () => {
  expect(shape(["epoch"])).toEqual([["", "epoch"]]);
  expect(shape(["train/epoch", "train/loss"])).toEqual([["train", "train/loss", "train/epoch"]]);
});

test("what others are drawn over is a counter", () => {
  expect(shape(["progress", "loss"], { axes: new Set(["progress"]) })).toEqual([["", "loss"], ["counters", "progress"]]);
});

test("pinned charts stand above all, hidden ones nowhere, moved ones where they were put", () => {
  expect(shape(["a", "b", "c", "d"], { isPinned: (metric) => metric === "c", isHidden: (metric) => metric === "a", order: ["d", "b"] })).toEqual([
    ["pinned", "c"],
    ["", "d", "b"],
  ]);
});

test.each(["epoch", "global_step", "train/epoch", "num_tokens", "iter", "trainer/global_step"])("%s counts", (name) => expect(isCounter(name)).toBe(true));
test.each(["loss", "val/acc", "time_loss", "steps_per_sec", "lr", "stepwise"])("%s does not", (name) => expect(isCounter(name)).toBe(false));
