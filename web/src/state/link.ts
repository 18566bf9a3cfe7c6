/** Whether the viewer is there: one live stream, its state, and what the viewer says about itself. */

import { batch, computed, signal } from "@preact/signals";
import { getHealth, watchOutcomes } from "../api/client";
import { LiveStream, type LinkState } from "../api/live";
import type { Health } from "../api/types";

/** A link that is back within this time was never worth a word. */
const PATIENCE_MS = 1500;
const HEALTH_EVERY_MS = 15_000;
const NEWS_AFTER_MS = 500;

export const link = signal<LinkState>({ kind: "opening" });
/** Since when (ms) the viewer is not reached; null while it is. */
export const staleSince = signal<number | null>(null);
export const stale = computed(() => staleSince.value !== null);
/** Counts up each time the viewer is back after having been away: views whose request failed ask again. */
export const returns = signal(0);
/** Counts up when the stream could not be resumed exactly, so that growing data has to be asked for anew. */
export const lost = signal(0);
export const health = signal<Health | null>(null);
/** Whether the viewer belongs to a session on a server; it may not have been told yet how it is reached. */
export const isRemote = computed(() => Boolean(health.value?.session_id || health.value?.remote));

/** Of the runs that somebody looks at, those whose changes do not come by themselves because there are too many. */
export const unfollowed = signal<readonly string[]>([]);

let downSince: number | null = null;
let patience: ReturnType<typeof setTimeout> | undefined;

export const stream = new LiveStream(
  (state) => {
    link.value = state;
    if (state.kind === "open" || state.kind === "refused") back();
    else if (state.kind === "waiting") away();
    else if (state.kind === "paused") {
      clearTimeout(patience);
      downSince = null;
    }
  },
  () => {
    lost.value += 1;
  },
);

stream.on("following", ({ left_out }) => {
  if (left_out.length || unfollowed.peek().length) unfollowed.value = left_out;
});

function away(): void {
  if (downSince !== null) return;
  downSince = Date.now();
  patience = setTimeout(() => {
    staleSince.value = downSince;
  }, PATIENCE_MS);
}

function back(): void {
  clearTimeout(patience);
  downSince = null;
  if (staleSince.value === null) return;
  batch(() => {
    staleSince.value = null;
    returns.value += 1;
  });
  void readHealth();
}

async function readHealth(): Promise<void> {
  try {
    health.value = await getHealth();
    if (isRemote.value && !health.value.remote) setTimeout(() => void readHealth(), NEWS_AFTER_MS);
  } catch {
    // the stream's own state already tells that nobody answers
  }
}

export function startLink(): void {
  // A request that fails while the stream still looks open means that the link is dying: look at once.
  watchOutcomes((reached) => {
    if (!reached && link.value.kind === "waiting") away();
  });
  stream.start();
  void readHealth();
  setInterval(() => {
    if (!document.hidden && (health.value === null || isRemote.value)) void readHealth();
  }, HEALTH_EVERY_MS);
}
