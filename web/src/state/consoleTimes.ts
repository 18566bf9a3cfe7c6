/** When the lines of a run's output were written: known for the part that one looks at, asked for as one moves. */

import { signal, type Signal } from "@preact/signals";
import { getConsoleTimes } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { ConsoleTimes as Times } from "../api/types";

/** So much around what is in sight is asked for with it. */
const AROUND = 131_072;
const AGAIN_MS = 1000;

export class ConsoleTimes {
  /** Whether this run keeps them; null while nobody has asked. */
  readonly kept: Signal<boolean | null> = signal(null);
  readonly first: Signal<number | null> = signal(null);
  readonly last: Signal<number | null> = signal(null);
  readonly error: Signal<ApiError | null> = signal(null);
  /** Counts up when more is known. */
  readonly version = signal(0);
  private known: { from: number; to: number; offsets: number[]; times: number[] } = { from: 0, to: 0, offsets: [], times: [] };
  private busy = false;
  private askedAt = 0;
  private closed = false;

  constructor(private readonly run: string) {}

  close(): void {
    this.closed = true;
  }

  /** Forget all, as where another output has taken the place of this one. */
  forget(): void {
    this.known = { from: 0, to: 0, offsets: [], times: [] };
    this.kept.value = null;
  }

  /** Return when what begins at a byte was written, in ms; null where that is not known, or not yet. */
  at(byte: number): number | null {
    const { from, to, offsets, times } = this.known;
    if (byte < from || byte >= to) return null;
    let [low, high] = [-1, offsets.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (offsets[middle]! <= byte) low = middle;
      else high = middle - 1;
    }
    return low < 0 ? null : times[low]!;
  }

  /** Have the times of these bytes, as soon as they can be had. */
  async need(from: number, to: number): Promise<void> {
    if (this.busy || this.closed || this.kept.peek() === false || (from >= this.known.from && to <= this.known.to)) return;
    if (Date.now() - this.askedAt < AGAIN_MS && from >= this.known.from && from < this.known.to) {
      setTimeout(() => (this.version.value += 1), AGAIN_MS); // output that comes in is asked for once a second
      return;
    }
    this.busy = true;
    this.askedAt = Date.now();
    try {
      const begin = Math.max(0, from - AROUND);
      const answer = await getConsoleTimes(this.run, begin, to + AROUND);
      this.told(answer);
      // Of what is not written yet nothing is known.
      this.known = { from: begin, to: answer.to, offsets: answer.offsets, times: answer.times };
      this.error.value = null;
    } catch (error) {
      this.error.value = asApiError(error);
    } finally {
      this.busy = false;
      this.version.value += 1;
    }
  }

  /** Return the byte at which what was written at a time (ms) begins, or null where no time is known. */
  async placeOf(time: number): Promise<number | null> {
    const answer = await getConsoleTimes(this.run, 0, 0, time);
    this.told(answer);
    return answer.at;
  }

  /** Find out from when to when output was written. */
  async look(): Promise<void> {
    try {
      this.told(await getConsoleTimes(this.run, 0, 0));
      this.error.value = null;
    } catch (error) {
      this.error.value = asApiError(error);
    }
  }

  private told(answer: Times): void {
    this.kept.value = answer.kept;
    this.first.value = answer.first;
    this.last.value = answer.last;
  }
}
