/** What a run logged besides numbers: read from its events, and live from there on. */

import { signal, type Signal } from "@preact/signals";
import { getEvents } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { LiveEventLines, RunEvent } from "../api/types";
import { link, stream } from "./link";

const PIECE = 1_048_576;
/** Older events than fit into this are not kept; their files can still be found among the run's files. */
const MAX_BYTES = 8 * PIECE;
/** Alerts and artifacts are few: these many are kept for longer. */
const MAX_NOTICES = 2000;

interface Place {
  end: number;
  busy: boolean;
}

interface Batch {
  bytes: number;
  events: readonly RunEvent[];
}

export class EventsView {
  readonly events: Signal<readonly RunEvent[]> = signal([]);
  readonly error: Signal<ApiError | null> = signal(null);
  readonly loaded = signal(false);
  readonly cut = signal(false);
  private readonly places = new Map<string, Place>();
  private notices: readonly RunEvent[] = [];
  private batches: Batch[] = [];
  private bytes = 0;
  private stops: (() => void)[] = [];
  private closed = false;

  constructor(private readonly run: string) {}

  /** Load the events of these files and follow them until the function that is returned is called. */
  open(files: readonly string[]): () => void {
    this.stops = [
      stream.follow([this.run]),
      stream.on("events", (piece) => piece.run === this.run && this.onLive(piece)),
      stream.on("replaced", (piece) => piece.run === this.run && this.places.has(piece.file) && void this.startOver()),
      link.subscribe((state) => {
        if (state.kind === "open" && this.loaded.peek()) for (const file of this.places.keys()) void this.readOn(file);
      }),
    ];
    void this.load(files);
    return () => {
      this.closed = true;
      this.stops.forEach((stop) => stop());
    };
  }

  async load(files: readonly string[]): Promise<void> {
    this.error.value = null;
    await stream.covers([this.run], 1500);
    await Promise.all((files.length ? files : ["events.jsonl"]).map((file) => this.readOn(file)));
    if (!this.error.value) this.loaded.value = true;
  }

  /** Read a file from where it was read to, until its end. */
  private async readOn(file: string): Promise<void> {
    let place = this.places.get(file);
    if (place?.busy) return;
    const first = place === undefined;
    place ??= { end: -MAX_BYTES, busy: false };
    this.places.set(file, place);
    place.busy = true;
    try {
      for (;;) {
        let piece = await getEvents(this.run, file, place.end, PIECE);
        // After a long absence only the newest are worth asking for.
        if (piece.size - place.end > MAX_BYTES && place.end >= 0) {
          this.cut.value = true;
          piece = await getEvents(this.run, file, piece.size - MAX_BYTES, PIECE);
        }
        if (this.closed) return;
        if (first && place.end < 0 && piece.from > 0) this.cut.value = true;
        if (piece.to <= place.end) break;
        place.end = piece.to;
        this.add(piece.events, piece.to - piece.from);
        if (piece.to >= piece.size) break;
      }
    } catch (error) {
      if (first) this.places.delete(file);
      this.error.value = this.loaded.peek() ? null : asApiError(error);
    } finally {
      place.busy = false;
    }
  }

  /** Read all files from the beginning: one of them is another one now. */
  private async startOver(): Promise<void> {
    const files = [...this.places.keys()];
    this.places.clear();
    this.batches = [];
    this.notices = [];
    this.bytes = 0;
    this.events.value = [];
    await Promise.all(files.map((file) => this.readOn(file)));
  }

  private onLive(piece: LiveEventLines): void {
    const place = this.places.get(piece.file);
    if (!place) {
      if (this.loaded.peek()) void this.readOn(piece.file);
      return;
    }
    if (place.busy || piece.to <= place.end) return;
    if (piece.from !== place.end) return void this.readOn(piece.file);
    place.end = piece.to;
    this.add(piece.events, piece.to - piece.from);
  }

  private add(events: readonly RunEvent[], bytes: number): void {
    if (!events.length) return;
    this.batches.push({ events, bytes });
    this.bytes += bytes;
    let gone = 0;
    while (this.bytes > MAX_BYTES && gone < this.batches.length - 1) this.bytes -= this.batches[gone++]!.bytes;
    if (!gone) {
      this.events.value = [...this.events.value, ...events];
      return;
    }
    this.cut.value = true;
    const old = this.batches.splice(0, gone).flatMap((one) => one.events);
    this.notices = [...this.notices, ...old.filter((event) => event.type === "alert" || event.type === "artifact")].slice(-MAX_NOTICES);
    this.events.value = [...this.notices, ...this.batches.flatMap((one) => one.events)];
  }
}
