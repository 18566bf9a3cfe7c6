/** Ranges of axes and searches in curves. Pure. */

export type Range = [number, number];

/** Return the range of all finite values of `y` whose x lies within `window`, or null if there are none. */
export function extent(x: ArrayLike<number>, y: ArrayLike<number>, window: readonly [number, number] | null, positive: boolean): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < y.length; i += 1) {
    const value = y[i]!;
    if (!Number.isFinite(value) || (positive && value <= 0)) continue;
    if (window && (x[i]! < window[0] || x[i]! > window[1])) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

export const union = (a: Range | null, b: Range | null): Range | null =>
  a && b ? [Math.min(a[0], b[0]), Math.max(a[1], b[1])] : (a ?? b);

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

/** Put a refined window into a thinned curve: the points between the window's edges are replaced, those outside stay. */
export function splice(
  base: { x: ArrayLike<number>; y: ArrayLike<number> },
  part: { x: ArrayLike<number>; y: ArrayLike<number> },
): { x: number[]; y: number[] } {
  const x: number[] = [];
  const y: number[] = [];
  if (part.x.length === 0) return { x: Array.from(base.x), y: Array.from(base.y) };
  const from = part.x[0]!;
  const to = part.x[part.x.length - 1]!;
  let i = 0;
  for (; i < base.x.length && base.x[i]! < from; i += 1) {
    x.push(base.x[i]!);
    y.push(base.y[i]!);
  }
  for (let j = 0; j < part.x.length; j += 1) {
    x.push(part.x[j]!);
    y.push(part.y[j]!);
  }
  for (; i < base.x.length; i += 1)
    if (base.x[i]! > to) {
      x.push(base.x[i]!);
      y.push(base.y[i]!);
    }
  return { x, y };
}
