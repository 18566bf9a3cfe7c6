/**
 * A series that grows: the base came from one request, the tail from the live stream. Pure.
 *
 * The two overlap, because a base may be asked for while the stream already runs. A base says which point was its last
 * (`lastTime`, `lastStep`); live points up to and including that one are already in it and are passed over, once.
 */

export interface Points {
  step: number[];
  time: number[];
  value: number[];
}

export interface Boundary {
  lastTime: number | null;
  lastStep: number | null;
}

export const noPoints = (): Points => ({ step: [], time: [], value: [] });

/**
 * Return the index of the first of `points` that the base does not hold, and whether the boundary has been passed (from
 * then on every point is new).
 */
export function firstNew(points: Points, base: Boundary): { from: number; passed: boolean } {
  const amount = points.time.length;
  if (base.lastTime === null) return { from: 0, passed: amount > 0 };
  for (let i = amount - 1; i >= 0; i -= 1)
    if (points.time[i] === base.lastTime && points.step[i] === base.lastStep) return { from: i + 1, passed: true };
  // Later by either: a clock that was set back must not hide what is logged from then on.
  const isLater = (i: number) => points.time[i]! > base.lastTime! || (base.lastStep !== null && points.step[i]! > base.lastStep);
  let from = amount;
  while (from > 0 && isLater(from - 1)) from -= 1;
  return { from, passed: from < amount };
}

/** Append `points` from index `from` on; return how many that were. */
export function append(to: Points, points: Points, from = 0): number {
  for (let i = from; i < points.time.length; i += 1) {
    to.step.push(points.step[i]!);
    to.time.push(points.time[i]!);
    to.value.push(points.value[i]!);
  }
  return Math.max(0, points.time.length - from);
}
