/** The lines of charts: ask for those that a chart shows, keep them while it does, let them grow. */

import { ask } from "./asking";
import { entryOf, forget, type Context, type Entry, type LineSpec, type Watcher } from "./entries";
import { listen } from "./live";

/** Lines that nobody shows any more are kept for this long, so that going back shows them at once. */
const LINGER_MS = 5000;
/** A line of so much fewer points than there is room for is asked for anew. */
const TOO_COARSE = 0.7;

export { refreshLines } from "./live";
export { dropWindow, wantWindow } from "./window";
export { isThinned } from "./asking";
export { lineOf } from "./entries";
export type { Context, Entry, LineSpec } from "./entries";

/** Return what is known of these lines, without asking for them. */
export const linesOf = (specs: readonly LineSpec[], context: Context): Entry[] => specs.map((spec) => entryOf(spec, context));

/** Load these lines and let them grow until the function that is returned is called. points: how many fit across. */
export function holdLines(entries: readonly Entry[], points: number, onChange: Watcher): () => void {
  listen();
  for (const entry of entries) {
    entry.watchers.add(onChange);
    entry.wanted = Math.max(points, entry.watchers.size > 1 ? entry.wanted : 0);
    const coarse = entry.base?.xEnd && entry.points < points * TOO_COARSE;
    if (!entry.asked || entry.error || coarse) ask(entry);
  }
  return () => {
    for (const entry of entries) entry.watchers.delete(onChange);
    setTimeout(() => {
      for (const entry of entries) if (!entry.watchers.size) forget(entry);
    }, LINGER_MS);
  };
}
