/** The hosts that were connected last: remembered on this machine, and connected again at the start if that was asked for. */

import { effect } from "@preact/signals";
import { formatTarget } from "../../pure/target";
import { connectedLast, reconnectsLast } from "../prefs";
import { hosts, targetOf } from "./hosts";
import { connectHosts } from "./opening";
import { saved, sessionsOf, startRemote, status } from "./status";

const LIVE = new Set(["starting", "running", "reconnecting"]);

let wired = false;

/** Load what is known of hosts, keep it live, and do what was asked for to be done at the start. */
export function startHosts(): void {
  startRemote();
  if (wired) return;
  wired = true;
  let isFirst = true;
  effect(() => {
    if (status.value === null || saved.value === null) return;
    // Before anything is noted: this viewer may have nothing of what an earlier one had.
    if (isFirst) {
      isFirst = false;
      if (reconnectsLast.peek()) connectAgain();
    }
    note();
  });
}

function connectAgain(): void {
  const last = new Set(connectedLast.peek());
  const list = hosts.peek().filter((one) => one.remoteRoot && last.has(formatTarget(targetOf(one))) && !isLive(formatTarget(targetOf(one))));
  if (list.length) connectHosts(list);
}

/** Note which are connected. One whose session a person stopped is not any more; one that is gone with its viewer still is. */
function note(): void {
  const before = new Set(connectedLast.peek());
  const now = hosts.value.map((one) => formatTarget(targetOf(one))).filter((name) => isLive(name) || (before.has(name) && !wasStopped(name)));
  if (now.length !== before.size || now.some((name) => !before.has(name))) connectedLast.value = now;
}

const sessionsAt = (name: string) => hosts.peek().filter((one) => formatTarget(targetOf(one)) === name).flatMap((one) => sessionsOf(targetOf(one)));

const isLive = (name: string): boolean => sessionsAt(name).some((one) => LIVE.has(one.status));

const wasStopped = (name: string): boolean => sessionsAt(name).some((one) => one.status === "stopped" || one.status === "stopping");
