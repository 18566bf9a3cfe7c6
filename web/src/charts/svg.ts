/** What is painted on a canvas, as shapes of an SVG image: only what paint.ts uses. Pure. */

export const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");

const short = (value: number): string => String(Math.round(value * 100) / 100);

export class SvgCanvas {
  strokeStyle = "#000";
  fillStyle = "#000";
  lineWidth = 1;
  globalAlpha = 1;
  readonly shapes: string[] = [];
  private path: string[] = [];
  private dash: number[] = [];

  beginPath(): void {
    this.path = [];
  }

  moveTo(x: number, y: number): void {
    this.path.push(`M${short(x)} ${short(y)}`);
  }

  lineTo(x: number, y: number): void {
    this.path.push(`L${short(x)} ${short(y)}`);
  }

  closePath(): void {
    this.path.push("Z");
  }

  /** A whole circle; paint.ts draws no other part of one. */
  arc(x: number, y: number, radius: number): void {
    this.path.push(`M${short(x - radius)} ${short(y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`);
  }

  setLineDash(dash: number[]): void {
    this.dash = dash;
  }

  stroke(): void {
    if (!this.path.length) return;
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    this.shapes.push(`<path d="${this.path.join("")}" fill="none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}" stroke-opacity="${this.globalAlpha}"${dash}/>`);
  }

  fill(): void {
    if (this.path.length) this.shapes.push(`<path d="${this.path.join("")}" fill="${this.fillStyle}" fill-opacity="${this.globalAlpha}"/>`);
  }
}
