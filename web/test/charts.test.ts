import { describe, expect, test } from "vitest";
import { extent, isSorted, nearest, padded, splice, union } from "../src/charts/scale";
import { smooth } from "../src/pure/smoothing";

describe("smoothing", () => {
  const x = Array.from({ length: 2000 }, (_, i) => i);
  const noisy = x.map((i) => Math.exp(-i / 500) + (i % 2 ? 0.1 : -0.1));

  test("none leaves the values as they are", () => {
    expect([...smooth([0, 1, 2], [3, NaN, 5], 0, 2)]).toEqual([3, NaN, 5]);
  });

  test("keeps a constant and starts at the first value", () => {
    for (const value of smooth(x, x.map(() => 4), 0.95, 1999)) expect(value).toBeCloseTo(4, 10);
    expect(smooth(x, noisy, 0.9, 1999)[0]).toBeCloseTo(noisy[0]!, 10);
  });

  test("quiets noise", () => {
    const quiet = smooth(x, noisy, 0.9, 1999);
    const jumps = (y: ArrayLike<number>) => Array.from({ length: 500 }, (_, i) => Math.abs(y[i + 1000]! - y[i + 999]!)).reduce((a, b) => a + b);
    expect(jumps(quiet)).toBeLessThan(jumps(noisy) / 5);
  });

  test("gives nearly the same line however densely a curve was sampled", () => {
    const clean = x.map((i) => Math.exp(-i / 500));
    const dense = smooth(x, clean, 0.9, 1999);
    const thin = x.filter((i) => i % 4 === 0);
    const sparse = smooth(thin, thin.map((i) => clean[i]!), 0.9, 1999);
    for (let i = 100; i < thin.length; i += 50) expect(sparse[i]).toBeCloseTo(dense[thin[i]!]!, 1);
  });

  test("goes on after a gap", () => {
    const out = smooth([0, 1, 2, 3], [1, NaN, Infinity, 1], 0.5, 3);
    expect(out[1]).toBeNaN();
    expect(out[2]).toBeNaN();
    expect(out[3]).toBeCloseTo(1);
  });

  test("moves even where x stands still", () => {
    const out = smooth([5, 5, 5, 5], [0, 1, 1, 1], 0.5, 10);
    expect(out[3]).toBeGreaterThan(0);
  });
});

describe("scales", () => {
  test("see finite values of the window only", () => {
    expect(extent([0, 1, 2, 3], [5, NaN, Infinity, -1], null, false)).toEqual([-1, 5]);
    expect(extent([0, 1, 2, 3], [5, 1, 2, -1], [1, 2], false)).toEqual([1, 2]);
    expect(extent([0, 1], [0, -2], null, true)).toBeNull();
    expect(union(null, [1, 2])).toEqual([1, 2]);
  });

  test("leave 5 % of air, also around a flat line", () => {
    expect(padded([0, 10], false)).toEqual([-0.5, 10.5]);
    const [low, high] = padded([3, 3], false);
    expect(low).toBeLessThan(3);
    expect(high).toBeGreaterThan(3);
    expect(padded([0, 0], false)).toEqual([-0.5, 0.5]);
    const log = padded([0.01, 1], true);
    expect(log[0]).toBeGreaterThan(0);
    expect(log[1]).toBeGreaterThan(1);
  });

  test("find the nearest point, sorted or not", () => {
    expect(nearest([], 1, true)).toBe(-1);
    expect([-1, 0.4, 0.6, 9].map((at) => nearest([0, 1, 2], at, true))).toEqual([0, 0, 1, 2]);
    expect(nearest([0, 5, 2], 2.2, false)).toBe(2);
    expect(isSorted([0, 1, 1, 2])).toBe(true);
    expect(isSorted([0, 2, 1])).toBe(false);
  });

  test("a refined window replaces the coarse points under it and no others", () => {
    const base = { x: [0, 10, 20, 30, 40], y: [0, 1, 2, 3, 4] };
    const part = { x: [12, 15, 18, 20, 25], y: [9, 9, 9, 9, 9] };
    expect(splice(base, part).x).toEqual([0, 10, 12, 15, 18, 20, 25, 30, 40]);
    expect(splice(base, { x: [], y: [] })).toEqual(base);
  });
});
