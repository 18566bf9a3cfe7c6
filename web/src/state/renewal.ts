/** What is asked of the list of runs, asked anew whenever its answer may be another one: one question at a time. */

import { effect, signal } from "@preact/signals";
import { asApiError, isAbort, type ApiError } from "../api/error";
import type { LiveSources, RunSource } from "../api/types";
import { lost, returns, stream } from "./link";

/** At most this often the list is asked for anew because runs came, went or may have moved. */
export const REFRESH_EVERY_MS = 2000;
/** While a big storage root is read for the first time, asking also makes it go on. */
const INDEXING_EVERY_MS = 1000;

/** How far the first reading of a big storage root has come; null when all of it is known. */
export const indexing = signal<{ done: number; total: number } | null>(null);
export const listError = signal<ApiError | null>(null);
/** Whether a first answer has come; and whether one for another query is on its way. */
export const listLoaded = signal(false);
export const listBusy = signal(false);

type Standing = LiveSources["sources"][number];
const words = (those: readonly Standing[]): string =>
  those
    .map((one) => `${one.id} ${one.state}`)
    .sort()
    .join("\n");

/**
 * Call `reload` from now on whenever all that was told may be different: the viewer is back, or hosts stand otherwise
 * than they did in the latest answer.
 */
export function onAnotherList(renewal: Renewal, reload: () => void): void {
  let streamed: readonly Standing[] = [];
  const check = () => words(streamed) !== words(renewal.sources) && reload();
  stream.on("sources", ({ sources }) => {
    streamed = sources;
    renewal.afterwards(check);
  });
  let seen = returns.peek() + lost.peek();
  effect(() => {
    if (returns.value + lost.value === seen) return;
    seen = returns.value + lost.value;
    reload();
  });
}

/** Who is told how it goes. */
interface Told {
  busy: (is: boolean) => void;
  failed: (error: ApiError) => void;
}
const LIST: Told = { busy: (is) => (listBusy.value = is), failed: (error) => (listError.value = error) };
export const NOBODY: Told = { busy: () => {}, failed: () => {} };

/** Asks for a list, in groups or not; a newer question takes the place of an older one. refresh: asks once more. */
export class Renewal {
  private request: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private askedAt = 0;
  private readonly next = new Set<() => void>();
  /** As they stood in the latest answer. */
  sources: readonly RunSource[] = [];

  constructor(
    private readonly refresh: () => void,
    private readonly told: Told = LIST,
  ) {}

  /** Ask now. quietly: whoever looks is not told that it is under way, nor that it failed for want of a viewer. */
  async load<T extends { sources?: readonly RunSource[] }>(quietly: boolean, ask: (signal: AbortSignal) => Promise<T>, take: (answer: T) => void): Promise<void> {
    this.stop();
    const mine = new AbortController();
    this.request = mine;
    if (!quietly) this.told.busy(true);
    this.askedAt = Date.now();
    try {
      const answer = await ask(mine.signal);
      if (this.request !== mine) return;
      this.sources = answer.sources ?? [];
      take(answer);
    } catch (error) {
      if (isAbort(error) || this.request !== mine) return;
      const known = asApiError(error);
      // A quiet refresh that fails changes nothing; the frame already tells that the link is down.
      if (!quietly || !known.unreachable) this.told.failed(known);
    } finally {
      if (this.request === mine) {
        this.request = null;
        this.told.busy(false);
        const next = [...this.next];
        this.next.clear();
        for (const each of next) each();
        if (indexing.peek()) this.soon();
      }
    }
  }

  /** Refresh as soon as that may be, unless somebody asks anyway. */
  soon(): void {
    if (this.timer !== undefined || this.request) return;
    const wait = Math.max(0, (indexing.peek() ? INDEXING_EVERY_MS : REFRESH_EVERY_MS) - (Date.now() - this.askedAt));
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.refresh();
    }, wait);
  }

  /** Call this once the question that is under way is answered, unless there is a newer one until then. */
  afterwards(next: () => void): void {
    if (this.request) this.next.add(next);
    else next();
  }

  stop(): void {
    this.next.clear();
    this.request?.abort();
    this.request = null;
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
