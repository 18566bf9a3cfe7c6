import { describe, expect, test } from "vitest";
import css from "../src/styles/tokens.css?raw";
import { colourOf, contrast, lineStyles, NEAR, RUN_COLOURS } from "../src/pure/colours";

function tokens(theme: string): Map<string, string> {
  const block = css.slice(css.indexOf(`[data-theme="${theme}"]`));
  const body = block.slice(block.indexOf("{") + 1, block.indexOf("}"));
  return new Map([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((match) => [match[1]!, match[2]!]));
}

const linear = (hex: string) =>
  [1, 3, 5].map((at) => {
    const channel = parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });

// Machado, Oliveira and Fernandes (2009), severity 1.
const VISION: Record<string, number[][]> = {
  "full colour": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
};

function oklab(hex: string, matrix: number[][]): number[] {
  const from = linear(hex);
  const [r = 0, g = 0, b = 0] = matrix.map((row) => Math.min(1, Math.max(0, row.reduce((sum, factor, i) => sum + factor * from[i]!, 0))));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

describe.each(["light", "dark"])("in the %s theme", (theme) => {
  const map = tokens(theme);
  const get = (name: string) => {
    const value = map.get(name);
    if (!value) throw new Error(`no token --${name} in ${theme}`);
    return value;
  };
  const runs = Array.from({ length: RUN_COLOURS }, (_, i) => get(`run-${i}`));

  test.each(["surface", "surface-2", "surface-float"])("run colours stand out from %s by 3:1", (surface) => {
    for (const colour of runs) expect(contrast(colour, get(surface)), colour).toBeGreaterThanOrEqual(3);
  });

  test.each(Object.keys(VISION))("run colours differ from each other, seen with %s", (vision) => {
    for (let a = 0; a < runs.length; a += 1)
      for (let b = 0; b < a; b += 1) {
        const [one, other] = [oklab(runs[a]!, VISION[vision]!), oklab(runs[b]!, VISION[vision]!)];
        const distance = Math.hypot(...one.map((value, i) => value - other[i]!));
        expect(distance, `${runs[a]} and ${runs[b]}`).toBeGreaterThan(0.085);
      }
  });

  test("those that are like each other are known", () => {
    const known = new Set(NEAR.map(([a, b]) => `${a} ${b}`));
    for (let b = 0; b < runs.length; b += 1)
      for (let a = 0; a < b; a += 1) {
        const [one, other] = [oklab(runs[a]!, VISION["full colour"]!), oklab(runs[b]!, VISION["full colour"]!)];
        if (Math.hypot(...one.map((value, i) => value - other[i]!)) < 0.15) expect(known).toContain(`${a} ${b}`);
      }
  });

  test.each(["running", "finished", "failed", "killed", "accent", "danger", "warn", "good", "focus"])("%s stands out by 3:1", (name) => {
    for (const surface of ["surface", "surface-2", "hover"]) expect(contrast(get(name), get(surface))).toBeGreaterThanOrEqual(3);
  });

  test("text is readable", () => {
    for (const surface of ["surface", "surface-2", "surface-3", "surface-float", "hover", "accent-soft"]) {
      expect(contrast(get("text"), get(surface)), surface).toBeGreaterThanOrEqual(7);
      expect(contrast(get("text-muted"), get(surface)), surface).toBeGreaterThanOrEqual(4.5);
    }
    for (const surface of ["surface", "surface-2", "surface-float", "hover"]) expect(contrast(get("text-faint"), get(surface)), surface).toBeGreaterThanOrEqual(4.4);
    for (const name of ["accent", "danger", "warn", "failed"]) expect(contrast(get(name), get("surface")), name).toBeGreaterThanOrEqual(4.5);
    expect(contrast(get("accent"), get("accent-soft"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(get("danger"), get("danger-soft"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(get("accent-text"), get("accent"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(get("input-border"), get("surface"))).toBeGreaterThanOrEqual(3);
  });

  test("what a program prints in colour is readable", () => {
    for (let i = 0; i < 16; i += 1) expect(contrast(get(`ansi-${i}`), get("surface-2")), `ansi-${i}`).toBeGreaterThanOrEqual(4);
  });
});

test("both themes name the same tokens", () => {
  expect([...tokens("light").keys()].sort()).toEqual([...tokens("dark").keys()].sort());
});

describe("the colour of a run", () => {
  test("is the same on the host's own page", () => expect(colourOf("gpu-7-3fa9c1:20261123-093015-7f3a2c")).toBe(colourOf("20261123-093015-7f3a2c")));
  test("is stable", () => expect(colourOf("20261123-093015-7f3a2c")).toBe(colourOf("20261123-093015-7f3a2c")));

  test("is spread evenly over ids that differ little", () => {
    const counts = new Array<number>(RUN_COLOURS).fill(0);
    for (let i = 0; i < 5000; i += 1) counts[colourOf(`20261123-0930${String(i % 60).padStart(2, "0")}-${(i * 7919).toString(16).padStart(6, "0")}`)]! += 1;
    for (const count of counts) expect(count).toBeGreaterThan(350);
  });

  test("is its own among ten that are shown together, whatever the order in which they were chosen", () => {
    const ids = Array.from({ length: 10 }, (_, i) => `20261123-09301${i}-7f3a2c`);
    const styles = lineStyles(ids);
    expect(new Set([...styles.values()].map((style) => style.colour)).size).toBe(10);
    expect([...styles.values()].every((style) => style.dash === 0)).toBe(true);
    expect(lineStyles([...ids].reverse())).toEqual(new Map([...styles]));
  });

  test("is like that of no other while there are few", () => {
    for (let from = 0; from < 200; from += 1) {
      const styles = [...lineStyles(Array.from({ length: 3 }, (_, i) => `run-${from * 3 + i}`)).values()].map((style) => style.colour);
      for (const [a, b] of NEAR) expect(styles.includes(a) && styles.includes(b), String(styles)).toBe(false);
    }
  });

  test("stays where nobody else shown has it", () => {
    expect(lineStyles(["run-a", "run-b"]).get("run-a")!.colour).toBe(colourOf("run-a"));
  });

  test("has a dash where another run of the chart has it too", () => {
    const ids = Array.from({ length: 30 }, (_, i) => `run-${i}`);
    const styles = lineStyles(ids);
    expect(new Set([...styles.values()].map((style) => `${style.colour}.${style.dash}`)).size).toBe(30);
    expect(lineStyles([ids[0]!]).get(ids[0]!)!.dash).toBe(0);
  });
});
