/** A run's output as its terminal showed it: live at the end, older text above, searched as a whole, with its times. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { fileUrl } from "../../api/client";
import { formatBytes, formatCount } from "../../pure/format";
import { ConsoleView } from "../../state/console";
import { ConsoleSearch } from "../../state/consoleSearch";
import { ConsoleTimes } from "../../state/consoleTimes";
import { useKeys } from "../../state/keys";
import { consoleTimes } from "../../state/prefs";
import { param, setParams } from "../../state/route";
import { toastError } from "../../state/toasts";
import { Bone, CopyButton, Delayed, EmptyState, ErrorState } from "../basics";
import { Icon } from "../icons";
import { useVirtual } from "../virtual";
import { ConsoleLine, placesOf } from "./ConsoleLine";
import { SearchError, SearchField, wantedInUrl } from "./SearchField";
import { NOT_KEPT, TimeTools } from "./TimeTools";

const LINE = 18;
const PAD = 8;
/** So many lines before what is loaded ends, more of it is loaded. */
const NEAR = 30;

export function ConsolePane({ runId, running }: { runId: string; running: boolean }) {
  const view = useMemo(() => new ConsoleView(runId), [runId]);
  const times = useMemo(() => new ConsoleTimes(runId), [runId]);
  const search = useMemo(() => new ConsoleSearch(runId, (match) => void goTo(match.offset), wantedInUrl()), [runId]);
  // A link may lead to a moment.
  useEffect(() => {
    const time = Date.parse(param("t"));
    if (!Number.isNaN(time)) void times.placeOf(time).then((byte) => (byte === null ? undefined : goTo(byte)), toastError);
  }, [view]);
  useEffect(() => {
    const stops = [view.open(), search.open(), () => times.close()];
    return () => stops.forEach((stop) => stop());
  }, [view]);
  const scroller = useRef<HTMLDivElement>(null);
  const searchBox = useRef<HTMLInputElement>(null);
  const timeBox = useRef<HTMLSpanElement>(null);
  const follow = useSignal(true);
  /** The byte that the line begins at which somebody went to. */
  const target = useSignal<number | null>(null);
  const version = view.version.value;
  const turns = view.turns.value;
  const places = view.places.value;
  const { terminal } = view;
  const count = terminal.length;
  const { first, last } = useVirtual(scroller, count, LINE, PAD, 20);
  view.following = follow.value;

  useEffect(() => search.grown(view.size.value), [view.size.value]);
  useEffect(() => {
    if (!view.replaced.value) return;
    search.restart(0); // another output lies in the place of the one that was searched
    times.forget();
  }, [view.replaced.value]);

  // The line that somebody reads stays where it is when text comes or goes above it.
  const drawn = useRef({ first: 0, turns: -1, places });
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    if (drawn.current.places !== places) {
      if (target.value !== null) centre(terminal.lineAt(target.value));
    } else if (follow.value || drawn.current.turns !== turns) box.scrollTop = box.scrollHeight;
    else if (drawn.current.first !== terminal.first) box.scrollTop += (drawn.current.first - terminal.first) * LINE;
    box.dataset.top = String(box.scrollTop);
    drawn.current = { first: terminal.first, turns, places };
  }, [version, follow.value, count, turns, places]);

  const [firstByte, lastByte] = [terminal.startOf(terminal.first + first), terminal.startOf(terminal.first + last)];
  const [showTimes, timesKnown] = [consoleTimes.value, times.version.value];
  useEffect(() => {
    if (showTimes && view.loaded.value) void times.need(firstByte, lastByte);
  }, [showTimes, firstByte, lastByte, timesKnown, times.kept.value]);
  // Words are marked here; what an expression matches only the viewer says.
  void search.marked.value;
  useEffect(() => {
    if (search.wanted.value.regex) search.mark(firstByte, lastByte);
  }, [firstByte, lastByte, search.wanted.value, search.busy.value]);

  const setFollow = (on: boolean) => {
    follow.value = on;
    if (!on) return;
    setParams({ t: "" });
    void view.toEnd();
  };
  /** Bring a line into the middle. */
  const centre = (line: number) => {
    const box = scroller.current;
    if (!box) return;
    box.scrollTop = PAD + (line - view.terminal.first) * LINE - box.clientHeight / 2;
    box.dataset.top = String(box.scrollTop);
  };
  const goTo = async (byte: number) => {
    follow.value = false;
    target.value = byte;
    const line = await view.goTo(byte);
    if (line !== null && target.peek() === byte) centre(line);
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
    n: () => void search.step(1),
    N: () => void search.step(-1),
    T: () => (consoleTimes.value = !consoleTimes.value),
    c: () => timeBox.current?.querySelector<HTMLElement>("[aria-haspopup]")?.click(),
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

  const [from, end, size, attached] = [view.from.value, view.end.value, view.size.value, view.attached.value];
  const whole = from === 0 && attached;
  const { text: term, regex, matchCase } = search.wanted.value;
  const goneTo = target.value === null ? null : terminal.lineAt(target.value);
  const known = search.complete.value ? "" : "at least ";
  const hitsIn = (line: number) => {
    if (!regex) return placesOf(term, terminal.text(line), matchCase);
    const match = term ? search.matchAt(terminal.startOf(line)) : null;
    return match ? [[match.start, match.end] as const] : [];
  };
  return (
    <div class="console-pane">
      <div class="toolbar" role="toolbar" aria-label="Console">
        <SearchField search={search} inputRef={searchBox} />
        <span class="muted num console-size">
          {known}
          {formatCount(search.lines.value)} lines, {whole ? "" : `${attached ? "the last " : ""}${formatBytes(end - from)} of `}
          {formatBytes(size)}
          {whole ? "" : " loaded"}
        </span>
        <span class="spacer" />
        <TimeTools times={times} shown={consoleTimes} onGo={(byte, time) => {
            setParams({ t: new Date(time).toISOString() });
            void goTo(byte);
          }} boxRef={timeBox} />
        <button type="button" class="toggle" aria-pressed={follow.value && attached} onClick={() => setFollow(!follow.value || !attached)} title="Keep the newest line in sight (f)">
          Follow
        </button>
        <CopyButton text={() => view.everything} label="Copy what is loaded" />
        <a class="icon-button" href={fileUrl(runId, "console.log")} download={`${runId}-console.log`} aria-label="Download the whole console" title="Download the whole console">
          <Icon name="download" size={14} />
        </a>
      </div>
      <SearchError search={search} />
      {showTimes && times.kept.value === false && count > 0 && <p class="console-note muted">{NOT_KEPT}</p>}
      {showTimes && times.error.value && <p class="console-note warn-text">{times.error.value.detail}</p>}
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
              <ConsoleLine
                key={line}
                spans={terminal.line(line)}
                hits={hitsIn(line)}
                top={PAD + (line - terminal.first) * LINE}
                current={line === goneTo}
                time={showTimes ? times.at(terminal.startOf(line)) : undefined}
              />
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
