/** The part of thinned lines that is zoomed into, in as many points as can be seen: of all charts in one request. */

import { getLines } from "../../api/lines";
import { questionFor, isThinned } from "./asking";
import { changed, type Entry } from "./entries";

const AFTER_MS = 120;
const MARGIN = 0.05;

interface Wish {
  entries: readonly Entry[];
  window: readonly [number, number];
  points: number;
}

const wishes = new Map<object, Wish>();
const abroad = new Map<string, AbortController>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Want a window of these lines; the last wish of a chart counts. The coarse line stays until the finer part is there. */
export function wantWindow(chart: object, entries: readonly Entry[], window: readonly [number, number] | null, points: number): void {
  if (!window) {
    wishes.delete(chart);
    for (const entry of entries) entry.part = null;
    return;
  }
  wishes.set(chart, { entries, window, points });
  clearTimeout(timer);
  timer = setTimeout(flush, AFTER_MS);
}

export const dropWindow = (chart: object): void => void wishes.delete(chart);

function flush(): void {
  const requests = new Map<string, { entries: Entry[]; wish: Wish }>();
  for (const wish of wishes.values()) {
    const [from, to] = wish.window;
    for (const entry of wish.entries) {
      const { axis, band, overwritten } = entry.context;
      if (!isThinned(entry) || !entry.watchers.size || (entry.part?.from === from && entry.part.to === to)) continue;
      const key = `${axis} ${band} ${overwritten} ${from} ${to}`;
      const known = requests.get(key);
      if (known) known.entries.push(entry);
      else requests.set(key, { entries: [entry], wish });
    }
  }
  wishes.clear();
  for (const [key, { entries, wish }] of requests) if (!abroad.has(key)) void load(key, entries, wish);
}

async function load(key: string, entries: readonly Entry[], { window, points }: Wish): Promise<void> {
  for (const other of abroad.values()) other.abort();
  const controller = new AbortController();
  abroad.set(key, controller);
  const [from, to] = window;
  const margin = (to - from) * MARGIN;
  const { question, find } = questionFor(entries, points, [from - margin, to + margin]);
  try {
    await getLines(
      question,
      (frames) => {
        for (const frame of frames) {
          const entry = find(frame);
          if (!entry || !frame.line) continue;
          entry.part = { from, to, line: frame.line };
          changed(entry);
        }
      },
      controller.signal,
    );
  } catch {
    // the coarse line stays; the next zoom asks again
  } finally {
    abroad.delete(key);
  }
}
