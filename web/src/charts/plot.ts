/**
 * One chart on three layers: axes and grid; the lines above them, painted once for whatever changed until the next frame;
 * and on top what follows the pointer, so that moving it repaints no line.
 */

import { RUN_COLOURS } from "../pure/colours";
import { nextFrame, noFrame, spend } from "../state/frame";
import { token } from "../state/theme";
import { cleared, layer, layOut, paintAxes, projectionOf, type Layout } from "./frame";
import { bandAlpha, paintDot, paintLine, placesX, placesY, valuesX, valuesY, type Projection } from "./paint";
import { Pointer } from "./pointer";
import { Scene, type Look, type Ready, type SceneLine } from "./scene";
import { nearest, type Range } from "./scale";
import type { AxisKind } from "./ticks";

export interface PlotOptions extends Look {
  x: AxisKind;
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

const FADED = "0.3";
const DOT_PX = 3.5;
/** Of one gesture, at most so many times as much or as little is shown. */
const LEAST_STRETCH = 0.01;
const WHEEL_STEP = 0.0015;
const NEAR_PX = 6;

/** Charts over one axis share the crosshair. */
const siblings = new Map<AxisKind, Set<Plot>>();

export class Plot {
  private scene: Scene;
  private source: readonly SceneLine[] = [];
  private layout: Layout;
  private emphasised: string | null = null;
  private colours: string[] = [];
  private readonly layers = { axes: layer("chart-axes"), lines: layer("chart-lines"), top: layer("chart-top") };
  private readonly pointer: Pointer;
  private place: { left: number; top: number } | null = null;
  private told: Probe | null = null;
  private topIsEmpty = true;
  private ended = false;
  private panFrom: Range = [0, 1];

  constructor(
    private readonly host: HTMLElement,
    private width: number,
    private height: number,
    private options: PlotOptions,
    private readonly events: PlotEvents,
  ) {
    this.readColours();
    this.scene = new Scene([], options);
    this.layout = this.laidOut();
    host.append(this.layers.axes, this.layers.lines, this.layers.top);
    this.pointer = new Pointer(host, {
      at: (place) => this.pointAt(place),
      selectX: (from, to) => this.events.zoom([this.valueX(from), this.valueX(to)]),
      selectY: (from, to) => this.events.yRange([this.valueY(to), this.valueY(from)]),
      reset: () => this.events.zoom(null),
      resetY: () => this.events.yRange(null),
      pan: (part, begun) => {
        if (begun) this.panFrom = this.window();
        this.panTo(this.panFrom, part);
      },
      pinch: (from, to, begun) => {
        if (begun) this.panFrom = this.window();
        this.stretch(this.panFrom, from, to);
      },
      wheel: (event, across) => this.turned(event, across),
      click: () => {
        this.pointed();
        this.events.click();
      },
    });
    this.join(options.x);
  }

  destroy(): void {
    this.ended = true;
    for (const task of [this.paint, this.paintTop, this.pointed, this.prepare]) noFrame(task);
    siblings.get(this.options.x)?.delete(this);
    this.pointer.destroy();
    for (const one of Object.values(this.layers)) one.remove();
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.fit();
  }

  setOptions(options: PlotOptions): void {
    const before = this.options;
    this.options = options;
    if (before.x !== options.x) {
      siblings.get(before.x)?.delete(this);
      this.join(options.x);
    }
    const sameLines = before.logX === options.logX && before.smoothing.kind === options.smoothing.kind && before.smoothing.amount === options.smoothing.amount;
    if (!sameLines) nextFrame(this.prepare);
    else if (before.x !== options.x || before.log !== options.log || !same(before.zoom, options.zoom) || !same(before.yRange, options.yRange) || before.cut !== options.cut) this.fit();
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
    nextFrame(this.paint);
  }

  /** What is on show: for a picture of it, and for its data. */
  get shown(): { lines: readonly Ready[]; layout: Layout; width: number; height: number; logX: boolean; logY: boolean; colours: readonly string[] } {
    const { width, height, layout, colours } = this;
    return { lines: this.scene.lines, layout, width, height, logX: this.options.logX, logY: this.options.log, colours };
  }

  /** Zoom so that what lies under a place (0 to 1 across) stays there. by: above 1 shows more. */
  zoomBy(by: number, at = 0.5): void {
    const [from, to] = this.along(this.window());
    const centre = from + (to - from) * at;
    this.show([centre - (centre - from) * by, centre + (to - centre) * by]);
  }

  /** Show a range along the axis; all, where it holds all. */
  private show(range: Range): void {
    const [window, full] = [this.back(range), this.scene.full];
    this.events.zoom(full && window[0] <= full[0] && window[1] >= full[1] ? null : window);
  }

  /** Show what of a window lay under two places (0 to 1 across) under two others. */
  private stretch(window: Range, [one, other]: Range, [oneNow, otherNow]: Range): void {
    const [from, to] = this.along(window);
    const part = (other - one) / (otherNow - oneNow);
    if (!(part > LEAST_STRETCH && part < 1 / LEAST_STRETCH)) return;
    const begin = from + (to - from) * (one - part * oneNow);
    this.show([begin, begin + (to - from) * part]);
  }

  /** Move the window by a part of its width. */
  panBy(part: number): void {
    this.panTo(this.window(), part);
  }

  private panTo(window: Range, part: number): void {
    const [from, to] = this.along(window);
    const shift = (to - from) * part;
    this.events.zoom(this.back([from + shift, to + shift]));
  }

  /** Return a range of x as it lies along the axis, and back. */
  private along(range: Range): Range {
    return this.options.logX ? [Math.log10(range[0]), Math.log10(range[1])] : range;
  }

  private back(range: Range): Range {
    return this.options.logX ? [10 ** range[0], 10 ** range[1]] : range;
  }

  private window(): Range {
    return this.scene.window(this.options);
  }

  private join(kind: AxisKind): void {
    const group = siblings.get(kind) ?? new Set();
    group.add(this);
    siblings.set(kind, group);
  }

  private readonly prepare = (): void => {
    if (this.ended) return;
    const began = performance.now();
    this.scene = new Scene(this.source, this.options);
    this.fit();
    spend(performance.now() - began);
  };

  private laidOut(): Layout {
    const { width, height, options } = this;
    return layOut({ width, height, x: this.window(), y: this.scene.yWindow(options), kind: options.x, logX: options.logX, logY: options.log });
  }

  private fit(): void {
    this.layout = this.laidOut();
    this.pointer.place(this.layout);
    nextFrame(this.paint);
  }

  private readColours(): void {
    this.colours = Array.from({ length: RUN_COLOURS }, (_, index) => token(`--run-${index}`));
  }

  private projection(): Projection {
    return projectionOf(this.layout, this.options.logX, this.options.log, devicePixelRatio || 1);
  }

  private colourOf(line: Ready): string {
    return this.colours[line.colour] ?? "#888888";
  }

  private fade(): void {
    const known = this.emphasised !== null && this.scene.lines.length > 1 && this.scene.lines.some((line) => line.id === this.emphasised);
    this.layers.lines.style.opacity = known ? FADED : "";
  }

  private readonly paint = (): void => {
    if (this.ended) return;
    const began = performance.now();
    const at = this.projection();
    const axes = cleared(this.layers.axes, this.width, this.height, at.ratio, null);
    paintAxes(axes, this.layout, at);
    axes.restore();
    const on = cleared(this.layers.lines, this.width, this.height, at.ratio, at);
    const raw = this.options.smoothing.amount > 0;
    const alpha = bandAlpha(this.scene.lines.length);
    for (const line of this.scene.lines) paintLine(on, line, at, { colour: this.colourOf(line), raw, strong: false, bandAlpha: alpha });
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
    const at = this.projection();
    const on = cleared(this.layers.top, this.width, this.height, at.ratio, at);
    const raw = this.options.smoothing.amount > 0;
    if (this.emphasised !== null && this.scene.lines.length > 1)
      for (const line of this.scene.lines)
        if (line.id === this.emphasised) paintLine(on, line, at, { colour: this.colourOf(line), raw, strong: true, bandAlpha: 0.18 });
    if (this.told) {
      const px = placesX(at);
      const py = placesY(at);
      const byId = new Map(this.scene.lines.map((line) => [line.id, line]));
      for (const { id, x, shown } of this.told.values) {
        const line = byId.get(id);
        if (!Number.isFinite(shown) || !line) continue;
        on.fillStyle = this.colourOf(line);
        on.globalAlpha = 1;
        paintDot(on, px(x), py(shown), DOT_PX * at.ratio);
      }
    }
    on.restore();
  };

  private valueX(part: number): number {
    return valuesX(projectionOf(this.layout, this.options.logX, this.options.log, 1))(this.layout.left + part * this.layout.width);
  }

  private valueY(part: number): number {
    return valuesY(projectionOf(this.layout, this.options.logX, this.options.log, 1))(this.layout.top + part * this.layout.height);
  }

  private turned(event: WheelEvent, across: number): void {
    if (!this.options.wheel && !event.ctrlKey && !event.altKey && !event.metaKey) return;
    event.preventDefault();
    this.zoomBy(Math.exp(event.deltaY * WHEEL_STEP * (event.deltaMode === 1 ? 16 : 1)), across);
  }

  private pointAt(place: { left: number; top: number } | null): void {
    this.place = place;
    nextFrame(this.pointed);
  }

  /** Find what the pointer points at, once a frame, and tell the charts that share its crosshair. */
  private readonly pointed = (): void => {
    if (this.ended) return;
    const { place, layout } = this;
    const x = place ? this.valueX(place.left / layout.width) : null;
    this.pointer.cross(place?.left ?? null);
    this.tell(place && this.scene.lines.length ? this.probe(x!, place.left, place.top, true) : null);
    for (const other of siblings.get(this.options.x) ?? []) if (other !== this) other.follow(x);
  };

  /** Show the crosshair of another chart. Where many lines are, only the chart under the pointer tells their values. */
  private follow(x: number | null): void {
    const { layout } = this;
    const left = x === null ? null : placesX(projectionOf(layout, this.options.logX, this.options.log, 1))(x) - layout.left;
    const inside = left !== null && left >= 0 && left <= layout.width;
    this.pointer.cross(inside ? left : null);
    this.tell(inside && this.scene.lines.length === 1 ? this.probe(x!, left, 0, false) : null);
  }

  private tell(probe: Probe | null): void {
    if (probe === null && this.told === null) return;
    this.told = probe;
    this.events.probe(probe);
    this.paintTop();
  }

  private probe(at: number, left: number, top: number, own: boolean): Probe {
    const projection = projectionOf(this.layout, this.options.logX, this.options.log, 1);
    const [px, py] = [placesX(projection), placesY(projection)];
    const [low, high] = this.window();
    const tolerance = ((high - low) / this.layout.width) * NEAR_PX;
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
      const y = Number.isFinite(shown) ? py(shown) - this.layout.top : NaN;
      const distance = Number.isFinite(y) ? Math.abs(y - top) : 1e6;
      values.push({
        id: line.id,
        index,
        x: line.x[index]!,
        value: line.y[index]!,
        shown,
        low: line.line.low?.[index] ?? null,
        high: line.line.high?.[index] ?? null,
        left: px(line.x[index]!) - this.layout.left,
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

const same = (a: Range | null, b: Range | null): boolean => a === b || (a !== null && b !== null && a[0] === b[0] && a[1] === b[1]);
