/** The lines of a chart made ready for drawing: smoothed, their ranges known. Pure. */

import { middles, spliced, type Line } from "../pure/line";
import { smooth, type Smoothing } from "../pure/smoothing";
import { extent, inner, isSorted, padded, reach, union, type Range } from "./scale";

/** One line: what it belongs to, how it looks, its data, and a finer part of these where it is zoomed into. */
export interface SceneLine {
  id: string;
  colour: number;
  dash: number;
  /** A group's band is drawn stronger than that of thinned data. */
  group: boolean;
  line: Line;
  part: Line | null;
}

export interface Ready {
  id: string;
  colour: number;
  dash: number;
  group: boolean;
  /** With the finer part in it. */
  line: Line;
  /** Where each value is drawn. */
  x: Float64Array;
  y: Float64Array;
  /** What is drawn of it: y smoothed, or y itself. */
  shown: Float64Array;
  sorted: boolean;
}

export interface Look {
  log: boolean;
  logX: boolean;
  smoothing: Smoothing;
  /** The x window on show; null shows everything. */
  zoom: Range | null;
  /** The y window that was chosen; null fits what is on show. */
  yRange: Range | null;
  cut: boolean;
}

/** How much at either end counts as an outlier. */
const OUTLIERS = 0.01;

export class Scene {
  readonly lines: Ready[];
  /** From where to where all lines reach together. */
  readonly full: Range | null;

  constructor(lines: readonly SceneLine[], look: Look) {
    let full: Range | null = null;
    for (const { line } of lines) full = union(full, reach(line, look.logX));
    this.full = full;
    this.lines = lines.map((one) => ready(one, look, full));
  }

  /** The x window on show. */
  window(look: Look): Range {
    if (look.zoom) return look.zoom;
    const full = this.full ?? (look.logX ? [1, 10] : [0, 1]);
    if (full[0] < full[1]) return full;
    return look.logX ? [full[0] / 2, full[0] * 2] : [full[0] - 0.5, full[1] + 0.5];
  }

  /** The y window on show. */
  yWindow(look: Look): Range {
    if (look.yRange) return look.yRange;
    const window = this.window(look);
    // Raw values count as far as they are seen: behind a smoothed line, and as its band.
    const curves = this.lines.map(({ x, y, line }) => ({ x, y, low: line.low, high: line.high }));
    if (look.cut) return padded(inner(curves, window, look.log, OUTLIERS), look.log);
    let range: Range | null = null;
    for (const curve of curves) range = union(range, extent(curve, window, look.log));
    return padded(range, look.log);
  }
}

function ready({ id, colour, dash, group, line: base, part }: SceneLine, look: Look, full: Range | null): Ready {
  const line = part && isSorted(base.x) ? spliced(base, part) : base;
  const x = middles(line);
  const { y } = line;
  const sorted = isSorted(x);
  if (!(look.smoothing.amount > 0) || !full) return { id, colour, dash, group, line, x, y, shown: y, sorted };
  const [low, high] = look.logX ? full.map(Math.log10) as Range : full;
  const along = look.logX ? x.map(Math.log10) : x;
  return { id, colour, dash, group, line, x, y, shown: smooth(along, y, look.smoothing, high - low, group ? null : line.amount), sorted };
}
