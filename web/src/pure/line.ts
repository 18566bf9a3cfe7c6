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

/** A line that points are put behind, one by one, without being copied each time. */
export class GrowingLine {
  private length: number;
  private x: Float64Array;
  private y: Float64Array;
  private readonly more: { xEnd: Float64Array; low: Float64Array; high: Float64Array; amount: Float64Array } | null;
  private odd: Uint8Array | null;
  private view: Line | null;

  constructor(base: Line) {
    this.length = base.x.length;
    this.view = base;
    ({ x: this.x, y: this.y, odd: this.odd } = base);
    const { xEnd, low, high, amount } = base;
    this.more = xEnd && low && high && amount ? { xEnd, low, high, amount } : null;
  }

  /** The line as it is now; what was given before does not change. */
  get line(): Line {
    const { length, more } = this;
    this.view ??= {
      x: this.x.subarray(0, length),
      y: this.y.subarray(0, length),
      xEnd: more && more.xEnd.subarray(0, length),
      low: more && more.low.subarray(0, length),
      high: more && more.high.subarray(0, length),
      amount: more && more.amount.subarray(0, length),
      odd: this.odd && this.odd.subarray(0, length),
    };
    return this.view;
  }

  append(x: number, y: number): void {
    const at = this.length;
    if (at === this.x.length) this.makeRoom(Math.max(64, at * 2));
    this.x[at] = x;
    this.y[at] = y;
    if (this.more) {
      this.more.xEnd[at] = x;
      this.more.low[at] = this.more.high[at] = Number.isFinite(y) ? y : NaN;
      this.more.amount[at] = 1;
    }
    const odd = oddOf(y);
    if (odd) this.odd ??= new Uint8Array(this.x.length);
    if (this.odd) this.odd[at] = odd;
    this.length += 1;
    this.view = null;
  }

  private makeRoom(room: number): void {
    const larger = (column: Float64Array) => {
      const made = new Float64Array(room);
      made.set(column);
      return made;
    };
    this.x = larger(this.x);
    this.y = larger(this.y);
    if (this.more) for (const name of ["xEnd", "low", "high", "amount"] as const) this.more[name] = larger(this.more[name]);
    if (this.odd) {
      const made = new Uint8Array(room);
      made.set(this.odd);
      this.odd = made;
    }
  }
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
