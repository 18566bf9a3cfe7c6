/** A run's printed output: its end first, more on demand, and live from there on. */

import { signal, type Signal } from "@preact/signals";
import { getConsole } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { LiveConsole } from "../api/types";
import { Terminal } from "../pure/ansi";
import { mergePiece } from "../pure/bytes";
import { link, stream } from "./link";

const PIECE = 262_144;
/** More text than this is not kept at once; the whole of it can still be downloaded. */
const MAX_KEPT = 16 * 1024 * 1024;

export class ConsoleView {
  terminal = new Terminal();
  readonly version: Signal<number> = signal(0);
  readonly error: Signal<ApiError | null> = signal(null);
  readonly loaded = signal(false);
  readonly loadingEarlier = signal(false);
  /** Bytes before the first one shown, and the size of the whole file. */
  readonly from = signal(0);
  readonly size = signal(0);
  private text = "";
  private end = 0;
  private waiting: LiveConsole[] = [];
  private busy = false;
  private stops: (() => void)[] = [];

  constructor(private readonly run: string) {}

  open(): () => void {
    this.stops = [
      stream.follow([this.run]),
      stream.on("console", (piece) => piece.run === this.run && this.onLive(piece)),
      link.subscribe((state) => {
        if (state.kind === "open" && this.loaded.peek()) void this.catchUp();
      }),
    ];
    void this.load();
    return () => this.stops.forEach((stop) => stop());
  }

  async load(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await stream.covers([this.run], 1500);
      const piece = await getConsole(this.run, -PIECE, PIECE);
      this.from.value = piece.from;
      this.end = piece.to;
      this.text = piece.text;
      this.rebuild();
      this.size.value = piece.size;
      this.error.value = null;
      this.loaded.value = true;
      this.flush();
    } catch (error) {
      this.error.value = asApiError(error);
    } finally {
      this.busy = false;
    }
    if (this.loaded.peek()) void this.catchUp();
  }

  /** Put the piece before the first line in front; return how many lines that made. */
  async loadEarlier(): Promise<number> {
    if (this.busy || this.from.value <= 0 || this.text.length > MAX_KEPT) return 0;
    this.busy = true;
    this.loadingEarlier.value = true;
    try {
      const from = Math.max(0, this.from.value - PIECE);
      const piece = await getConsole(this.run, from, this.from.value - from);
      if (piece.to !== this.from.value) return 0;
      const before = this.terminal.length;
      this.text = piece.text + this.text;
      this.from.value = piece.from;
      this.rebuild();
      return this.terminal.length - before;
    } catch {
      return 0; // asking again is one scroll away
    } finally {
      this.busy = false;
      this.loadingEarlier.value = false;
    }
  }

  get everything(): string {
    return Array.from({ length: this.terminal.length }, (_, index) => this.terminal.text(index)).join("\n");
  }

  private rebuild(): void {
    this.terminal = new Terminal();
    // The first line is most likely cut when there is more before it.
    const firstBreak = this.from.value > 0 ? this.text.indexOf("\n") + 1 : 0;
    this.terminal.write(this.text.slice(firstBreak));
    this.version.value += 1;
  }

  private onLive(piece: LiveConsole): void {
    this.waiting.push(piece);
    if (this.loaded.peek() && !this.busy) this.flush();
  }

  private flush(): void {
    const pieces = this.waiting;
    this.waiting = [];
    for (const piece of pieces) {
      const merge = mergePiece(this.end, piece);
      if (merge.kind === "append") this.append(merge.text, merge.to);
      else if (merge.kind === "gap") {
        this.waiting = [piece];
        void this.catchUp();
        return;
      }
    }
  }

  private append(text: string, to: number): void {
    this.text += text;
    this.end = to;
    this.size.value = Math.max(this.size.value, to);
    this.terminal.write(text);
    this.version.value += 1;
  }

  /** Fetch what lies between the last byte known and the end of the file. */
  private async catchUp(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      for (;;) {
        const piece = await getConsole(this.run, this.end, PIECE);
        const merge = mergePiece(this.end, piece);
        if (merge.kind !== "append") break;
        this.append(merge.text, merge.to);
        if (piece.to >= piece.size) break;
      }
    } catch {
      // the next piece, or the next opening of the stream, tries again
    } finally {
      this.busy = false;
    }
    this.waiting = this.waiting.filter((piece) => piece.to > this.end);
    if (this.waiting.length && this.waiting[0]!.from <= this.end) this.flush();
  }
}
