/** Smoothing of a curve that does not depend on how densely it was sampled. Pure. */

/**
 * Return the exponential moving average of `y`, corrected for its start.
 *
 * weight: 0 (none) to below 1. It is applied per thousandth of the x range, not per point, so a downsampled curve, a
 * zoomed one and a live tail of raw points all get the same line. A value that is not finite leaves a gap, and the
 * average goes on after it.
 */
export function smooth(x: ArrayLike<number>, y: ArrayLike<number>, weight: number, range: number): Float64Array {
  const out = new Float64Array(y.length);
  if (!(weight > 0) || !(range > 0)) {
    for (let i = 0; i < y.length; i += 1) out[i] = y[i]!;
    return out;
  }
  const decay = Math.min(weight, 0.9999);
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
