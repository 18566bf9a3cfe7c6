/** How runs look on this machine: the colours that a person chose, and the runs that are hidden from charts. */

import { own } from "../pure/own";
import { computed, type ReadonlySignal } from "@preact/signals";
import { lineStyles, RUN_COLOURS, type LineStyle } from "../pure/colours";
import { preference } from "./prefs";

/** What is chosen is kept for so many runs, the latest ones; a browser's storage is small. */
const MAX_KEPT = 5000;

/** Run id to index of the palette. */
export const chosenColours = preference<Readonly<Record<string, number>>>("colours", {});
const hidden = preference<readonly string[]>("hiddenRuns", []);

/** The runs that are not drawn in charts, even where they are chosen. */
export const hiddenRuns: ReadonlySignal<ReadonlySet<string>> = computed(() => new Set(hidden.value));

/** Give runs this colour, 0 to 9; null gives each its own again. */
export function setColour(ids: readonly string[], index: number | null): void {
  const next = new Map(Object.entries(chosenColours.value));
  for (const id of ids) {
    next.delete(id); // so that it stands last
    if (index !== null && Number.isInteger(index) && index >= 0 && index < RUN_COLOURS) next.set(id, index);
  }
  chosenColours.value = Object.fromEntries([...next].slice(-MAX_KEPT));
}

/** Put back what `chosenColours` said of these runs before. */
export function restoreColours(ids: readonly string[], before: Readonly<Record<string, number>>): void {
  const next = { ...chosenColours.value };
  for (const id of ids) {
    const colour = own(before, id);
    if (colour === undefined) delete next[id];
    else next[id] = colour;
  }
  chosenColours.value = next;
}

export function setHidden(ids: readonly string[], hide: boolean): void {
  const changed = new Set(ids);
  const kept = hidden.value.filter((id) => !changed.has(id));
  hidden.value = (hide ? [...kept, ...changed] : kept).slice(-MAX_KEPT);
}

/**
 * Return colour and dash of runs that are shown together: what a person chose for a run is its colour. Reads
 * `chosenColours`: whoever calls it while drawing is drawn again once another one is chosen.
 */
export function stylesOf(ids: readonly string[]): Map<string, LineStyle> {
  const chosen = chosenColours.value;
  const styles = lineStyles(ids.filter((id) => own(chosen, id) === undefined));
  for (const id of ids) {
    const colour = own(chosen, id);
    if (colour !== undefined) styles.set(id, { colour, dash: 0 });
  }
  return styles;
}
