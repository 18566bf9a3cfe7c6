// @vitest-environment node
import { beforeEach, describe, expect, it, vi } from "vitest";

const kept = new Map<string, string>();
vi.stubGlobal("localStorage", { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, text: string) => void kept.set(name, text) });
const { chosenColours, hiddenRuns, restoreColours, setColour, setHidden, stylesOf } = await import("../src/state/looks");

describe("looks of runs", () => {
  beforeEach(() => {
    setColour(Object.keys(chosenColours.value), null);
    setHidden([...hiddenRuns.value], false);
  });

  it("a chosen colour holds, is remembered and can be taken back", () => {
    setColour(["a", "b"], 4);
    expect(stylesOf(["a", "c"]).get("a")).toEqual({ colour: 4, dash: 0 });
    expect(JSON.parse(kept.get("runicorn.colours")!)).toEqual({ a: 4, b: 4 });
    const before = chosenColours.value;
    setColour(["a", "c"], 7);
    restoreColours(["a", "c"], before);
    expect(chosenColours.value).toEqual({ a: 4, b: 4 });
    setColour(["a", "b"], null);
    expect(chosenColours.value).toEqual({});
    setColour(["a"], 10);
    expect(chosenColours.value).toEqual({});
  });

  it("hidden runs are remembered and come back", () => {
    setHidden(["a", "b", "a"], true);
    expect([...hiddenRuns.value]).toEqual(["a", "b"]);
    setHidden(["a"], false);
    expect(JSON.parse(kept.get("runicorn.hiddenRuns")!)).toEqual(["b"]);
  });
});
