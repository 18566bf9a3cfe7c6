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

type Css = Record<string, string | number>;

const LINE = 18;
const PAD = 8;

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
  const hitAt = useSignal(0);
  const version = view.version.value;
  const { terminal } = view;
  const count = terminal.length;
  const { first, last } = useVirtual(scroller, count, LINE, PAD, 20);

  const hits = useComputed(() => {
    void view.version.value;
    const term = search.value.toLowerCase();
    if (!term) return [];
    const found: number[] = [];
    for (let line = 0; line < view.terminal.length; line += 1) if (view.terminal.text(line).toLowerCase().includes(term)) found.push(line);
    return found;
  });

  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && follow.value) box.scrollTop = box.scrollHeight;
  }, [version, follow.value, count]);

  const goTo = (line: number | undefined) => {
    const box = scroller.current;
    if (line === undefined || !box) return;
    follow.value = false;
    box.scrollTop = PAD + line * LINE - box.clientHeight / 2;
  };
  const step = (by: number) => {
    const all = hits.value;
    if (!all.length) return;
    hitAt.value = (hitAt.value + by + all.length) % all.length;
    goTo(all[hitAt.value]);
  };
  const earlier = async () => {
    const box = scroller.current;
    const below = box ? box.scrollHeight - box.scrollTop : 0;
    await view.loadEarlier();
    requestAnimationFrame(() => {
      if (box) box.scrollTop = box.scrollHeight - below;
    });
  };
  useKeys({
    "/": () => searchBox.current?.focus(),
    f: () => (follow.value = !follow.value),
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
            placeholder="Search"
            spellcheck={false}
            value={term}
            onInput={(event) => {
              search.value = event.currentTarget.value;
              hitAt.value = 0;
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
              <span class="muted num">{hits.value.length ? `${hitAt.value + 1}/${formatCount(hits.value.length)}` : "none"}</span>
              <button type="button" class="icon-button" aria-label="Previous match" onClick={() => step(-1)}>
                <Icon name="arrowUp" size={13} />
              </button>
              <button type="button" class="icon-button" aria-label="Next match" onClick={() => step(1)}>
                <Icon name="arrowDown" size={13} />
              </button>
            </>
          )}
        </div>
        <span class="muted num">
          {formatCount(count)} lines, {formatBytes(view.size.value)}
        </span>
        <span class="spacer" />
        <button type="button" class="toggle" aria-pressed={follow.value} onClick={() => (follow.value = !follow.value)} title="Keep the newest line in sight (f)">
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
          onScroll={(event) => {
            const box = event.currentTarget;
            const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < LINE * 2;
            if (!atEnd && follow.value && box.scrollTop < lastTop(box)) follow.value = false;
            else if (atEnd && !follow.value && running) follow.value = true;
            box.dataset.top = String(box.scrollTop);
          }}
        >
          <div class="console-lines" style={{ height: `${count * LINE + PAD * 2}px` }}>
            {Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index).map((line) => (
              <div key={line} class={`console-line${term && hits.value[hitAt.value] === line ? " current" : ""}`} style={{ top: `${PAD + line * LINE}px` }}>
                {markSpans(terminal.line(line), term).map((span, index) => (
                  <span key={index} style={spanStyle(span.style)} class={span.hit ? "hit" : undefined}>
                    {span.text}
                  </span>
                ))}
              </div>
            ))}
          </div>
          {view.from.value > 0 && first < 30 && (
            <button type="button" class="button small console-earlier" disabled={view.loadingEarlier.value} onClick={() => void earlier()}>
              {view.loadingEarlier.value ? "Loading" : `Load earlier output (${formatBytes(view.from.value)} more)`}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

const lastTop = (box: HTMLElement): number => Number(box.dataset.top ?? 0);
