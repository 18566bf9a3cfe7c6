/** Events of a run put in order for showing: by key, and by step within a key. Pure. */

import { byName } from "./order";
import type { MediaItem, RunDetail, RunEvent } from "../api/types";

export const MEDIA_KINDS = ["image", "video", "audio", "figure", "table", "histogram", "text", "html"] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

export interface Shot {
  step: number;
  time: string;
  items: readonly MediaItem[];
}

export interface MediaKey {
  key: string;
  kind: MediaKind;
  shots: Shot[];
}

export interface Alert {
  title: string;
  text: string;
  level: "info" | "warn" | "error";
  step: number | null;
  time: string;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Return what was logged by key and kind, keys in natural order, the steps of each from the first to the last. */
export function mediaKeys(events: readonly RunEvent[]): MediaKey[] {
  const found = new Map<string, MediaKey>();
  for (const event of events) {
    const kind = MEDIA_KINDS.find((one) => one === event.type);
    if (!kind || typeof event.key !== "string" || !Array.isArray(event.items)) continue;
    const id = `${kind} ${event.key}`;
    let known = found.get(id);
    if (!known) found.set(id, (known = { key: event.key, kind, shots: [] }));
    const items = event.items.filter((item): item is MediaItem => typeof item === "object" && item !== null);
    known.shots.push({ step: typeof event.step === "number" ? event.step : 0, time: text(event.time), items });
  }
  const keys = [...found.values()];
  for (const known of keys) known.shots.sort((a, b) => a.step - b.step); // stable: what was logged later stays later
  return keys.sort((a, b) => byName(a.key, b.key));
}

/** Return the alerts, the newest first. */
export function alertsOf(events: readonly RunEvent[]): Alert[] {
  return events
    .filter((event) => event.type === "alert")
    .map((event): Alert => ({
      title: text(event.title),
      text: text(event.text),
      level: event.level === "error" || event.level === "warn" ? event.level : "info",
      step: typeof event.step === "number" ? event.step : null,
      time: text(event.time),
    }))
    .reverse();
}

/** Return the bars of a histogram as parts of a box of 1 by 1: where each begins, how wide and how high it is. */
export function bars(edges: unknown, counts: unknown): { x: number; width: number; height: number; low: number; high: number; count: number }[] {
  if (!Array.isArray(edges) || !Array.isArray(counts) || edges.length !== counts.length + 1 || !counts.length) return [];
  if (![...edges, ...counts].every((value) => typeof value === "number" && Number.isFinite(value))) return [];
  const first = edges[0] as number;
  const span = (edges[edges.length - 1] as number) - first || 1;
  const most = Math.max(...(counts as number[])) || 1;
  return (counts as number[]).map((count, at) => {
    const low = edges[at] as number;
    const high = edges[at + 1] as number;
    return { x: (low - first) / span, width: (high - low) / span, height: count / most, low, high, count };
  });
}

/** Return the names of a run's event files; a run that several processes record into has several. */
export const eventFiles = (run: RunDetail): string[] => (run.files ?? []).map((file) => file.path).filter((path) => /^events(\.[\w-]+)?\.jsonl$/.test(path));
