/** One line of a console: styled text that is never markup, the places in it that match, and when it was written. */

import { cubeColour, type Span, type Style } from "../../pure/ansi";
import { luminance } from "../../pure/colours";
import { formatClock, formatTime } from "../../pure/format";

type Css = Record<string, string | number>;
/** From one UTF-16 unit up to another. */
export type Hit = readonly [number, number];

function colour(value: Style["fg"], bold: boolean): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "string") return value;
  if (value < 16) return `var(--ansi-${bold && value < 8 ? value + 8 : value})`;
  return cubeColour(value);
}

function spanStyle(style: Style): Css | undefined {
  const fg = colour(style.fg, style.bold);
  const bg = colour(style.bg, false);
  const css: Css = {};
  const front = style.inverse ? (bg ?? "var(--surface)") : fg;
  const back = style.inverse ? (fg ?? "var(--text)") : bg;
  if (front) css.color = front;
  else if (back?.startsWith("#")) css.color = luminance(back) > 0.18 ? "#000000" : "#ffffff";
  if (back) css.background = back;
  if (style.bold) css.fontWeight = 600;
  if (style.dim) css.opacity = 0.65;
  if (style.italic) css.fontStyle = "italic";
  const lines = [style.underline ? "underline" : "", style.strike ? "line-through" : ""].filter(Boolean).join(" ");
  if (lines) css.textDecoration = lines;
  return css;
}

/** Return where a text occurs in another. */
export function placesOf(term: string, text: string, matchCase: boolean): Hit[] {
  if (!term) return [];
  const [whole, needle] = matchCase ? [text, term] : [text.toLowerCase(), term.toLowerCase()];
  const hits: [number, number][] = [];
  for (let at = whole.indexOf(needle); at >= 0; at = whole.indexOf(needle, at + needle.length)) hits.push([at, at + needle.length]);
  return hits;
}

/** Return the spans cut at these places, so that they can be marked. */
export function markSpans(spans: readonly Span[], hits: readonly Hit[]): { text: string; style: Style; hit: boolean }[] {
  if (!hits.length) return spans.map((span) => ({ ...span, hit: false }));
  const out: { text: string; style: Style; hit: boolean }[] = [];
  let offset = 0;
  for (const span of spans) {
    const end = offset + span.text.length;
    let from = offset;
    for (const [low, high] of hits) {
      if (high <= from || low >= end) continue;
      if (low > from) out.push({ text: span.text.slice(from - offset, low - offset), style: span.style, hit: false });
      out.push({ text: span.text.slice(Math.max(low, from) - offset, Math.min(high, end) - offset), style: span.style, hit: true });
      from = Math.min(high, end);
    }
    if (from < end) out.push({ text: span.text.slice(from - offset), style: span.style, hit: false });
    offset = end;
  }
  return out;
}

interface Props {
  spans: readonly Span[];
  hits: readonly Hit[];
  top: number;
  current: boolean;
  /** ms since 1970; null where it is not known, undefined where times are not shown. */
  time: number | null | undefined;
}

export const ConsoleLine = ({ spans, hits, top, current, time }: Props) => (
  <div class={`console-line${current ? " current" : ""}`} style={{ top: `${top}px` }}>
    {time !== undefined && (
      <span class="console-time num" title={time === null ? undefined : formatTime(time)}>
        {time === null ? "" : formatClock(time)}
      </span>
    )}
    {markSpans(spans, hits).map((span, index) => (
      <span key={index} style={spanStyle(span.style)} class={span.hit ? "hit" : undefined}>
        {span.text}
      </span>
    ))}
  </div>
);
