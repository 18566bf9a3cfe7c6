/** The run that all others are compared with: the URL names it, and it is kept up to date. */

import { signal } from "@preact/signals";
import { getRuns } from "../api/client";
import type { LiveRuns, Run } from "../api/types";
import { stream } from "./link";
import { onAnotherList, REFRESH_EVERY_MS } from "./renewal";

/** Null where none is named, or the one named is not here. */
export const baseline = signal<Run | null>(null);

let asked: { id: string; columns: readonly string[] } | null = null;
let isFollowed = false;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Keep this run, with these values of its metrics; none where the id is empty. */
export function showBaseline(id: string, columns: readonly string[]): void {
  if (!isFollowed) {
    isFollowed = true;
    stream.on("runs", onLive);
    onAnotherList(() => void load());
  }
  if (asked?.id === id && asked.columns.join("\n") === columns.join("\n")) return;
  if (asked?.id !== id) baseline.value = null;
  asked = id ? { id, columns } : null;
  if (asked) void load();
}

async function load(): Promise<void> {
  const mine = asked;
  if (!mine) return;
  try {
    const page = await getRuns({ q: `id = "${mine.id.replace(/[\\"]/g, "\\$&")}"`, columns: mine.columns, limit: 1 });
    if (asked === mine) baseline.value = page.runs[0] ?? null;
  } catch {
    // what is shown of it stays; the frame tells that the link is down
  }
}

function onLive({ runs, removed }: LiveRuns): void {
  if (!asked) return;
  if (removed.includes(asked.id)) baseline.value = null;
  if (!runs.some((run) => run.id === asked?.id)) return;
  clearTimeout(timer);
  timer = setTimeout(() => void load(), REFRESH_EVERY_MS);
}
