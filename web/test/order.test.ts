import { expect, test } from "vitest";
import { byName } from "../src/pure/order";

test.each([
  [["lr0.1", "lr0.003", "lr0.03"], ["lr0.003", "lr0.03", "lr0.1"]],
  [["layer10", "layer2", "layer1"], ["layer1", "layer2", "layer10"]],
  [["wd1e-3", "wd5e-4", "wd1e-4"], ["wd1e-4", "wd5e-4", "wd1e-3"]],
  [["b", "a", "a1", ""], ["", "a", "a1", "b"]],
])("%j is sorted as %j", (names, sorted) => expect([...names].sort(byName)).toEqual(sorted));
