/** Hosts that are being connected side by side, each by itself, while the person stays where they are. */

import { computed, signal } from "@preact/signals";
import type { ApiError } from "../../api/error";
import type { HostKey } from "../../api/remote-types";
import { formatTarget, type Target } from "../../pure/target";

export interface Joining {
  target: Target;
  /** Names this attempt to the viewer: giving up ends what bears it, and nothing of another host. */
  attempt: string;
  /** no_folder: which one is to be shown is not known, and nobody guesses it. */
  phase: "waiting" | "connecting" | "starting" | "host_key" | "passphrase" | "failed" | "no_folder";
  hostKey: HostKey | null;
  error: ApiError | null;
  startedAt: number;
}

/** By formatTarget(), in the order in which they began. */
export const joinings = signal<ReadonlyMap<string, Joining>>(new Map());

export const joiningOf = (target: Target): Joining | undefined => joinings.value.get(formatTarget(target));

/** Whether it goes on by itself. */
export const isUnderWay = ({ phase }: Joining): boolean => phase === "waiting" || phase === "connecting" || phase === "starting";

/** What waits for the person's word beside what servers ask: one is shown at a time. */
export const decisions = computed(() => [...joinings.value.values()].filter((one) => one.phase === "host_key" || one.phase === "passphrase"));

/** The attempt whose decision is on show in this window. */
export const shownDecision = signal<string | null>(null);

export function setJoining(one: Joining): void {
  joinings.value = new Map(joinings.peek()).set(formatTarget(one.target), one);
}

export function dropJoining(target: Target): void {
  const left = new Map(joinings.peek());
  if (left.delete(formatTarget(target))) joinings.value = left;
}
