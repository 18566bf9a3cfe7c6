/**
 * The one stream of live events that a tab holds. It closes while the tab is hidden (a browser gives an origin six
 * connections), reconnects with backoff, and goes on from the cursor of the last event it has seen.
 */

import { parseAnswer } from "../pure/json";
import { composeQuery } from "../pure/query";
import { errorFromBody, type ApiError } from "./error";
import { EventParser } from "./sse";
import type { RemoteStatus } from "./remote-types";
import type { LiveConsole, LiveEventLines, LiveFollowing, LiveGap, LivePoints, LiveReplaced, LiveRuns, LiveSources } from "./types";

/** The server says something every 15 s; a link that is silent for longer than this is dead. */
const SILENCE_MS = 40_000;
const OPEN_TIMEOUT_MS = 15_000;
const BACKOFF_MS = [250, 500, 1000, 2000, 4000, 8000, 10_000];
/** The near end answers while the link to a server is down; asking it costs nothing and makes it try. */
const LINK_DOWN_MS = 1000;
/** Runs that nobody shows any more stay subscribed for this long, so that a change of tab does not reopen the stream. */
const LINGER_MS = 8000;
/** Who is further behind than this, after a hidden tab or over a slow link, is told of a gap instead: see `gap`. */
const MAX_BEHIND_BYTES = 524_288;
/** What fits into the head of a request: the names of runs, and a cursor. */
const MAX_IDS_LENGTH = 100_000;
const MAX_CURSOR_LENGTH = 390_000;

export interface LiveEvents {
  runs: LiveRuns;
  points: LivePoints;
  console: LiveConsole;
  events: LiveEventLines;
  remote: RemoteStatus;
  following: LiveFollowing;
  gap: LiveGap;
  replaced: LiveReplaced;
  sources: LiveSources;
}

export type LinkState =
  | { kind: "opening" }
  | { kind: "open" }
  | { kind: "paused" }
  /** The viewer is there and does not give the stream; waiting for it to come to would be wrong to say. */
  | { kind: "refused"; error: ApiError; retryAt: number }
  | { kind: "waiting"; attempt: number; retryAt: number };

export class LiveStream {
  private readonly listeners: { [Name in keyof LiveEvents]: Set<(data: LiveEvents[Name]) => void> } = {
    runs: new Set(),
    points: new Set(),
    console: new Set(),
    events: new Set(),
    remote: new Set(),
    following: new Set(),
    gap: new Set(),
    replaced: new Set(),
    sources: new Set(),
  };
  private readonly wanted = new Map<string, number>();
  private covered: Set<string> | null = null;
  private waiters: { ids: readonly string[]; done: () => void }[] = [];
  private cursor: string | null = null;
  private controller: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private started = false;
  private paused = false;

  constructor(
    private readonly onLink: (state: LinkState) => void,
    /** Called when the server did not take the cursor: what came in between has to be asked for anew. */
    private readonly onLost: () => void,
  ) {}

  start(): void {
    if (this.started) return;
    this.started = true;
    document.addEventListener("visibilitychange", () => this.setPaused(document.hidden));
    window.addEventListener("online", () => this.retryNow());
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.schedule(0));
    this.paused = document.hidden;
    if (this.paused) this.onLink({ kind: "paused" });
    else this.schedule(0);
  }

  on<Name extends keyof LiveEvents>(name: Name, listener: (data: LiveEvents[Name]) => void): () => void {
    this.listeners[name].add(listener);
    return () => this.listeners[name].delete(listener);
  }

  /** Follow these runs until the function that is returned is called. */
  follow(ids: readonly string[]): () => void {
    // What somebody has come to last is first in line, where not all can be followed.
    for (const id of [...ids].reverse()) {
      const users = (this.wanted.get(id) ?? 0) + 1;
      this.wanted.delete(id);
      this.wanted.set(id, users);
    }
    this.reconcile();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      setTimeout(() => {
        for (const id of ids) {
          const left = (this.wanted.get(id) ?? 1) - 1;
          if (left > 0) this.wanted.set(id, left);
          else this.wanted.delete(id);
        }
      }, LINGER_MS);
    };
  }

  /** Resolve as soon as the open stream covers these runs, or after `limitMs`; tell which of the two it was. */
  covers(ids: readonly string[], limitMs: number): Promise<boolean> {
    if (this.isCovered(ids)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiter = { ids, done: () => resolve(true) };
      this.waiters.push(waiter);
      setTimeout(() => {
        this.waiters = this.waiters.filter((one) => one !== waiter);
        resolve(this.isCovered(ids));
      }, limitMs);
    });
  }

  retryNow(): void {
    if (!this.started || this.paused || this.covered) return;
    this.attempt = 0;
    this.close();
    this.schedule(0);
  }

  private isCovered(ids: readonly string[]): boolean {
    return this.covered !== null && ids.every((id) => this.covered!.has(id));
  }

  private setPaused(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    if (paused) {
      this.close();
      this.onLink({ kind: "paused" });
    } else {
      this.attempt = 0;
      this.schedule(0);
    }
  }

  /** Reopen the stream where it does not cover all that is wanted; several changes at once make one reopening. */
  private reconcile(): void {
    if (!this.started || this.paused) return;
    if (this.covered && !this.isCovered([...this.wanted.keys()])) {
      this.close();
      this.schedule(20);
    } else if (!this.covered && this.controller) {
      this.close();
      this.schedule(20);
    }
  }

  private close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.controller?.abort();
    this.controller = null;
    this.covered = null;
  }

  private schedule(delayMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.open(), delayMs);
  }

  private async open(): Promise<void> {
    const controller = new AbortController();
    this.controller = controller;
    const ids = [...this.wanted.keys()].reverse();
    const sent = fitting(ids);
    if (this.cursor !== null && this.cursor.length > MAX_CURSOR_LENGTH) this.lose();
    let linkDown = false;
    let refusal: ApiError | null = null;
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    const arm = (limitMs: number) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort("silent"), limitMs);
    };
    if (this.attempt === 0) this.onLink({ kind: "opening" });
    try {
      arm(OPEN_TIMEOUT_MS);
      const query = composeQuery({ run: sent, cursor: this.cursor, max_behind: MAX_BEHIND_BYTES });
      const answer = await fetch(`/api/live?${query}`, {
        headers: { Accept: "text/event-stream" },
        signal: controller.signal,
        cache: "no-store",
      });
      if (!answer.ok || !answer.body) {
        linkDown = answer.status === 503;
        if (answer.status >= 400 && answer.status < 500) {
          refusal = errorFromBody(answer.status, await answer.json().catch(() => null));
          if (this.cursor !== null && this.controller === controller) {
            // Most likely it is the cursor that is not taken: without it the stream begins anew.
            this.lose();
            this.schedule(0);
            return;
          }
        }
        throw new Error(`status ${answer.status}`);
      }
      await this.read(answer.body, controller, () => arm(SILENCE_MS), ids, ids.slice(sent.length));
    } catch {
      // Whatever ended the stream: unless it was closed on purpose, wait a little and go on from the cursor.
    } finally {
      clearTimeout(watchdog);
    }
    if (this.controller !== controller) return;
    this.controller = null;
    this.covered = null;
    if (this.paused) return;
    const base = linkDown ? LINK_DOWN_MS : BACKOFF_MS[Math.min(this.attempt, BACKOFF_MS.length - 1)]!;
    const delayMs = base * (0.8 + Math.random() * 0.4);
    this.attempt += 1;
    const retryAt = Date.now() + delayMs;
    this.onLink(refusal ? { kind: "refused", error: refusal, retryAt } : { kind: "waiting", attempt: this.attempt, retryAt });
    this.schedule(delayMs);
  }

  private lose(): void {
    this.cursor = null;
    this.onLost();
  }

  /** Tell everybody who waits for it that the stream runs and what it covers. */
  private opened(controller: AbortController, ids: readonly string[]): void {
    if (this.controller !== controller) return;
    this.attempt = 0;
    this.covered = new Set(ids);
    this.onLink({ kind: "open" });
    for (const waiter of this.waiters.filter((one) => this.isCovered(one.ids))) waiter.done();
    this.waiters = this.waiters.filter((one) => !this.isCovered(one.ids));
    this.reconcile();
  }

  private async read(body: ReadableStream<Uint8Array>, controller: AbortController, alive: () => void, ids: readonly string[], unsent: string[]): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser();
    let opening = true;
    for (;;) {
      alive();
      const { done, value } = await reader.read();
      if (done || this.controller !== controller) return;
      if (opening) {
        opening = false;
        this.opened(controller, ids);
        if (this.controller !== controller) return;
        this.tell("following", { missing: [], left_out: unsent });
      }
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (event.id !== null) this.cursor = event.id;
        if (event.event === "again") this.onLost(); // a viewer that was started anew, and does not know where we were
        const name = event.event as keyof LiveEvents;
        if (!this.listeners[name]?.size) continue;
        const data = parsed(event.data) as LiveEvents[typeof name] | null;
        if (data && name === "following") (data as LiveFollowing).left_out.push(...unsent);
        if (data) this.tell(name, data);
      }
    }
  }

  private tell<Name extends keyof LiveEvents>(name: Name, data: LiveEvents[Name]): void {
    for (const listener of [...this.listeners[name]])
      try {
        listener(data);
      } catch (error) {
        console.error(error); // one view that stumbles must not end the stream for all the others
      }
  }
}

function parsed(text: string): unknown {
  try {
    return parseAnswer(text);
  } catch (error) {
    console.error(error);
    return null;
  }
}

/** Return the first of these ids, as many as fit into an address. */
function fitting(ids: readonly string[]): string[] {
  let length = 0;
  return ids.filter((id) => (length += encodeURIComponent(id).length + "&run=".length) <= MAX_IDS_LENGTH);
}
