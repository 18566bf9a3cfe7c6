/** What stands around the lines of a chart: its layers, where they lie, axes and grid. */

import { token } from "../state/theme";
import { placesX, placesY, type Projection } from "./paint";
import { ticksOf, type AxisKind, type Tick } from "./ticks";
import type { Range } from "./scale";

const TOP_PX = 8;
const RIGHT_PX = 10;
const FOOT_PX = 22;
const LEAST_LEFT_PX = 44;
const CHARACTER_PX = 6.4;
const LABEL_GAP_PX = 6;
const X_LABEL_PX = 72;
const Y_LABEL_PX = 30;

/** Where the lines lie in a chart, in pixels of the page, and the ticks beside them. */
export interface Layout {
  left: number;
  top: number;
  width: number;
  height: number;
  x: Range;
  y: Range;
  xTicks: readonly Tick[];
  yTicks: readonly Tick[];
}

interface Wanted {
  width: number;
  height: number;
  x: Range;
  y: Range;
  kind: AxisKind;
  logX: boolean;
  logY: boolean;
}

export function layOut({ width, height, x, y, kind, logX, logY }: Wanted): Layout {
  const inner = Math.max(1, height - TOP_PX - FOOT_PX);
  const yTicks = ticksOf(y, Math.floor(inner / Y_LABEL_PX), "number", logY);
  const left = Math.max(LEAST_LEFT_PX, Math.max(0, ...yTicks.map((tick) => tick.label.length)) * CHARACTER_PX + 12);
  const across = Math.max(1, width - left - RIGHT_PX);
  return { left, top: TOP_PX, width: across, height: inner, x, y, xTicks: ticksOf(x, Math.floor(across / X_LABEL_PX), kind, logX), yTicks };
}

export const projectionOf = (layout: Layout, logX: boolean, logY: boolean, ratio: number): Projection => ({
  left: layout.left * ratio,
  top: layout.top * ratio,
  width: layout.width * ratio,
  height: layout.height * ratio,
  x: layout.x,
  y: layout.y,
  logX,
  logY,
  ratio,
});

/** Paint axes and grid. on: the context of a canvas that is clear. */
export function paintAxes(on: CanvasRenderingContext2D, layout: Layout, at: Projection): void {
  const { ratio } = at;
  const px = placesX(at);
  const py = placesY(at);
  const bottom = at.top + at.height;
  // Lines of one pixel lie on pixels, not between them.
  const sharp = (value: number) => Math.round(value) + (Math.round(ratio) % 2 ? 0.5 : 0);
  const line = (colour: string, x1: number, y1: number, x2: number, y2: number) => {
    on.strokeStyle = colour;
    on.lineWidth = Math.max(1, Math.round(ratio));
    on.beginPath();
    on.moveTo(x1, y1);
    on.lineTo(x2, y2);
    on.stroke();
  };
  on.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  on.fillStyle = token("--text-muted");
  const grid = token("--chart-grid");
  on.textAlign = "right";
  on.textBaseline = "middle";
  for (const { value, label } of layout.yTicks) {
    const y = sharp(py(value));
    if (y < at.top - 1 || y > bottom + 1) continue;
    line(grid, at.left, y, at.left + at.width, y);
    on.fillText(label, at.left - LABEL_GAP_PX * ratio, y);
  }
  line(token("--hairline-strong"), at.left, sharp(bottom), at.left + at.width, sharp(bottom));
  on.textAlign = "center";
  on.textBaseline = "top";
  const [from, to] = [at.left - 1, at.left + at.width + 1];
  for (const { value, label } of layout.xTicks) {
    const x = px(value);
    if (x >= from && x <= to) on.fillText(label, Math.min(x, at.left + at.width + RIGHT_PX * ratio - on.measureText(label).width / 2), bottom + LABEL_GAP_PX * ratio);
  }
}

/** Make one layer of a chart. */
export function layer(name: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.className = name;
  return canvas;
}

/** Clear a layer, and make it as large as it has to be. clip: to where the lines lie, if given. */
export function cleared(canvas: HTMLCanvasElement, width: number, height: number, ratio: number, clip: Projection | null): CanvasRenderingContext2D {
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const on = canvas.getContext("2d")!;
  on.clearRect(0, 0, across, down);
  on.save();
  if (clip) {
    on.beginPath();
    on.rect(clip.left, clip.top, clip.width, clip.height);
    on.clip();
  }
  on.lineJoin = "round";
  return on;
}
