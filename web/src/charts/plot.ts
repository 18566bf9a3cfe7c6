/**
 * One chart on three layers: uPlot gives axes, grid, cursor and selection; the lines lie above it, painted once for
 * whatever changed until the next frame; what follows the pointer lies on top, so that moving it repaints no line.
 */

import uPlot from "uplot";
import { RUN_COLOURS } from "../pure/colours";
import { nextFrame, noFrame, spend } from "../state/frame";
import { token } from "../state/theme";
import { axes, type XKind } from "./axes";
import { bandAlpha, paintDot, paintLine, placesX, placesY, type Projection } from "./paint";
import { Scene, type Look, type Ready, type SceneLine } from "./scene";
import { nearest, type Range } from "./scale";

export interface PlotOptions extends Look {
  x: XKind;
  /** Whether the wheel alone zooms, as in a chart that fills the window; otherwise with Ctrl or Alt. */
  wheel: boolean;
}

/** The value of one line where the cursor is. */
export interface Told {
  id: string;
  index: number;
  x: number;
  value: number;
  shown: number;
  low: number | null;
  high: number | null;
  left: number;
  top: number;
}

/** What the cursor points at: for each line the nearest point, and which line is nearest in y. */
export interface Probe {
  left: number;
  top: number;
  x: number;
  nearestId: string | null;
  values: Told[];
  /** Whether the pointer is over this very chart, and not over one that shares its crosshair. */
  own: boolean;
}

export interface PlotEvents {
  zoom: (window: Range | null) => void;
  yRange: (window: Range | null) => void;
  probe: (probe: Probe | null) => void;
  click: () => void;
}

const GROUP = "runicorn";
const FADED = "0.3";
const DOT_PX = 3.5;
const WHEEL_STEP = 0.0015;
const LEAST_DRAG_PX = 5;

export class Plot {
  private u: uPlot;
  private scene: Scene;
  private source: readonly SceneLine[] = [];
  private y: Range = [0, 1];
  private emphasised: string | null = null;
  private colours: string[] = [];
  private readonly linesLayer = layer("chart-lines");
  private readonly topLayer = layer("chart-top");
  private told: Probe | null = null;
  private topIsEmpty = true;
  private ended = false;

  constructor(
    private readonly host: HTMLElement,
    private width: number,
    private height: number,
    private options: PlotOptions,
    private readonly events: PlotEvents,
  ) {
    this.scene = new Scene([], options);
    this.readColours();
    this.u = this.make();
  }

  destroy(): void {
    this.ended = true;
    for (const task of [this.paintLines, this.paintTop, this.pointed, this.prepare]) noFrame(task);
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
    if (before.x !== options.x || before.log !== options.log || before.logX !== options.logX) this.remake();
    else if (before.smoothing.kind !== options.smoothing.kind || before.smoothing.amount !== options.smoothing.amount) nextFrame(this.prepare);
    else if (!same(before.zoom, options.zoom) || !same(before.yRange, options.yRange) || before.cut !== options.cut) this.fit();
  }

  setLines(lines: readonly SceneLine[]): void {
    this.source = lines;
    this.prepare();
  }

  emphasise(id: string | null): void {
    if (this.emphasised === id) return;
    this.emphasised = id;
    this.fade();
    nextFrame(this.paintTop);
  }

  recolour(): void {
    this.readColours();
    this.remake();
  }

  /** What is on show: for a picture of it, and for its data. */
  get shown(): { lines: readonly Ready[]; projection: Projection; axes: uPlot.Axis[]; colours: readonly string[]; u: uPlot } {
    return { lines: this.scene.lines, projection: this.projection(), axes: this.u.axes, colours: this.colours, u: this.u };
  }

  /** Zoom so that what lies under a place (0 to 1 across) stays there. by: above 1 shows more. */
  zoomBy(by: number, at = 0.5): void {
    const [low, high] = this.window();
    const [from, to] = this.options.logX ? [Math.log10(low), Math.log10(high)] : [low, high];
    const centre = from + (to - from) * at;
    const next: Range = [centre - (centre - from) * by, centre + (to - centre) * by];
    const full = this.scene.full;
    const window: Range = this.options.logX ? [10 ** next[0], 10 ** next[1]] : next;
    this.events.zoom(full && window[0] <= full[0] && window[1] >= full[1] ? null : window);
  }

  /** Move the window by a part of its width. */
  panBy(part: number): void {
    const [low, high] = this.window();
    const shift = (high - low) * part;
    this.events.zoom([low + shift, high + shift]);
  }

  private window(): Range {
    return this.scene.window(this.options);
  }

  private readonly prepare = (): void => {
    if (this.ended) return;
    const began = performance.now();
    this.scene = new Scene(this.source, this.options);
    this.fit();
    spend(performance.now() - began);
  };

  private fit(): void {
    const window = this.window();
    this.y = this.scene.yWindow(this.options);
    this.u.batch(() => {
      this.u.setData([window, this.y], false);
      this.u.setScale("x", { min: window[0], max: window[1] });
      this.u.setScale("y", { min: this.y[0], max: this.y[1] });
    });
    nextFrame(this.paintLines);
  }

  private remake(): void {
    this.u.destroy();
    this.scene = new Scene(this.source, this.options);
    this.u = this.make();
    this.fit();
  }

  private readColours(): void {
    this.colours = Array.from({ length: RUN_COLOURS }, (_, index) => token(`--run-${index}`));
  }

  private projection(): Projection {
    const { left, top, width, height } = this.u.bbox;
    return { left, top, width, height, x: this.window(), y: this.y, logX: this.options.logX, logY: this.options.log, ratio: devicePixelRatio || 1 };
  }

  private fade(): void {
    const known = this.emphasised !== null && this.scene.lines.length > 1 && this.scene.lines.some((line) => line.id === this.emphasised);
    this.linesLayer.style.opacity = known ? FADED : "";
  }

  private readonly paintLines = (): void => {
    if (this.ended) return;
    const began = performance.now();
    const on = this.cleared(this.linesLayer);
    const at = this.projection();
    const raw = this.options.smoothing.amount > 0;
    const alpha = bandAlpha(this.scene.lines.length);
    for (const line of this.scene.lines) paintLine(on, line, at, { colour: this.colours[line.colour] ?? "#888888", raw, strong: false, bandAlpha: alpha });
    on.restore();
    this.host.dataset.painted = String(Number(this.host.dataset.painted ?? 0) + 1);
    this.fade();
    this.paintTop();
    spend(performance.now() - began);
  };

  /** Paint the line that is pointed at, and where the cursor meets the lines. */
  private readonly paintTop = (): void => {
    if (this.ended) return;
    const nothing = this.told === null && (this.emphasised === null || this.scene.lines.length < 2);
    if (nothing && this.topIsEmpty) return;
    this.topIsEmpty = nothing;
    const on = this.cleared(this.topLayer);
    const at = this.projection();
    const raw = this.options.smoothing.amount > 0;
    if (this.emphasised !== null && this.scene.lines.length > 1)
      for (const line of this.scene.lines)
        if (line.id === this.emphasised) paintLine(on, line, at, { colour: this.colours[line.colour] ?? "#888888", raw, strong: true, bandAlpha: 0.18 });
    if (this.told && (this.told.own || this.told.values.length === 1)) {
      const px = placesX(at);
      const py = placesY(at);
      const byId = new Map(this.scene.lines.map((line) => [line.id, line.colour]));
      for (const { id, x, shown } of this.told.values) {
        if (!Number.isFinite(shown)) continue;
        on.fillStyle = this.colours[byId.get(id) ?? 0] ?? "#888888";
        paintDot(on, px(x), py(shown), DOT_PX * at.ratio);
      }
    }
    on.restore();
  };

  private cleared(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const { canvas: below } = this.u.ctx;
    if (canvas.width !== below.width || canvas.height !== below.height) {
      canvas.width = below.width;
      canvas.height = below.height;
      canvas.style.width = below.style.width || `${this.width}px`;
      canvas.style.height = below.style.height || `${this.height}px`;
    }
    const on = canvas.getContext("2d")!;
    on.clearRect(0, 0, canvas.width, canvas.height);
    const { left, top, width, height } = this.u.bbox;
    on.save();
    on.beginPath();
    on.rect(left, top, width, height);
    on.clip();
    on.lineJoin = "round";
    return on;
  }

  private make(): uPlot {
    const { x, log, logX } = this.options;
    const window = this.window();
    const distribution = (isLog: boolean) => ({ distr: (isLog ? 3 : 1) as uPlot.Scale.Distr, log: 10 as const });
    const options: uPlot.Options = {
      width: this.width,
      height: this.height,
      pxAlign: 1,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      scales: { x: { time: x === "time", auto: false, ...distribution(logX) }, y: { auto: false, ...distribution(log) } },
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      axes: axes(x, logX, log),
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG_PX },
        // Charts over one axis share the crosshair.
        sync: { key: `${GROUP} ${x}`, setSeries: false, scales: ["x", null] },
        focus: { prox: -1 },
        bind: {
          dblclick: () => () => {
            this.events.zoom(null);
            return null;
          },
          mousedown: (_u, _target, handler) => (event) => {
            if (event.button === 0 && event.shiftKey && this.scene.full) {
              this.pan(event);
              event.preventDefault();
              return null;
            }
            this.noteClick(event);
            return handler(event) ?? null;
          },
        },
      },
      hooks: {
        draw: [() => nextFrame(this.paintLines)],
        setCursor: [() => nextFrame(this.pointed)],
        setSelect: [(u) => this.selected(u)],
      },
    };
    const made = new uPlot(options, [window, [0, 1]], this.host);
    const wrap = made.root.querySelector(".u-wrap")!;
    wrap.insertBefore(this.linesLayer, made.over);
    wrap.insertBefore(this.topLayer, made.over);
    made.over.addEventListener("wheel", (event) => this.turned(event), { passive: false });
    wrap.addEventListener("pointerdown", (event) => this.dragY(event as PointerEvent));
    return made;
  }

  private selected(u: uPlot): void {
    if (u.select.width < LEAST_DRAG_PX - 1) return;
    const low = u.posToVal(u.select.left, "x");
    const high = u.posToVal(u.select.left + u.select.width, "x");
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (high > low) this.events.zoom([low, high]);
  }

  private noteClick(down: MouseEvent): void {
    const up = (event: MouseEvent) => {
      document.removeEventListener("mouseup", up);
      if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < LEAST_DRAG_PX && down.button === 0) this.events.click();
    };
    document.addEventListener("mouseup", up);
  }

  private turned(event: WheelEvent): void {
    if (!this.options.wheel && !event.ctrlKey && !event.altKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.u.over.getBoundingClientRect();
    this.zoomBy(Math.exp(event.deltaY * WHEEL_STEP * (event.deltaMode === 1 ? 16 : 1)), (event.clientX - box.left) / (box.width || 1));
  }

  private pan(from: MouseEvent): void {
    const window = this.window();
    const move = (event: MouseEvent) => {
      const shift = ((from.clientX - event.clientX) / (this.u.over.clientWidth || 1)) * (window[1] - window[0]);
      this.events.zoom([window[0] + shift, window[1] + shift]);
    };
    const up = () => {
      document.removeEventListener("mousemove", move);
      document.removeEventListener("mouseup", up);
    };
    document.addEventListener("mousemove", move);
    document.addEventListener("mouseup", up);
  }

  /** A drag along the labels of y chooses the range that is shown; a double click there lets it fit again. */
  private dragY(down: PointerEvent): void {
    const box = this.u.over.getBoundingClientRect();
    if (down.button !== 0 || down.clientX >= box.left || down.clientY > box.bottom + 4) return;
    down.preventDefault();
    if (down.detail > 1) return this.events.yRange(null);
    const mark = document.createElement("div");
    mark.className = "chart-y-drag";
    this.host.append(mark);
    const host = this.host.getBoundingClientRect();
    const inside = (y: number) => Math.min(box.bottom, Math.max(box.top, y));
    const move = (event: PointerEvent) => {
      const [top, bottom] = [inside(down.clientY), inside(event.clientY)].sort((a, b) => a - b) as Range;
      Object.assign(mark.style, { top: `${top - host.top}px`, height: `${bottom - top}px`, width: `${box.right - host.left}px` });
    };
    const end = (event: PointerEvent) => {
      mark.remove();
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", end);
      document.removeEventListener("pointercancel", end);
      const [top, bottom] = [inside(down.clientY), inside(event.clientY)].sort((a, b) => a - b) as Range;
      if (event.type !== "pointerup" || bottom - top < LEAST_DRAG_PX) return;
      this.events.yRange([this.u.posToVal(bottom - box.top, "y"), this.u.posToVal(top - box.top, "y")]);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", end);
    document.addEventListener("pointercancel", end);
  }

  /** Find what the cursor points at, once a frame. */
  private readonly pointed = (): void => {
    if (this.ended) return;
    const { u } = this;
    const left = u.cursor.left ?? -1;
    const own = (u.cursor.event ?? null) !== null;
    // Where many lines are, only the chart under the pointer tells their values.
    if (left < 0 || !this.scene.lines.length || (!own && this.scene.lines.length > 1)) {
      if (this.told === null) return;
      this.told = null;
    } else this.told = this.probe(left, u.cursor.top ?? 0, own);
    this.events.probe(this.told);
    this.paintTop();
  };

  private probe(left: number, top: number, own: boolean): Probe {
    const at = this.u.posToVal(left, "x");
    const [low, high] = this.window();
    const tolerance = ((high - low) / Math.max(1, this.u.over.clientWidth)) * 6;
    const values: Told[] = [];
    let nearestId: string | null = null;
    let best = Infinity;
    for (const line of this.scene.lines) {
      const index = nearest(line.x, at, line.sorted);
      if (index < 0) continue;
      const { x, xEnd } = line.line;
      // A line that has ended before, or not begun yet, has no value here.
      if (line.sorted && (at > (xEnd ?? x)[x.length - 1]! + tolerance || at < x[0]! - tolerance)) continue;
      const shown = line.shown[index]!;
      const y = Number.isFinite(shown) ? this.u.valToPos(shown, "y") : NaN;
      const distance = Number.isFinite(y) ? Math.abs(y - top) : 1e6;
      values.push({
        id: line.id,
        index,
        x: line.x[index]!,
        value: line.y[index]!,
        shown,
        low: line.line.low?.[index] ?? null,
        high: line.line.high?.[index] ?? null,
        left: this.u.valToPos(line.x[index]!, "x"),
        top: y,
      });
      if (distance < best) {
        best = distance;
        nearestId = line.id;
      }
    }
    return { left, top, x: at, nearestId, values, own };
  }
}

function layer(name: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.className = name;
  return canvas;
}

const same = (a: Range | null, b: Range | null): boolean => a === b || (a !== null && b !== null && a[0] === b[0] && a[1] === b[1]);
