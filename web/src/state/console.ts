/**
 * A run's printed output: a part of it that moves. It begins at the end, grows with what is printed, and goes where the
 * person goes: to earlier text, to later text, back to the end. What it does not hold stays with the viewer.
 */

import { signal, type Signal } from "@preact/signals";
import { getConsole } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { LiveConsole } from "../api/types";
import { TextWindow } from "../pure/textWindow";
import { link, stream } from "./link";

const PIECE = 262_144;
/** What is kept of the text, in bytes and in lines; in memory a byte takes two to four. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_LINES = 100_000;
/** Who reads is not disturbed: what they have before them stays until so much has come behind it. */
const MAX_BYTES_READING = 2 * MAX_BYTES;
/** Who follows the end and is further behind than this goes there at once, and leaves out what lies between. */
const JUMP_BYTES = 1024 * 1024;

/** So much before a place is loaded with it, that one can look around there. */
const BEFORE = PIECE / 2;

type Way = "earlier" | "later" | "end" | "place";

export class ConsoleView {
  readonly version: Signal<number> = signal(0);
  readonly error: Signal<ApiError | null> = signal(null);
  readonly loaded = signal(false);
  readonly loading: Signal<Way | null> = signal(null);
  /** Bytes of the whole, and of the part that is here. */
  readonly size = signal(0);
  readonly from = signal(0);
  readonly end = signal(0);
  /** Whether what is printed goes on at the end of what is here; if not, later text is loaded on demand. */
  readonly attached = signal(true);
  /** Counts up when other text has come into the place of all that was here. */
  readonly turns = signal(0);
  /** Counts up when another output lies in the place of this one. */
  readonly replaced = signal(0);
  /** Counts up when another place has been gone to. */
  readonly places = signal(0);
  /** Whether the person wants to see the newest line. */
  following = true;
  private text = new TextWindow({ from: 0, to: 0, text: "" }, MAX_BYTES, MAX_LINES);
  private busy = false;
  /** Whom to call once nothing is being done any more. */
  private waiting: (() => void)[] = [];
  private closed = false;
  private stops: (() => void)[] = [];

  constructor(private readonly run: string) {}

  get terminal() {
    return this.text.terminal;
  }

  open(): () => void {
    this.stops = [
      stream.follow([this.run]),
      stream.on("console", (piece) => piece.run === this.run && this.onLive(piece)),
      stream.on("replaced", (piece) => piece.run === this.run && piece.file === "console.log" && void this.startOver()),
      link.subscribe((state) => {
        if (state.kind === "open" && this.loaded.peek()) void this.catchUp();
      }),
    ];
    void this.load();
    return () => {
      this.closed = true;
      this.stops.forEach((stop) => stop());
    };
  }

  async load(): Promise<void> {
    await stream.covers([this.run], 1500);
    // Somebody may have gone to a place meanwhile, as by a link.
    if (!this.loaded.peek()) await this.fetch("end", async () => this.take(await getConsole(this.run, -PIECE, PIECE)));
    if (this.loaded.peek()) void this.catchUp();
  }

  /** Show the end of another output that lies in the place of this one. */
  private startOver(): Promise<void> {
    this.size.value = 0;
    this.replaced.value += 1;
    return this.fetch("end", async () => this.take(await getConsole(this.run, -PIECE, PIECE)));
  }

  /** Put the piece before the first line in front. */
  loadEarlier(): Promise<void> {
    return this.fetch("earlier", async () => {
      const { from } = this.text;
      if (from <= 0) return;
      const start = Math.max(0, from - PIECE);
      const piece = await getConsole(this.run, start, from - start);
      if (piece.to !== from) return;
      const { end } = this.text;
      this.text.prepend(piece);
      if (this.text.end < end) this.attached.value = false;
      this.grown(piece.size);
    });
  }

  /** Go on where the text that is here ends. */
  loadLater(): Promise<void> {
    return this.fetch("later", async () => {
      const piece = await getConsole(this.run, this.text.end, PIECE);
      this.text.append(piece);
      this.text.trim();
      this.grown(piece.size);
    });
  }

  /** Show the end of the output, wherever the text that is here lies. */
  async toEnd(): Promise<void> {
    this.following = true;
    if (this.attached.peek()) return;
    await this.fetch("end", async () => this.take(await getConsole(this.run, -PIECE, PIECE)));
  }

  /** Have the line that begins at a byte here, wherever that is; return its number, or null where it cannot be had. */
  async goTo(byte: number): Promise<number | null> {
    this.following = false;
    const isHere = () => byte >= this.terminal.startOf(this.terminal.first) && byte < this.text.end;
    for (let tries = 0; !isHere() && tries < 3 && !this.closed; tries += 1) {
      while (this.busy) await new Promise<void>((done) => this.waiting.push(done));
      await this.fetch("place", async () => {
        const start = Math.max(0, byte - BEFORE);
        const before = start < byte ? await getConsole(this.run, start, byte - start) : null;
        const piece = await getConsole(this.run, byte, PIECE);
        this.text = new TextWindow(before ?? piece, MAX_BYTES, MAX_LINES);
        if (before) this.text.append(piece);
        if (piece.to < piece.size && piece.size - piece.to <= PIECE) this.text.append(await getConsole(this.run, piece.to, PIECE));
        this.places.value += 1;
        this.attached.value = false;
        this.loaded.value = true;
        this.grown(piece.size);
      });
    }
    return isHere() ? this.terminal.lineAt(byte) : null;
  }

  get everything(): string {
    const { first, length } = this.terminal;
    return Array.from({ length }, (_, index) => this.terminal.text(first + index)).join("\n");
  }

  /** Do one thing at a time; what was printed meanwhile is asked for afterwards. */
  private async fetch(way: Way, work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.loading.value = way;
    try {
      await work();
      this.error.value = null;
    } catch (error) {
      this.error.value = asApiError(error); // asking again is one scroll away
    } finally {
      this.loading.value = null;
      this.release();
    }
    if (this.loaded.peek() && this.attached.peek() && this.text.end < this.size.peek()) void this.catchUp();
  }

  private release(): void {
    this.busy = false;
    for (const done of this.waiting.splice(0)) done();
  }

  /** Begin anew with this piece of the end. */
  private take(piece: LivePiece): void {
    this.text = new TextWindow(piece, MAX_BYTES, MAX_LINES);
    this.turns.value += 1;
    this.loaded.value = true;
    this.attached.value = true;
    this.grown(piece.size);
  }

  private grown(size: number): void {
    this.size.value = Math.max(this.size.value, size, this.text.end);
    this.from.value = this.text.from;
    this.end.value = this.text.end;
    if (this.text.end >= this.size.value) this.attached.value = true;
    this.version.value += 1;
  }

  private onLive(piece: LiveConsole): void {
    this.size.value = Math.max(this.size.value, piece.to);
    if (!this.loaded.peek() || this.busy || !this.attached.peek()) return;
    if (this.hasNoRoom()) this.attached.value = false;
    else if (this.append(piece)) this.grown(piece.to);
    else void this.catchUp();
  }

  /** Whether the person reads, and more text would have to take the place of what they read. */
  private hasNoRoom(): boolean {
    return !this.following && (this.text.bytes > MAX_BYTES_READING || this.terminal.length > 2 * MAX_LINES);
  }

  private append(piece: LiveConsole | LivePiece): boolean {
    const touches = this.text.append(piece);
    if (this.following) this.text.trim();
    return touches;
  }

  /** Fetch what lies between the last byte known and the end of the file, unless that is too much to be worth it. */
  private async catchUp(): Promise<void> {
    if (this.busy || !this.attached.peek()) return;
    this.busy = true;
    let seen = Infinity;
    try {
      while (!this.closed) {
        const piece = await getConsole(this.run, this.text.end, PIECE);
        seen = piece.size;
        const behind = piece.size - this.text.end;
        if (behind <= 0) return;
        if (this.following && behind > JUMP_BYTES) {
          this.take(await getConsole(this.run, -PIECE, PIECE));
          continue;
        }
        if (this.hasNoRoom()) {
          this.size.value = piece.size;
          this.attached.value = false;
          return;
        }
        if (piece.to <= this.text.end || !this.append(piece)) return;
        this.grown(piece.size);
      }
    } catch {
      // the next piece, or the next opening of the stream, tries again
    } finally {
      this.release();
    }
    if (this.size.peek() > seen && !this.closed) void this.catchUp(); // this much came while the last piece was on its way
  }
}

type LivePiece = Awaited<ReturnType<typeof getConsole>>;
