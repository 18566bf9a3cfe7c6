/** The run that all others are compared with: the URL names it, and it is kept up to date. */

import { signal } from "@preact/signals";
import { getRuns } from "../api/client";
import type { LiveRuns, Run } from "../api/types";
import { stream } from "./link";
import { NOBODY, onAnotherList, Renewal } from "./renewal";

/** Null where none is named, or the one named is not here. */
export const baseline = signal<Run | null>(null);

let asked: { id: string; columns: readonly string[] } | null = null;
let isFollowed = false;
const renewal = new Renewal(() => void load(), NOBODY);
const soon = (): void => renewal.soon();

/** Keep this run, with these values of its metrics; none where the id is empty. */
export function showBaseline(id: string, columns: readonly string[]): void {
  if (!isFollowed) {
    isFollowed = true;
    stream.on("runs", onLive);
    onAnotherList(renewal, () => void load());
  }
  if (asked?.id === id && asked.columns.join("\n") === columns.join("\n")) return;
  if (asked?.id !== id) baseline.value = null;
  asked = id ? { id, columns } : null;
  if (asked) void load();
  else renewal.stop();
}

async function load(): Promise<void> {
  const mine = asked;
  if (!mine) return;
  const query = { q: `id = "${mine.id.replace(/[\\"]/g, "\\$&")}"`, columns: mine.columns, limit: 1 };
  // Where it fails, what is shown of it stays; the frame tells that the link is down.
  await renewal.load(true, (signal) => getRuns(query, signal), (page) => (baseline.value = page.runs[0] ?? null));
}

function onLive({ runs, removed }: LiveRuns): void {
  if (!asked) return;
  if (removed.includes(asked.id)) baseline.value = null;
  if (runs.some((run) => run.id === asked?.id)) renewal.afterwards(soon);
}
