/** Where the runs on show come from, and how each place stands. */

import { computed, signal } from "@preact/signals";
import type { RunSource } from "../api/types";
import { toJson } from "../pure/json";

export const sources = signal<readonly RunSource[]>([]);

/** Whether a row has to say where it lives. */
export const severalPlaces = computed(() => sources.value.filter((one) => one.same_as === null).length > 1);

/** Those whose rows are not as they are now, by their ids. */
export const awaySources = computed<ReadonlyMap<string, RunSource>>(() => new Map(sources.value.filter((one) => one.state !== "ready").map((one) => [one.id, one])));

/** Take over what an answer says; what has not changed stays the same. */
export function takeSources(next: readonly RunSource[]): void {
  if (toJson(next) !== toJson(sources.peek())) sources.value = next;
}
