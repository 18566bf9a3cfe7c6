/** The saved hosts: listed, changed, forgotten. Never a secret. */

import { computed } from "@preact/signals";
import * as api from "../../api/remote";
import type { SavedConnection } from "../../api/remote-types";
import { formatTarget, type Target } from "../../pure/target";
import { absentAt, forgetSources } from "../sources";
import { saved } from "./status";

export const targetOf = (one: SavedConnection): Target => ({ username: one.username, host: one.host, port: Number(one.port) || 22 });

export const isSame = (a: Target, b: Target): boolean => a.username === b.username && a.host === b.host && a.port === b.port;

export const hostLabel = (one: SavedConnection): string => one.name?.trim() || one.host;

/** Saved hosts, the one used last first. */
export const hosts = computed<readonly SavedConnection[]>(() =>
  [...(saved.value ?? [])].sort((a, b) => (Number(b.lastUsedAt) || 0) - (Number(a.lastUsedAt) || 0)),
);

let order: readonly string[] = [];

/** The same hosts in the order in which this page saw them first: none moves away under a pointer as another one is used. */
export const hostsInPlace = computed<readonly SavedConnection[]>(() => {
  const byName = new Map(hosts.value.map((one) => [formatTarget(targetOf(one)), one]));
  order = [...[...byName.keys()].filter((name) => !order.includes(name)), ...order.filter((name) => byName.has(name))];
  return order.map((name) => byName.get(name)!);
});

export const savedFor = (target: Target): SavedConnection | undefined => saved.value?.find((one) => isSame(targetOf(one), target));

/** Put `change` into the list of saved hosts (in place of `before`, if given) and keep it. */
export function saveHost(change: SavedConnection, before?: SavedConnection): Promise<void> {
  return rewrite((connections) => {
    const old = before ? targetOf(before) : targetOf(change);
    const at = connections.findIndex((one) => isSame(targetOf(one), old));
    const next = connections.slice();
    if (at >= 0) next[at] = { ...connections[at]!, ...change };
    else next.push(change);
    return next;
  });
}

/** Forget a host, and what was seen of its runs. */
export async function forgetHost(one: SavedConnection): Promise<void> {
  await rewrite((connections) => connections.filter((other) => !isSame(targetOf(other), targetOf(one))));
  await forgetSources(absentAt(targetOf(one)));
}

let writing: Promise<unknown> = Promise.resolve();

/** Change the list that is kept. One after the other: of two hosts that are connected at once, both changes last. */
function rewrite(change: (connections: readonly SavedConnection[]) => SavedConnection[]): Promise<void> {
  const mine = writing.then(async () => {
    // Another window may have changed the list meanwhile, so start from what is kept.
    const { connections } = await api.getSaved();
    const next = change(connections);
    await api.putSaved(next);
    saved.value = next;
  });
  writing = mine.catch(() => {});
  return mine;
}
