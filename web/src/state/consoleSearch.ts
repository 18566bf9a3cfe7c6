/**
 * What is looked for in the whole of a run's output, which stays with the viewer: how many lines match and which is the
 * n-th. Matches are asked for by pages, in order; those far from where one is are let go and asked for again.
 */

import { batch, computed, signal, type Signal } from "@preact/signals";
import { searchConsole, type ConsoleSearch as Wanted } from "../api/client";
import { asApiError, isAbort, type ApiError } from "../api/error";
import type { ConsoleMatch, ConsolePlace } from "../api/types";

const PAGE = 1000;
const KEPT_PAGES = 40;
/** What is typed is looked for this much later, and what is printed meanwhile counted this often. */
const TYPED_MS = 150;
const GROWN_MS = 1000;

export const NOTHING: Wanted = { text: "", regex: false, matchCase: false };
const START: ConsolePlace = { from: 0, line: 0 };

interface Page {
  begin: ConsolePlace;
  next: ConsolePlace;
  first: number;
  count: number;
  matches: ConsoleMatch[] | null;
}

export class ConsoleSearch {
  readonly wanted: Signal<Wanted>;
  readonly error: Signal<ApiError | null> = signal(null);
  /** Lines that match and lines there are, as far as they are counted. */
  readonly total = signal(0);
  readonly lines = signal(0);
  readonly complete = signal(false);
  /** Whether it is being counted for what is wanted, or that begins in a moment. */
  readonly busy = signal(true);
  /** Which match one is at, from 0, and where that is. */
  readonly index: Signal<number | null> = signal(null);
  readonly current: Signal<ConsoleMatch | null> = signal(null);
  private readonly ended = signal(0);
  readonly found = computed(() => this.total.value + this.ended.value);
  /** Counts up when matches are known that only marks are made of. */
  readonly marked = signal(0);
  private pages: Page[] = [];
  /** The matches of a part that somebody has scrolled to, which is not among the pages. */
  private around: Pick<Page, "begin" | "next" | "matches"> | null = null;
  private markTimer: ReturnType<typeof setTimeout> | undefined;
  private counted = START;
  private abort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private size = 0;

  constructor(
    private readonly run: string,
    /** Called with each match that is gone to. */
    private readonly onGo: (match: ConsoleMatch) => void,
    wanted: Wanted = NOTHING,
  ) {
    this.wanted = signal(wanted);
  }

  open(): () => void {
    this.restart(0);
    return () => {
      this.abort.abort();
      clearTimeout(this.timer);
      clearTimeout(this.markTimer);
    };
  }

  /** Look for something else, and go to its first match. */
  set(change: Partial<Wanted>): void {
    this.wanted.value = { ...this.wanted.peek(), ...change };
    this.restart(TYPED_MS);
  }

  /** Begin anew, as where another output has taken the place of this one. */
  restart(delayMs: number): void {
    this.abort.abort();
    this.abort = new AbortController();
    clearTimeout(this.timer);
    this.pages = [];
    this.around = null;
    this.counted = START;
    batch(() => {
      this.total.value = this.ended.value = 0;
      this.index.value = this.current.value = this.error.value = null;
      this.complete.value = false;
      this.busy.value = true;
    });
    this.timer = setTimeout(() => void this.count(), delayMs);
  }

  /** The output is this long now. */
  grown(size: number): void {
    if (size < this.size) this.restart(0);
    this.size = size;
    if (this.busy.peek() || this.error.peek() || size <= this.counted.from) return;
    this.busy.value = true;
    this.timer = setTimeout(() => void this.count(), GROWN_MS);
  }

  /** Go to the next match or the one before; from the last on to the first, and the other way round. */
  step(by: 1 | -1): Promise<void> {
    const found = this.found.peek();
    const index = this.index.peek();
    if (!found) return Promise.resolve();
    return this.go(index === null ? (by > 0 ? 0 : found - 1) : (index + by + found) % found);
  }

  /** Return where in a line the match is that is known to begin at this byte. */
  matchAt(offset: number): ConsoleMatch | null {
    for (const { begin, next, matches } of this.around ? [...this.pages, this.around] : this.pages) {
      if (!matches || offset < begin.from || offset >= next.from) continue;
      let [low, high] = [0, matches.length - 1];
      while (low <= high) {
        const middle = (low + high) >> 1;
        const match = matches[middle]!;
        if (match.offset === offset) return match;
        if (match.offset < offset) low = middle + 1;
        else high = middle - 1;
      }
    }
    return null;
  }

  /** Have the matches between two bytes, where a line begins at each, so that they can be marked. */
  mark(from: number, to: number): void {
    const isKnown = (part: Pick<Page, "begin" | "next" | "matches">) => part.matches && part.begin.from <= from && part.next.from >= to;
    clearTimeout(this.markTimer);
    if (!this.wanted.peek().text || this.error.peek() || from >= to || this.pages.some(isKnown) || (this.around && isKnown(this.around))) return;
    const { signal } = this.abort;
    this.markTimer = setTimeout(() => {
      const begin = { from, line: 0 };
      searchConsole(this.run, this.wanted.peek(), begin, PAGE, false, signal).then(
        ({ matches, next, counted }) => {
          if (signal.aborted) return;
          this.around = { begin, next: next ?? counted, matches };
          this.marked.value += 1;
        },
        () => {}, // what is wrong is told where it is counted
      );
    }, TYPED_MS);
  }

  private async go(index: number): Promise<void> {
    const { signal } = this.abort;
    try {
      this.index.value = index;
      const match = await this.match(index, signal);
      if (!match || signal.aborted || this.index.peek() !== index) return;
      this.current.value = match;
      this.onGo(match);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.error.value = asApiError(error);
    }
  }

  /** Count what is not counted yet; the first answer brings the first matches along. */
  private async count(): Promise<void> {
    const { signal } = this.abort;
    const wanted = this.wanted.peek();
    try {
      for (;;) {
        const isFirst = this.pages.length === 0 && wanted.text !== "" && this.counted === START;
        const found = await searchConsole(this.run, wanted, this.counted, isFirst ? PAGE : 0, true, signal);
        if (signal.aborted) return;
        if (isFirst) this.take(START, found.matches, found.next ?? found.counted);
        this.counted = found.counted;
        batch(() => {
          this.total.value += found.total;
          this.ended.value = found.unfinished ? 1 : 0;
          this.lines.value = found.lines;
          this.complete.value = found.complete;
          this.error.value = null;
        });
        if (isFirst && this.found.peek()) void this.go(0);
        if (found.complete) break;
      }
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.error.value = asApiError(error);
    }
    if (signal.aborted) return;
    this.busy.value = false;
    if (this.index.peek() === null && this.found.peek() && !this.error.peek()) void this.go(0);
  }

  private async match(index: number, signal: AbortSignal): Promise<ConsoleMatch | null> {
    // The line that has no end yet is not on any page, since it may still grow.
    if (index >= this.total.peek()) return { offset: this.counted.from, line: this.counted.line, start: 0, end: 0 };
    for (;;) {
      const last = this.pages[this.pages.length - 1];
      if (last && index < last.first + last.count) break;
      const begin = last?.next ?? START;
      const found = await searchConsole(this.run, this.wanted.peek(), begin, PAGE, false, signal);
      if (signal.aborted) return null;
      const next = found.next ?? found.counted;
      if (next.from <= begin.from) return null;
      this.take(begin, found.matches, next);
    }
    const page = this.pages.find((one) => index < one.first + one.count)!;
    if (!page.matches) {
      page.matches = (await searchConsole(this.run, this.wanted.peek(), page.begin, page.count, false, signal)).matches;
      this.letGo(page);
    }
    return page.matches[index - page.first] ?? null;
  }

  private take(begin: ConsolePlace, matches: ConsoleMatch[], next: ConsolePlace): void {
    const last = this.pages[this.pages.length - 1];
    const whole = matches.filter((one) => one.offset < next.from);
    // What was printed since the last page ended is put on it, or there would be a page for each line.
    if (last?.matches && last.next.from === begin.from && last.count + whole.length <= PAGE) {
      last.matches.push(...whole);
      last.count += whole.length;
      last.next = next;
      return;
    }
    const page = { begin, next, first: last ? last.first + last.count : 0, count: whole.length, matches: whole };
    this.pages.push(page);
    this.letGo(page);
  }

  private letGo(besides: Page): void {
    const here = this.pages.filter((one) => one.matches && one !== besides);
    if (here.length >= KEPT_PAGES) here.sort((a, b) => Math.abs(b.first - besides.first) - Math.abs(a.first - besides.first))[0]!.matches = null;
  }
}
