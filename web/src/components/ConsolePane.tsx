/** A run's output as its terminal showed it: live at the end, older text above, searchable. Escape codes become styled text, never markup. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { fileUrl } from "../api/client";
import { cubeColour, type Span, type Style } from "../pure/ansi";
import { luminance } from "../pure/colours";
import { formatBytes, formatCount } from "../pure/format";
import { ConsoleView } from "../state/console";
import { useKeys } from "../state/keys";
import { Bone, CopyButton, Delayed, EmptyState, ErrorState } from "./basics";
import { Icon } from "./icons";
import { useVirtual } from "./virtual";
import "./ConsolePane.css";

type Css = Record<string, string | number>;

const LINE = 18;
const PAD = 8;
/** So many lines before what is loaded ends, more of it is loaded. */
const NEAR = 30;

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

/** Return the spans cut where `term` occurs, so that those places can be marked. */
export function markSpans(spans: readonly Span[], term: string): { text: string; style: Style; hit: boolean }[] {
  if (!term) return spans.map((span) => ({ ...span, hit: false }));
  const whole = spans.map((span) => span.text).join("").toLowerCase();
  const needle = term.toLowerCase();
  const hits: [number, number][] = [];
  for (let at = whole.indexOf(needle); at >= 0; at = whole.indexOf(needle, at + needle.length)) hits.push([at, at + needle.length]);
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

export function ConsolePane({ runId, running }: { runId: string; running: boolean }) {
  const view = useMemo(() => new ConsoleView(runId), [runId]);
  useEffect(() => view.open(), [view]);
  const scroller = useRef<HTMLDivElement>(null);
  const searchBox = useRef<HTMLInputElement>(null);
  const follow = useSignal(true);
  const search = useSignal("");
  /** The number of the line that the search is at. */
  const hit = useSignal<number | null>(null);
  const version = view.version.value;
  const turns = view.turns.value;
  const { terminal } = view;
  const count = terminal.length;
  const { first, last } = useVirtual(scroller, count, LINE, PAD, 20);
  view.following = follow.value;

  const hits = useComputed(() => {
    void view.version.value;
    const term = search.value.toLowerCase();
    const found: number[] = [];
    if (!term) return found;
    const { terminal: lines } = view;
    for (let line = lines.first; line < lines.first + lines.length; line += 1) if (lines.text(line).toLowerCase().includes(term)) found.push(line);
    return found;
  });

  // The line that somebody reads stays where it is when text comes or goes above it.
  const drawn = useRef({ first: 0, turns: -1 });
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    if (follow.value || drawn.current.turns !== turns) box.scrollTop = box.scrollHeight;
    else if (drawn.current.first !== terminal.first) box.scrollTop += (drawn.current.first - terminal.first) * LINE;
    box.dataset.top = String(box.scrollTop);
    drawn.current = { first: terminal.first, turns };
  }, [version, follow.value, count, turns]);

  const setFollow = (on: boolean) => {
    follow.value = on;
    if (on) void view.toEnd();
  };
  const goTo = (line: number | undefined) => {
    const box = scroller.current;
    hit.value = line ?? null;
    if (line === undefined || !box) return;
    follow.value = false;
    box.scrollTop = PAD + (line - view.terminal.first) * LINE - box.clientHeight / 2;
  };
  const step = (by: number) => {
    const all = hits.value;
    if (all.length) goTo(all[(all.indexOf(hit.value ?? -1) + by + all.length) % all.length]);
  };
  const onScroll = (box: HTMLElement) => {
    const by = box.scrollTop - lastTop(box);
    box.dataset.top = String(box.scrollTop);
    const left = box.scrollHeight - box.scrollTop - box.clientHeight;
    const { attached, from } = view;
    if (left < LINE * 2 && attached.value) {
      if (!follow.value && running && by > 0) follow.value = true;
    } else if (by < 0) follow.value = false;
    if (by < 0 && from.value > 0 && box.scrollTop < LINE * NEAR) void view.loadEarlier();
    else if (by > 0 && !attached.value && left < LINE * NEAR) void view.loadLater();
  };
  useKeys({
    "/": () => searchBox.current?.focus(),
    f: () => setFollow(!follow.value),
  });

  if (view.error.value && !view.loaded.value) return <ErrorState error={view.error.value} onRetry={() => void view.load()} />;
  if (!view.loaded.value)
    return (
      <Delayed>
        <div class="console-bones" aria-hidden="true">
          {Array.from({ length: 12 }, (_, index) => (
            <Bone key={index} width={`${30 + ((index * 29) % 55)}%`} />
          ))}
        </div>
      </Delayed>
    );

  const term = search.value;
  const [from, end, size, attached] = [view.from.value, view.end.value, view.size.value, view.attached.value];
  const whole = from === 0 && attached;
  return (
    <div class="console-pane">
      <div class="toolbar" role="toolbar" aria-label="Console">
        <div class="input-wrap console-search">
          <Icon name="search" size={14} />
          <input
            ref={searchBox}
            class="input bare"
            type="text"
            aria-label="Search the console"
            placeholder={whole ? "Search" : "Search in what is loaded"}
            spellcheck={false}
            value={term}
            onInput={(event) => {
              search.value = event.currentTarget.value;
              goTo(hits.value[0]);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
              else if (event.key === "Escape") {
                search.value = "";
                event.currentTarget.blur();
                event.stopPropagation();
              }
            }}
          />
          {term && (
            <>
              <span class="muted num">{hits.value.length ? `${formatCount(hits.value.indexOf(hit.value ?? -1) + 1)}/${formatCount(hits.value.length)}` : "none"}</span>
              <button type="button" class="icon-button" aria-label="Previous match" onClick={() => step(-1)}>
                <Icon name="arrowUp" size={13} />
              </button>
              <button type="button" class="icon-button" aria-label="Next match" onClick={() => step(1)}>
                <Icon name="arrowDown" size={13} />
              </button>
            </>
          )}
        </div>
        <span class="muted num console-size">
          {formatCount(count)} lines, {whole ? "" : `${attached ? "the last " : ""}${formatBytes(end - from)} of `}
          {formatBytes(size)}
        </span>
        <span class="spacer" />
        <button type="button" class="toggle" aria-pressed={follow.value && attached} onClick={() => setFollow(!follow.value || !attached)} title="Keep the newest line in sight (f)">
          Follow
        </button>
        <CopyButton text={() => view.everything} label="Copy what is loaded" />
        <a class="icon-button" href={fileUrl(runId, "console.log")} download={`${runId}-console.log`} aria-label="Download the whole console" title="Download the whole console">
          <Icon name="download" size={14} />
        </a>
      </div>
      {count === 0 ? (
        <EmptyState title="Nothing printed yet">
          <p>{running ? "What the program prints appears here as it happens." : "This run ended without printing anything."}</p>
        </EmptyState>
      ) : (
        <div
          ref={scroller}
          class="console-scroll"
          role="log"
          aria-label="Console output"
          aria-live="off"
          tabIndex={0}
          onScroll={(event) => onScroll(event.currentTarget)}
        >
          <div class="console-lines" style={{ height: `${count * LINE + PAD * 2}px` }}>
            {Array.from({ length: Math.max(0, last - first) }, (_, index) => terminal.first + first + index).map((line) => (
              <div key={line} class={`console-line${term && hit.value === line ? " current" : ""}`} style={{ top: `${PAD + (line - terminal.first) * LINE}px` }}>
                {markSpans(terminal.line(line), term).map((span, index) => (
                  <span key={index} style={spanStyle(span.style)} class={span.hit ? "hit" : undefined}>
                    {span.text}
                  </span>
                ))}
              </div>
            ))}
          </div>
          {from > 0 && first < NEAR && (
            <button type="button" class="button small console-earlier" disabled={view.loading.value !== null} onClick={() => void view.loadEarlier()}>
              {view.loading.value === "earlier" ? "Loading" : `Load earlier output (${formatBytes(from)} more)`}
            </button>
          )}
        </div>
      )}
      <div class="console-later" role="status" hidden={attached}>
        {!attached && (
          <>
            <span>Newer output is not loaded here.</span>
            <span class="num muted" aria-hidden="true">
              {formatBytes(size - end)}
            </span>
            <span class="spacer" />
            {last >= count && (
              <button type="button" class="button small" disabled={view.loading.value !== null} onClick={() => void view.loadLater()}>
                Load on
              </button>
            )}
            <button type="button" class="button small" onClick={() => setFollow(true)}>
              Go to the end
            </button>
          </>
        )}
      </div>
    </div>
  );
}

const lastTop = (box: HTMLElement): number => Number(box.dataset.top ?? 0);
