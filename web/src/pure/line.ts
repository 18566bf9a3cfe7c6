/** A line as the viewer gives it: points, or buckets of them, as columns. Pure. */

export interface Line {
  /** Where each bucket begins. */
  x: Float64Array;
  /** The mean of its finite values, NaN where it has none; of a single point, its value. */
  y: Float64Array;
  /** Where each ends, and the extremes of its values; null where each is one point. Of a group, its band. */
  xEnd: Float64Array | null;
  low: Float64Array | null;
  high: Float64Array | null;
  /** How many points are in each, of a group how many runs; null where each is one point. */
  amount: Float64Array | null;
  /** What is in each besides finite values, see ODD; null where there is nothing. */
  odd: Uint8Array | null;
}

export const ODD = { nan: 1, infinity: 2, minusInfinity: 4 } as const;

const NOTHING = new Float64Array(0);
export const NO_LINE: Line = { x: NOTHING, y: NOTHING, xEnd: null, low: null, high: null, amount: null, odd: null };

export const isBucketed = (line: Line): boolean => line.xEnd !== null;

export const oddOf = (value: number): number =>
  Number.isFinite(value) ? 0 : Number.isNaN(value) ? ODD.nan : value > 0 ? ODD.infinity : ODD.minusInfinity;

/** Return the line with these points behind it. */
export function withPoints(line: Line, x: readonly number[], y: readonly number[]): Line {
  if (!x.length) return line;
  const ends = Float64Array.from(x);
  const values = Float64Array.from(y);
  const odd = values.some((value) => !Number.isFinite(value));
  const finite = odd && line.low ? values.map((value) => (Number.isFinite(value) ? value : NaN)) : values;
  return {
    x: joined(line.x, ends),
    y: joined(line.y, values),
    xEnd: line.xEnd && joined(line.xEnd, ends),
    low: line.low && joined(line.low, finite),
    high: line.high && joined(line.high, finite),
    amount: line.amount && joined(line.amount, new Float64Array(x.length).fill(1)),
    odd: line.odd || odd ? joinedBytes(line.odd ?? new Uint8Array(line.x.length), Uint8Array.from(values, oddOf)) : null,
  };
}

/** Put a finer part of a line into it: what lies between the part's ends is replaced, the rest stays. */
export function spliced(base: Line, part: Line): Line {
  if (!part.x.length) return base;
  const from = part.x[0]!;
  const to = (part.xEnd ?? part.x)[part.x.length - 1]!;
  const ends = base.xEnd ?? base.x;
  let before = 0;
  while (before < base.x.length && ends[before]! < from) before += 1;
  let after = base.x.length;
  while (after > before && base.x[after - 1]! > to) after -= 1;
  const column = (of: (line: Line) => Float64Array | null, otherwise: (line: Line) => Float64Array): Float64Array =>
    joined(joined((of(base) ?? otherwise(base)).subarray(0, before), of(part) ?? otherwise(part)), (of(base) ?? otherwise(base)).subarray(after));
  const bucketed = base.xEnd !== null || part.xEnd !== null;
  const optional = (of: (line: Line) => Float64Array | null, otherwise: (line: Line) => Float64Array) => (bucketed ? column(of, otherwise) : null);
  const bytes = (line: Line) => line.odd ?? new Uint8Array(line.x.length);
  return {
    x: column((line) => line.x, (line) => line.x),
    y: column((line) => line.y, (line) => line.y),
    xEnd: optional((line) => line.xEnd, (line) => line.x),
    low: optional((line) => line.low, (line) => line.y),
    high: optional((line) => line.high, (line) => line.y),
    amount: optional((line) => line.amount, (line) => new Float64Array(line.x.length).fill(1)),
    odd: base.odd || part.odd ? joinedBytes(joinedBytes(bytes(base).subarray(0, before), bytes(part)), bytes(base).subarray(after)) : null,
  };
}

/** Return where each bucket is drawn: in the middle of what it stands for. */
export function middles(line: Line): Float64Array {
  if (!line.xEnd) return line.x;
  const found = new Float64Array(line.x.length);
  for (let i = 0; i < found.length; i += 1) found[i] = line.x[i]! + (line.xEnd[i]! - line.x[i]!) / 2;
  return found;
}

function joined(first: Float64Array, second: Float64Array): Float64Array {
  if (!second.length) return first;
  const both = new Float64Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function joinedBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
