/** Where the runs on show come from, and how each place stands. */

import { computed, signal } from "@preact/signals";
import { deleteSource } from "../api/client";
import type { RunSource } from "../api/types";
import { toJson } from "../pure/json";
import { clockText, isAbsent } from "../pure/places";
import { sameTarget, type Target } from "../pure/target";

export const sources = signal<readonly RunSource[]>([]);

/** Whether a row has to say where it lives. */
export const severalPlaces = computed(() => sources.value.filter((one) => one.same_as === null).length > 1);

/** Those whose rows are not as they are now, by their ids. */
export const awaySources = computed<ReadonlyMap<string, RunSource>>(() => new Map(sources.value.filter((one) => one.state !== "ready").map((one) => [one.id, one])));

/** Those whose runs are recorded by a clock that is not as this machine's is, and how it is. */
export const clocks = computed<ReadonlyMap<string, { host: string; text: string }>>(
  () => new Map(sources.value.flatMap((one) => (clockText(one.clock_ahead_secs) ? [[one.id, { host: one.host, text: clockText(one.clock_ahead_secs) }]] : []))),
);

/** Sources of a host that is not connected, of which what was seen before is shown. */
export const absentAt = (target: Target): RunSource[] => sources.value.filter((one) => isAbsent(one) && one.connection_id !== null && sameTarget(one.connection_id, target));

/** No longer show what was seen of hosts that are not connected. */
export async function forgetSources(those: readonly RunSource[]): Promise<void> {
  await Promise.all(those.map((one) => deleteSource(one.id)));
  const gone = new Set(those.map((one) => one.id));
  sources.value = sources.peek().filter((one) => !gone.has(one.id));
}

/** Take over what an answer says; what has not changed stays the same. */
export function takeSources(next: readonly RunSource[]): void {
  if (toJson(next) !== toJson(sources.peek())) sources.value = next;
}
