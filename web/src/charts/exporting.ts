/** A chart as a file: a picture of points (PNG) or of shapes (SVG), and the numbers that it shows (CSV). */

import type { ShownLine } from "./model";
import { projectionOf } from "./frame";
import { bandAlpha, paintLine, placesX, placesY, type Canvas, type Projection } from "./paint";
import type { Plot } from "./plot";
import { SvgCanvas, escapeText } from "./svg";
import { token } from "../state/theme";

const SCALE = 2;
const TITLE_PX = 28;
const LEGEND_ROW_PX = 18;
const LEGEND_COLUMN_PX = 260;
const MOST_IN_LEGEND = 60;
const AXIS_GAP_PX = 6;

interface Figure {
  title: string;
  plot: Plot;
  lines: readonly ShownLine[];
  smoothed: boolean;
  severalMetrics: boolean;
}

const nameOf = (line: ShownLine, severalMetrics: boolean): string =>
  [line.apart?.before, line.name, line.apart?.after, severalMetrics ? `· ${line.metric}` : ""].filter(Boolean).join(" ");

/** Return the chart as an SVG document, with its title, axes and legend, in the colours of the page. */
export function toSvg({ title, plot, lines, smoothed, severalMetrics }: Figure): string {
  const { lines: ready, layout, width, height: plotHeight, logX, logY, colours } = plot.shown;
  const told = lines.length > 1 ? lines.slice(0, MOST_IN_LEGEND) : [];
  const columns = Math.max(1, Math.floor(width / LEGEND_COLUMN_PX));
  const legendRows = Math.ceil(told.length / columns);
  const height = TITLE_PX + plotHeight + legendRows * LEGEND_ROW_PX + (legendRows ? 8 : 0);
  const at: Projection = projectionOf({ ...layout, top: layout.top + TITLE_PX }, logX, logY, 1);
  const [px, py] = [placesX(at), placesY(at)];
  const font = getComputedStyle(document.body).fontFamily.replaceAll('"', "'");
  const text = token("--text");
  const muted = token("--text-muted");
  const parts: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeText(font)}" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="${token("--surface")}"/>`,
    `<text x="8" y="18" font-size="13" font-weight="600" fill="${text}">${escapeText(title)}</text>`,
  ];
  for (const { value, label } of layout.yTicks) {
    const y = py(value);
    if (y < at.top - 1 || y > at.top + at.height + 1) continue;
    parts.push(`<line x1="${at.left}" x2="${at.left + at.width}" y1="${y}" y2="${y}" stroke="${token("--chart-grid")}"/>`);
    parts.push(`<text x="${at.left - AXIS_GAP_PX}" y="${y + 4}" text-anchor="end" fill="${muted}">${escapeText(label)}</text>`);
  }
  parts.push(`<line x1="${at.left}" x2="${at.left + at.width}" y1="${at.top + at.height}" y2="${at.top + at.height}" stroke="${token("--hairline-strong")}"/>`);
  for (const { value, label } of layout.xTicks) {
    const x = px(value);
    if (x >= at.left - 1 && x <= at.left + at.width + 1)
      parts.push(`<text x="${x}" y="${at.top + at.height + 15}" text-anchor="middle" fill="${muted}">${escapeText(label)}</text>`);
  }
  parts.push(`<clipPath id="plot"><rect x="${at.left}" y="${at.top}" width="${at.width}" height="${at.height}"/></clipPath><g clip-path="url(#plot)" stroke-linejoin="round">`);
  const canvas = new SvgCanvas();
  for (const line of ready) paintLine(canvas as unknown as Canvas, line, at, { colour: colours[line.colour] ?? "#888888", raw: smoothed, strong: false, bandAlpha: bandAlpha(ready.length) });
  parts.push(canvas.shapes.join(""), "</g>");
  told.forEach((line, index) => {
    const x = 8 + (index % columns) * LEGEND_COLUMN_PX;
    const y = TITLE_PX + plotHeight + Math.floor(index / columns) * LEGEND_ROW_PX + 14;
    parts.push(`<line x1="${x}" x2="${x + 16}" y1="${y - 4}" y2="${y - 4}" stroke="${colours[line.style.colour] ?? "#888888"}" stroke-width="2.5"/>`);
    parts.push(`<text x="${x + 22}" y="${y}" fill="${text}">${escapeText(nameOf(line, severalMetrics))}</text>`);
  });
  parts.push("</svg>");
  return parts.join("\n");
}

/** Return the chart as a PNG, of twice as many points as it has pixels. */
export async function toPng(figure: Figure): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([toSvg(figure)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width * SCALE;
    canvas.height = image.height * SCALE;
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("no picture");
    return blob;
  } finally {
    URL.revokeObjectURL(url);
  }
}

const cell = (text: string): string => {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // or a table program would run it as a formula
  return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
};
const number = (value: number | null | undefined): string => (value === null || value === undefined ? "" : Number.isNaN(value) ? "NaN" : String(value));

/** Return what is drawn as a table: a row for each point or bucket. */
export function toCsv({ plot, lines }: Figure): string {
  const byId = new Map(lines.map((line) => [line.id, line]));
  const rows = ["run,name,metric,x,x_end,y,low,high,points"];
  for (const { id, line } of plot.shown.lines) {
    const known = byId.get(id);
    const head = [cell(known?.run ?? ""), cell(known?.name ?? id), cell(known?.metric ?? "")].join(",");
    for (let i = 0; i < line.x.length; i += 1)
      rows.push([head, number(line.x[i]), number((line.xEnd ?? line.x)[i]), number(line.y[i]), number(line.low?.[i]), number(line.high?.[i]), number(line.amount?.[i] ?? 1)].join(","));
  }
  return `${rows.join("\n")}\n`;
}

/** Let the browser save it under a name made of the chart's. */
export function save(content: Blob | string, title: string, ending: string): void {
  const blob = typeof content === "string" ? new Blob([content], { type: ending === "svg" ? "image/svg+xml" : "text/csv" }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = `${title.replaceAll(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 100) || "chart"}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
