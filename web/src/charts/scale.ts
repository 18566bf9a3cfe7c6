/** Ranges of axes and searches in curves. Pure. */

import type { Line } from "../pure/line";

export type Range = [number, number];

/** What of a line counts for the range of y. */
export interface Curve {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  low: ArrayLike<number> | null;
  high: ArrayLike<number> | null;
}

/** Return the range of all finite values whose x lies within `window`, or null if there are none. */
export function extent({ x, y, low: least, high: greatest }: Curve, window: readonly [number, number] | null, positive: boolean): Range | null {
  let low = Infinity;
  let high = -Infinity;
  const take = (value: number) => {
    if (!Number.isFinite(value) || (positive && value <= 0)) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (let i = 0; i < y.length; i += 1) {
    if (window && (x[i]! < window[0] || x[i]! > window[1])) continue;
    take(y[i]!);
    if (least) take(least[i]!);
    if (greatest) take(greatest[i]!);
  }
  return low <= high ? [low, high] : null;
}

/** Return the range that holds all but a part of the values at either end; null where there are none. */
export function inner(curves: readonly Curve[], window: readonly [number, number] | null, positive: boolean, cut: number): Range | null {
  const values: number[] = [];
  for (const { x, y } of curves)
    for (let i = 0; i < y.length; i += 1) {
      const value = y[i]!;
      if (Number.isFinite(value) && (!positive || value > 0) && (!window || (x[i]! >= window[0] && x[i]! <= window[1]))) values.push(value);
    }
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (part: number) => sorted[Math.round(part * (sorted.length - 1))]!;
  return [at(cut), at(1 - cut)];
}

export function union(a: Range | null, b: Range | null): Range | null {
  if (!a) return b;
  if (!b) return a;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

/** Return the range with 5 % of air above and below; a flat line gets air as well. */
export function padded(range: Range | null, log: boolean): Range {
  if (!range) return log ? [0.1, 10] : [0, 1];
  const [low, high] = range;
  if (log) {
    const air = Math.max(0.02, (Math.log10(high) - Math.log10(low)) * 0.05);
    return [10 ** (Math.log10(low) - air), 10 ** (Math.log10(high) + air)];
  }
  const spread = high - low;
  const air = spread > Math.abs(high) * 1e-12 ? spread * 0.05 : Math.abs(high) * 0.05 || 0.5;
  return [low - air, high + air];
}

/** Whether `x` never goes back; a resumed run may. */
export function isSorted(x: ArrayLike<number>): boolean {
  for (let i = 1; i < x.length; i += 1) if (x[i]! < x[i - 1]!) return false;
  return true;
}

/** Return the index of the value nearest to `at`; -1 for none. Halves where `x` is sorted, else looks at all. */
export function nearest(x: ArrayLike<number>, at: number, sorted: boolean): number {
  if (x.length === 0) return -1;
  if (!sorted) {
    let best = 0;
    for (let i = 1; i < x.length; i += 1) if (Math.abs(x[i]! - at) <= Math.abs(x[best]! - at)) best = i;
    return best;
  }
  let low = 0;
  let high = x.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - x[low - 1]! <= x[low]! - at ? low - 1 : low;
}

/** Return from where to where a line reaches in x; null for none. */
export function reach(line: Line, positive: boolean): Range | null {
  let low = Infinity;
  let high = -Infinity;
  const ends = line.xEnd ?? line.x;
  for (let i = 0; i < line.x.length; i += 1) {
    const begin = line.x[i]!;
    if (positive && begin <= 0) continue;
    if (begin < low) low = begin;
    if (ends[i]! > high) high = ends[i]!;
  }
  return low <= high ? [low, high] : null;
}
