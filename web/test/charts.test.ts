import { describe, expect, test } from "vitest";
import { stepMetricOf } from "../src/charts/model";
import { extent, inner, isSorted, nearest, padded, union } from "../src/charts/scale";
import { Scene } from "../src/charts/scene";
import { SvgCanvas } from "../src/charts/svg";
import { GrowingLine, isBucketed, spliced, type Line } from "../src/pure/line";
import { formatSmoothing, parseSmoothing, smooth as smoothBy, type SmoothingKind } from "../src/pure/smoothing";

const smooth = (x: ArrayLike<number>, y: ArrayLike<number>, amount: number, range: number, kind: SmoothingKind = "ema") => smoothBy(x, y, { kind, amount }, range);
const curve = (x: number[], y: number[]) => ({ x, y, low: null, high: null });

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
    expect(extent(curve([0, 1, 2, 3], [5, NaN, Infinity, -1]), null, false)).toEqual([-1, 5]);
    expect(extent(curve([0, 1, 2, 3], [5, 1, 2, -1]), [1, 2], false)).toEqual([1, 2]);
    expect(extent(curve([0, 1], [0, -2]), null, true)).toBeNull();
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

  test("hold a band as well, and leave outliers out where that is wanted", () => {
    expect(extent({ x: [0, 1], y: [1, 2], low: [-3, 2], high: [1, NaN] }, null, false)).toEqual([-3, 2]);
    const spiked = Array.from({ length: 1000 }, (_, i) => (i === 500 ? 1e9 : i % 10));
    expect(inner([curve([...spiked.keys()], spiked)], null, false, 0.01)).toEqual([0, 9]);
  });
});

const line = (x: number[], y: number[], width = 0): Line => ({
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  xEnd: width ? Float64Array.from(x, (one) => one + width) : null,
  low: width ? Float64Array.from(y, (one) => one - 1) : null,
  high: width ? Float64Array.from(y, (one) => one + 1) : null,
  amount: width ? new Float64Array(x.length).fill(10) : null,
  odd: null,
});

describe("lines", () => {
  test("a finer part replaces the buckets under it and no others", () => {
    const base = line([0, 10, 20, 30, 40], [0, 1, 2, 3, 4], 9);
    const found = spliced(base, line([12, 15, 18, 25], [9, 9, 9, 9]));
    expect([...found.x]).toEqual([0, 12, 15, 18, 25, 30, 40]);
    expect([...found.xEnd!]).toEqual([9, 12, 15, 18, 25, 39, 49]);
    expect([...found.low!]).toEqual([-1, 9, 9, 9, 9, 2, 3]);
    expect([...found.amount!]).toEqual([10, 1, 1, 1, 1, 10, 10]);
    expect(spliced(base, line([], []))).toBe(base);
    expect(isBucketed(spliced(line([0, 1], [0, 0]), line([1], [5])))).toBe(false);
  });

  test("points that come live stand behind it, whatever they are", () => {
    const base = line([0, 10], [0, 1], 9);
    const growing = new GrowingLine(base);
    expect(growing.line).toBe(base);
    growing.append(20, NaN);
    const between = growing.line;
    growing.append(21, 5);
    const found = growing.line;
    expect([...found.x]).toEqual([0, 10, 20, 21]);
    expect([...found.high!]).toEqual([1, 2, NaN, 5]);
    expect([...found.odd!]).toEqual([0, 0, 1, 0]);
    expect([...between.x]).toEqual([0, 10, 20]);
    for (let i = 0; i < 1000; i += 1) growing.append(22 + i, i);
    expect([...growing.line.y].slice(-3)).toEqual([997, 998, 999]);
    expect([...growing.line.x].slice(0, 5)).toEqual([0, 10, 20, 21, 22]);
    expect([...base.x]).toEqual([0, 10]);
  });

  test("steps on a logarithmic axis begin at the first that has a place there", () => {
    const look = { log: false, logX: true, smoothing: parseSmoothing(""), zoom: null, yRange: null, cut: false };
    const scene = new Scene([{ id: "a", colour: 0, dash: 0, group: false, line: line([0, 1, 10, 100], [1, 2, 3, 4]), part: null }], look);
    expect(scene.window(look)).toEqual([1, 100]);
  });
});

describe("a chart's axis", () => {
  const definitions = [
    { name: "train/*", step_metric: "epoch" },
    { name: "train/aux/*", step_metric: "tokens" },
    { name: "val/acc", step_metric: "epoch" },
    { name: "*", step_metric: null },
  ];
  test.each([
    ["train/loss", "epoch"],
    ["train/aux/x", "tokens"],
    ["val/acc", "epoch"],
    ["val/loss", null],
    ["epoch", null],
  ])("of %s is %s", (metric, axis) => expect(stepMetricOf(metric, definitions)).toBe(axis));
  test("is none that scripts do not agree on", () => {
    expect(stepMetricOf("a", [{ name: "a", step_metric: "x" }, { name: "a", step_metric: "y" }])).toBeNull();
    expect(stepMetricOf("a", [{ name: "a", step_metric: "a" }])).toBeNull();
  });
});

test("what is painted becomes shapes", () => {
  const on = new SvgCanvas();
  on.strokeStyle = "#123456";
  on.beginPath();
  on.moveTo(0, 1.234);
  on.lineTo(5, 5);
  on.stroke();
  expect(on.shapes).toEqual(['<path d="M0 1.23L5 5" fill="none" stroke="#123456" stroke-width="1" stroke-opacity="1"/>']);
});

test.each(["", "0.6", "mean-0.05", "gaussian-0.02"])("smoothing %s stands in the address as it was chosen", (text) => {
  expect(formatSmoothing(parseSmoothing(text))).toBe(text);
});
test.each(["x", "2", "mean-9", "-1", "gaussian-"])("a wrong smoothing %s is one that can be", (text) => {
  expect(parseSmoothing(text).amount).toBeLessThanOrEqual(0.99);
});
