/** Smoothing of a curve that does not depend on how densely it was sampled. Pure. */

export type SmoothingKind = "ema" | "mean" | "gaussian";

/**
 * How a curve is smoothed. amount: of `ema` the weight of what came before, 0 (none) to below 1, for a thousandth of the
 * range of x; of `mean` the width of the window, and of `gaussian` the standard deviation, both as parts of that range.
 */
export interface Smoothing {
  kind: SmoothingKind;
  amount: number;
}

export const NO_SMOOTHING: Smoothing = { kind: "ema", amount: 0 };
/** The largest amounts that a person can choose. */
export const MOST: Record<SmoothingKind, number> = { ema: 0.99, mean: 0.5, gaussian: 0.1 };

const MOST_EMA = 0.9999;
/** A Gaussian is cut off after so many standard deviations, of which it holds 99.99 %. */
const REACH = 4;
const TABLE = 1024;
const BELL = Float64Array.from({ length: TABLE + 1 }, (_, at) => Math.exp(-0.5 * ((at / TABLE) * REACH) ** 2));

/**
 * Return the smoothed `y`; a value that is not finite leaves a gap, and has no part in the others.
 *
 * x: in order, in the unit in which it is drawn: on a logarithmic axis its logarithms. range: how far all of them reach
 * (not only those on show, so that a line is the same at every zoom). weights: how many points each value stands for.
 */
export function smooth(x: ArrayLike<number>, y: ArrayLike<number>, smoothing: Smoothing, range: number, weights: ArrayLike<number> | null = null): Float64Array {
  if (!(smoothing.amount > 0) || !(range > 0)) return Float64Array.from(y);
  if (smoothing.kind === "ema") return exponential(x, y, Math.min(smoothing.amount, MOST_EMA), range);
  if (smoothing.kind === "mean") return runningMean(x, y, (smoothing.amount * range) / 2, weights);
  return gaussian(x, y, smoothing.amount * range, weights);
}

/** The moving average that forgets with the distance in x, corrected for its start. */
function exponential(x: ArrayLike<number>, y: ArrayLike<number>, decay: number, range: number): Float64Array {
  const out = new Float64Array(y.length);
  let average = 0;
  let mass = 0;
  let last = NaN;
  for (let i = 0; i < y.length; i += 1) {
    const value = y[i]!;
    if (!Number.isFinite(value)) {
      out[i] = NaN;
      continue;
    }
    // A repeated x still moves the line a little, or a metric logged without steps would stay at its first value.
    const distance = Number.isNaN(last) ? 1 : Math.max((Math.abs(x[i]! - last) / range) * 1000, 1e-3);
    const keep = decay ** distance;
    average = average * keep + value * (1 - keep);
    mass = mass * keep + (1 - keep);
    last = x[i]!;
    out[i] = average / mass;
  }
  return out;
}

/** The mean of all values within `reach` of each x. */
function runningMean(x: ArrayLike<number>, y: ArrayLike<number>, reach: number, weights: ArrayLike<number> | null): Float64Array {
  const out = new Float64Array(y.length);
  // Sums of what lies in the window, added and taken away: from the middle of the values, so that little is lost by it.
  const middle = firstFinite(y);
  let from = 0;
  let to = 0;
  let sum = 0;
  let mass = 0;
  for (let i = 0; i < y.length; i += 1) {
    for (; to < y.length && x[to]! <= x[i]! + reach; to += 1) {
      if (!Number.isFinite(y[to]!)) continue;
      sum += (y[to]! - middle) * (weights?.[to] ?? 1);
      mass += weights?.[to] ?? 1;
    }
    for (; from < i && x[from]! < x[i]! - reach; from += 1) {
      if (!Number.isFinite(y[from]!)) continue;
      sum -= (y[from]! - middle) * (weights?.[from] ?? 1);
      mass -= weights?.[from] ?? 1;
    }
    out[i] = Number.isFinite(y[i]!) ? middle + sum / mass : NaN;
  }
  return out;
}

/** The mean of all values, weighted by a Gaussian of their distance in x. */
function gaussian(x: ArrayLike<number>, y: ArrayLike<number>, deviation: number, weights: ArrayLike<number> | null): Float64Array {
  const out = new Float64Array(y.length);
  const scale = TABLE / (REACH * deviation);
  let from = 0;
  for (let i = 0; i < y.length; i += 1) {
    if (!Number.isFinite(y[i]!)) {
      out[i] = NaN;
      continue;
    }
    const at = x[i]!;
    while (x[from]! < at - REACH * deviation) from += 1;
    let sum = 0;
    let mass = 0;
    for (let j = from; j < y.length; j += 1) {
      const place = Math.abs(x[j]! - at) * scale;
      if (place > TABLE) {
        if (x[j]! > at) break;
        continue;
      }
      const value = y[j]!;
      if (!Number.isFinite(value)) continue;
      const weight = BELL[Math.round(place)]! * (weights?.[j] ?? 1);
      sum += value * weight;
      mass += weight;
    }
    out[i] = sum / mass;
  }
  return out;
}

function firstFinite(y: ArrayLike<number>): number {
  for (let i = 0; i < y.length; i += 1) if (Number.isFinite(y[i]!)) return y[i]!;
  return 0;
}

/** Return what the address says of smoothing: `0.6`, `mean-0.05`, `gaussian-0.02`. */
export function parseSmoothing(text: string): Smoothing {
  const found = /^(?:(ema|mean|gaussian)-)?(\d*\.?\d+)$/.exec(text);
  if (!found) return NO_SMOOTHING;
  const kind = (found[1] ?? "ema") as SmoothingKind;
  return { kind, amount: Math.min(MOST[kind], Number(found[2])) };
}

export const formatSmoothing = ({ kind, amount }: Smoothing): string => {
  const rounded = String(Number(amount.toPrecision(4)));
  return kind === "ema" ? (amount ? rounded : "") : `${kind}-${rounded}`;
};
