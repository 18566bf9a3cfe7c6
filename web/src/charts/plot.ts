/**
 * One chart on a canvas. uPlot gives axes, grid, cursor and selection; the lines are drawn here, since each has its own x
 * (runs are downsampled apart) and a smoothed line with its raw values behind it.
 */

import uPlot from "uplot";
import { DASHES } from "../pure/colours";
import { axisLabels, formatAxis, formatDuration } from "../pure/format";
import { smooth } from "../pure/smoothing";
import { token } from "../state/theme";
import { extent, isSorted, nearest, padded, union, type Range } from "./scale";

export interface Line {
  id: string;
  colour: number;
  dash: number;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

export interface PlotOptions {
  axis: "step" | "time" | "relative";
  log: boolean;
  smoothing: number;
  /** The x window on show; null shows everything. */
  zoom: Range | null;
}

/** What the cursor points at: for each line the nearest point, and which line is nearest in y. */
export interface Probe {
  left: number;
  top: number;
  x: number;
  nearestId: string | null;
  values: { id: string; x: number; value: number; smoothed: number; left: number; top: number }[];
  /** Whether the pointer is over this very chart, and not over one that shares its crosshair. */
  own: boolean;
}

interface Prepared extends Line {
  smoothed: Float64Array;
  sorted: boolean;
}

const GROUP = "runicorn";
const LINE_PX = 1.5;
const RAW_ALPHA = 0.25;
const FADED_ALPHA = 0.3;

export class Plot {
  private u: uPlot;
  private lines: Prepared[] = [];
  private source: readonly Line[] = [];
  private full: Range | null = null;
  private emphasised: string | null = null;
  private colours: string[] = [];
  private panFrom: { left: number; window: Range } | null = null;

  constructor(
    private readonly host: HTMLElement,
    private width: number,
    private height: number,
    private options: PlotOptions,
    private readonly onZoom: (window: Range | null) => void,
    private readonly onProbe: (probe: Probe | null) => void,
  ) {
    this.readColours();
    this.u = this.make();
  }

  destroy(): void {
    this.u.destroy();
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.u.setSize({ width, height });
  }

  setOptions(options: PlotOptions): void {
    const before = this.options;
    this.options = options;
    if (before.axis !== options.axis || before.log !== options.log) this.remake();
    else if (before.smoothing !== options.smoothing) this.setLines(this.source);
    else this.fit();
  }

  setLines(lines: readonly Line[]): void {
    this.source = lines;
    let full: Range | null = null;
    this.lines = lines.map((line) => {
      const sorted = isSorted(line.x);
      for (let i = 0; i < line.x.length; i += sorted ? Math.max(1, line.x.length - 1) : 1)
        full = union(full, [line.x[i]!, line.x[i]!]);
      return { ...line, sorted, smoothed: new Float64Array(0) };
    });
    this.full = full;
    // By the whole range, not the zoomed one: the same line at every zoom.
    const [low, high]: Range = (this.full as Range | null) ?? [0, 1];
    for (const line of this.lines) line.smoothed = smooth(line.x, line.y, this.options.smoothing, high - low);
    this.fit();
  }

  emphasise(id: string | null): void {
    if (this.emphasised === id) return;
    this.emphasised = id;
    if (this.lines.length > 1) this.u.redraw(false);
  }

  recolour(): void {
    this.readColours();
    this.remake();
  }

  /** The window on show. */
  private window(): Range {
    if (this.options.zoom) return this.options.zoom;
    const full = this.full ?? [0, 1];
    if (full[0] === full[1]) return [full[0] - 0.5, full[1] + 0.5];
    return full;
  }

  private fit(): void {
    const window = this.window();
    let range: Range | null = null;
    for (const line of this.lines) {
      range = union(range, extent(line.x, line.y, window, this.options.log));
    }
    const [low, high] = padded(range, this.options.log);
    this.u.batch(() => {
      this.u.setData([window, [low, high]], false);
      this.u.setScale("x", { min: window[0], max: window[1] });
      this.u.setScale("y", { min: low, max: high });
    });
    this.u.redraw(false, true);
  }

  private remake(): void {
    this.u.destroy();
    this.u = this.make();
    this.setLines(this.source);
  }

  private readColours(): void {
    this.colours = Array.from({ length: 10 }, (_, index) => token(`--run-${index}`));
  }

  private make(): uPlot {
    const { axis, log } = this.options;
    const grid = token("--chart-grid");
    const label = token("--text-muted");
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axisBase = { stroke: label, font, ticks: { show: false }, gap: 6 };
    const options: uPlot.Options = {
      width: this.width,
      height: this.height,
      pxAlign: 1,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      scales: { x: { time: axis === "time", auto: false }, y: { auto: false, distr: log ? 3 : 1, log: 10 } },
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      axes: [
        {
          ...axisBase,
          size: 22,
          space: 64,
          grid: { show: false },
          border: { show: true, stroke: token("--hairline-strong"), width: 1 },
          ...(axis === "time" ? {} : { values: (_u, splits) => xLabels(splits, axis) }),
          ...(axis === "step" ? { incrs: WHOLE_STEPS } : {}),
          ...(axis === "relative" ? { incrs: RELATIVE_STEPS } : {}),
        },
        {
          ...axisBase,
          size: (_u, values) => Math.max(44, Math.max(0, ...(values ?? []).map((text) => text?.length ?? 0)) * 6.4 + 12),
          space: 28,
          grid: { stroke: grid, width: 1 },
          values: (_u, splits) => (log ? splits.map((value) => (value === null ? null : formatAxis(value))) : axisLabels(splits)) as string[],
          ...(log ? { filter: (_u: uPlot, splits: number[]) => splits.map((value) => (isPowerOfTen(value) || splits.length < 6 ? value : null)) } : {}),
        },
      ],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: 5 },
        sync: { key: GROUP, setSeries: false, scales: ["x", null] },
        focus: { prox: -1 },
        bind: {
          dblclick: () => () => {
            this.onZoom(null);
            return null;
          },
          mousedown: (u, _target, handler) => (event) => {
            if (event.button === 0 && event.shiftKey && this.full) {
              this.panFrom = { left: event.clientX, window: this.window() };
              this.followPan();
              event.preventDefault();
              return null;
            }
            void u;
            return handler(event) ?? null;
          },
        },
      },
      hooks: {
        draw: [(u) => this.draw(u)],
        setCursor: [(u) => this.probe(u)],
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            const low = u.posToVal(u.select.left, "x");
            const high = u.posToVal(u.select.left + u.select.width, "x");
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            if (high > low) this.onZoom([low, high]);
          },
        ],
      },
    };
    const window: Range = this.window();
    return new uPlot(options, [window, [0, 1]], this.host);
  }

  private followPan(): void {
    const move = (event: MouseEvent) => {
      const from = this.panFrom;
      if (!from) return;
      const width = this.u.over.clientWidth || 1;
      const shift = ((from.left - event.clientX) / width) * (from.window[1] - from.window[0]);
      this.onZoom([from.window[0] + shift, from.window[1] + shift]);
    };
    const up = () => {
      this.panFrom = null;
      document.removeEventListener("mousemove", move);
      document.removeEventListener("mouseup", up);
    };
    document.addEventListener("mousemove", move);
    document.addEventListener("mouseup", up);
  }

  private draw(u: uPlot): void {
    const { ctx } = u;
    const ratio = devicePixelRatio || 1;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.lineJoin = "round";
    const smoothing = this.options.smoothing > 0;
    const ordered = this.emphasised
      ? [...this.lines].sort((a, b) => Number(a.id === this.emphasised) - Number(b.id === this.emphasised))
      : this.lines;
    for (const line of ordered) {
      const faded = this.lines.length > 1 && this.emphasised !== null && this.emphasised !== line.id && this.lines.some((one) => one.id === this.emphasised);
      const strength = faded ? FADED_ALPHA : 1;
      ctx.strokeStyle = ctx.fillStyle = this.colours[line.colour] ?? "#888888";
      ctx.lineWidth = (this.emphasised === line.id && this.lines.length > 1 ? 2.25 : LINE_PX) * ratio;
      ctx.setLineDash((DASHES[line.dash] ?? []).map((length) => length * ratio));
      if (smoothing) {
        ctx.globalAlpha = strength * RAW_ALPHA;
        this.trace(u, line, line.y);
      }
      ctx.globalAlpha = strength;
      this.trace(u, line, smoothing ? line.smoothed : line.y);
      ctx.setLineDash([]);
      this.marks(u, line, ratio);
    }
    ctx.restore();
  }

  /** Draw one line; what is not finite (or not positive on a log scale) leaves a gap, a point alone becomes a dot. */
  private trace(u: uPlot, line: Prepared, y: ArrayLike<number>): void {
    const { ctx } = u;
    const { x } = line;
    const [low, high] = this.window();
    let first = 0;
    let last = x.length - 1;
    if (line.sorted && x.length > 2) {
      // One point beyond either edge, so that the line runs out of the frame.
      first = Math.max(0, nearest(x, low, true) - 1);
      last = Math.min(x.length - 1, nearest(x, high, true) + 1);
    }
    const { left, top, width, height } = u.bbox;
    const scaleX = width / (high - low);
    const log = this.options.log;
    const yLow = u.scales.y!.min!;
    const yHigh = u.scales.y!.max!;
    const base = log ? Math.log10(yLow) : yLow;
    const scaleY = height / ((log ? Math.log10(yHigh) : yHigh) - base);
    const dots: [number, number][] = [];
    let inside = false;
    let alone: [number, number] | null = null;
    ctx.beginPath();
    for (let i = first; i <= last; i += 1) {
      const value = y[i]!;
      if (!Number.isFinite(value) || (log && value <= 0)) {
        if (alone) dots.push(alone);
        alone = null;
        inside = false;
        continue;
      }
      const px = left + (x[i]! - low) * scaleX;
      const py = top + height - ((log ? Math.log10(value) : value) - base) * scaleY;
      if (inside) {
        ctx.lineTo(px, py);
        alone = null;
      } else {
        ctx.moveTo(px, py);
        alone = [px, py];
        inside = true;
      }
    }
    if (alone) dots.push(alone);
    ctx.stroke();
    const radius = 2 * (devicePixelRatio || 1);
    for (const [px, py] of dots) {
      ctx.beginPath();
      ctx.arc(px, py, radius, 0, Math.PI * 2);
      ctx.fill();
    }
  }

  /** Mark NaN and -infinity at the foot of the frame and infinity at its head: a small triangle, one per few pixels. */
  private marks(u: uPlot, line: Prepared, ratio: number): void {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const [low, high] = this.window();
    const scaleX = width / (high - low);
    const size = 4 * ratio;
    let lastFoot = -Infinity;
    let lastHead = -Infinity;
    for (let i = 0; i < line.x.length; i += 1) {
      const value = line.y[i]!;
      if (Number.isFinite(value) || line.x[i]! < low || line.x[i]! > high) continue;
      const px = left + (line.x[i]! - low) * scaleX;
      const head = value === Infinity;
      if (Math.abs(px - (head ? lastHead : lastFoot)) < 3 * ratio) continue;
      if (head) lastHead = px;
      else lastFoot = px;
      const edge = head ? top : top + height;
      const inward = head ? size * 1.5 : -size * 1.5;
      ctx.beginPath();
      ctx.moveTo(px - size, edge);
      ctx.lineTo(px + size, edge);
      ctx.lineTo(px, edge + inward);
      ctx.closePath();
      ctx.fill();
    }
  }

  private probe(u: uPlot): void {
    const left = u.cursor.left ?? -1;
    if (left < 0 || this.lines.length === 0) {
      this.onProbe(null);
      return;
    }
    const own = (u.cursor.event ?? null) !== null;
    const at = u.posToVal(left, "x");
    const [low, high] = this.window();
    const tolerance = ((high - low) / Math.max(1, u.over.clientWidth)) * 6;
    const top = u.cursor.top ?? 0;
    let nearestId: string | null = null;
    let best = Infinity;
    const values: Probe["values"] = [];
    for (const line of this.lines) {
      const index = nearest(line.x, at, line.sorted);
      if (index < 0) continue;
      // A line that has ended before, or not begun yet, has no value here.
      const end = line.x[line.x.length - 1]!;
      if (line.sorted && (at > end + tolerance || at < line.x[0]! - tolerance)) continue;
      const smoothed = line.smoothed[index]!;
      const y = u.valToPos(Number.isFinite(smoothed) ? smoothed : low, "y");
      const distance = Number.isFinite(smoothed) ? Math.abs(y - top) : 1e6;
      values.push({ id: line.id, x: line.x[index]!, value: line.y[index]!, smoothed, left: u.valToPos(line.x[index]!, "x"), top: y });
      if (distance < best) {
        best = distance;
        nearestId = line.id;
      }
    }
    this.onProbe({ left, top, x: at, nearestId, values, own });
  }
}

const WHOLE_STEPS = [1, 2, 5].flatMap((lead) => Array.from({ length: 16 }, (_, power) => lead * 10 ** power)).sort((a, b) => a - b);
const RELATIVE_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
  172800, 432000, 864000, 1728000,
];

const isPowerOfTen = (value: number): boolean => {
  const power = Math.log10(value);
  return Math.abs(power - Math.round(power)) < 1e-9;
};

function xLabels(splits: number[], axis: "step" | "relative"): string[] {
  if (axis === "step") return axisLabels(splits) as string[];
  return splits.map((value) => (value === 0 ? "0" : value < 0 ? `−${formatDuration(-value)}` : formatDuration(value)));
}
