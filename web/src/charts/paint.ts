/** How lines are painted, on a canvas or into an image made of shapes. Pure but for what it paints on. */

import { DASHES } from "../pure/colours";
import { ODD } from "../pure/line";
import type { Ready } from "./scene";
import { nearest, type Range } from "./scale";

/** What is painted on: the part of a canvas's context that is used. */
export type Canvas = Pick<
  CanvasRenderingContext2D,
  "beginPath" | "moveTo" | "lineTo" | "closePath" | "arc" | "stroke" | "fill" | "setLineDash" | "lineWidth" | "globalAlpha"
> & { strokeStyle: string | CanvasGradient | CanvasPattern; fillStyle: string | CanvasGradient | CanvasPattern };

/** Where values lie on it. ratio: of its pixels to those of the page. */
export interface Projection {
  left: number;
  top: number;
  width: number;
  height: number;
  x: Range;
  y: Range;
  logX: boolean;
  logY: boolean;
  ratio: number;
}

export interface Strokes {
  colour: string;
  /** Whether a smoothed line has its raw values behind it. */
  raw: boolean;
  strong: boolean;
  /** 0 draws no band. */
  bandAlpha: number;
}

const LINE_PX = 1.5;
const STRONG_PX = 2.25;
const RAW_ALPHA = 0.25;
const GROUP_ALPHA = 0.16;

/** Return how strongly the bands of thinned data are drawn: those of a hundred lines lie over each other. */
export const bandAlpha = (lines: number): number => (lines <= 4 ? 0.18 : lines <= 20 ? 0.1 : 0.04);

/** Return what takes a value to its place along an axis. */
function scaler([low, high]: Range, log: boolean, from: number, size: number): (value: number) => number {
  const base = log ? Math.log10(low) : low;
  const by = size / ((log ? Math.log10(high) : high) - base);
  return log ? (value) => from + (Math.log10(value) - base) * by : (value) => from + (value - base) * by;
}

/** Return what takes a place along an axis to its value. */
function unscaler([low, high]: Range, log: boolean, from: number, size: number): (place: number) => number {
  const base = log ? Math.log10(low) : low;
  const by = ((log ? Math.log10(high) : high) - base) / size;
  return log ? (place) => 10 ** (base + (place - from) * by) : (place) => base + (place - from) * by;
}

export const valuesX = ({ x, logX, left, width }: Projection) => unscaler(x, logX, left, width);
export const valuesY = ({ y, logY, top, height }: Projection) => unscaler(y, logY, top + height, -height);
export const placesX = ({ x, logX, left, width }: Projection) => scaler(x, logX, left, width);
export const placesY = ({ y, logY, top, height }: Projection) => scaler(y, logY, top + height, -height);

/** Return the indexes of what lies in the window, and one to either side, so that a line runs out of the frame. */
function visible(line: Ready, [low, high]: Range): [number, number] {
  if (!line.sorted || line.x.length < 3) return [0, line.x.length - 1];
  return [Math.max(0, nearest(line.x, low, true) - 1), Math.min(line.x.length - 1, nearest(line.x, high, true) + 1)];
}

export function paintLine(on: Canvas, line: Ready, at: Projection, strokes: Strokes): void {
  on.strokeStyle = on.fillStyle = strokes.colour;
  const alpha = line.group ? GROUP_ALPHA : strokes.bandAlpha;
  if (alpha > 0 && line.line.low && line.line.high) {
    on.globalAlpha = alpha * (strokes.raw && !line.group ? 0.6 : 1);
    band(on, line, at);
  }
  on.lineWidth = (strokes.strong ? STRONG_PX : LINE_PX) * at.ratio;
  on.setLineDash((DASHES[line.dash] ?? []).map((length) => length * at.ratio));
  if (strokes.raw) {
    on.globalAlpha = RAW_ALPHA;
    trace(on, line, line.y, at);
  }
  on.globalAlpha = 1;
  trace(on, line, line.shown, at);
  on.setLineDash([]);
  if (line.line.odd) marks(on, line, line.line.odd, at);
}

/** Fill between the extremes of each stretch without gaps. */
function band(on: Canvas, line: Ready, at: Projection): void {
  const { x } = line;
  const low = line.line.low!;
  const high = line.line.high!;
  const px = placesX(at);
  const py = placesY(at);
  const [first, last] = visible(line, at.x);
  const isThere = (i: number) => Number.isFinite(low[i]!) && Number.isFinite(high[i]!) && (!at.logY || low[i]! > 0) && (!at.logX || x[i]! > 0);
  for (let i = first; i <= last; i += 1) {
    if (!isThere(i)) continue;
    const start = i;
    on.beginPath();
    for (; i <= last && isThere(i); i += 1) {
      if (i === start) on.moveTo(px(x[i]!), py(high[i]!));
      else on.lineTo(px(x[i]!), py(high[i]!));
    }
    for (let j = i - 1; j >= start; j -= 1) on.lineTo(px(x[j]!), py(low[j]!));
    on.closePath();
    on.fill();
  }
}

/** Draw one line; what is not finite (or not positive on a log scale) leaves a gap, a point alone becomes a dot. */
function trace(on: Canvas, line: Ready, y: Float64Array, at: Projection): void {
  const { x } = line;
  const px = placesX(at);
  const py = placesY(at);
  const [first, last] = visible(line, at.x);
  const dots: [number, number][] = [];
  let inside = false;
  let alone: [number, number] | null = null;
  on.beginPath();
  for (let i = first; i <= last; i += 1) {
    const value = y[i]!;
    if (!Number.isFinite(value) || (at.logY && value <= 0) || (at.logX && x[i]! <= 0)) {
      if (alone) dots.push(alone);
      alone = null;
      inside = false;
      continue;
    }
    const left = px(x[i]!);
    const top = py(value);
    if (inside) {
      on.lineTo(left, top);
      alone = null;
    } else {
      on.moveTo(left, top);
      alone = [left, top];
      inside = true;
    }
  }
  if (alone) dots.push(alone);
  on.stroke();
  for (const [left, top] of dots) paintDot(on, left, top, 2 * at.ratio);
}

export function paintDot(on: Canvas, left: number, top: number, radius: number): void {
  on.beginPath();
  on.arc(left, top, radius, 0, Math.PI * 2);
  on.fill();
}

/** Mark NaN and -infinity at the foot of the frame and infinity at its head: a small triangle, one per few pixels. */
function marks(on: Canvas, line: Ready, odd: Uint8Array, at: Projection): void {
  const px = placesX(at);
  const size = 4 * at.ratio;
  let lastFoot = -Infinity;
  let lastHead = -Infinity;
  const mark = (left: number, head: boolean) => {
    if (Math.abs(left - (head ? lastHead : lastFoot)) < 3 * at.ratio) return;
    if (head) lastHead = left;
    else lastFoot = left;
    const edge = head ? at.top : at.top + at.height;
    on.beginPath();
    on.moveTo(left - size, edge);
    on.lineTo(left + size, edge);
    on.lineTo(left, edge + (head ? size : -size) * 1.5);
    on.closePath();
    on.fill();
  };
  for (let i = 0; i < line.x.length; i += 1) {
    const what = odd[i]!;
    if (!what || line.x[i]! < at.x[0] || line.x[i]! > at.x[1]) continue;
    if (what & ODD.infinity) mark(px(line.x[i]!), true);
    if (what & (ODD.nan | ODD.minusInfinity)) mark(px(line.x[i]!), false);
  }
}
