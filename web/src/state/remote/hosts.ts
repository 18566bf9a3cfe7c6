/** The saved hosts: listed, changed, forgotten. Never a secret. */

import { computed } from "@preact/signals";
import * as api from "../../api/remote";
import type { SavedConnection } from "../../api/remote-types";
import type { Target } from "../../pure/target";
import { saved } from "./status";

export const targetOf = (one: SavedConnection): Target => ({ username: one.username, host: one.host, port: Number(one.port) || 22 });

export const isSame = (a: Target, b: Target): boolean => a.username === b.username && a.host === b.host && a.port === b.port;

export const hostLabel = (one: SavedConnection): string => one.name?.trim() || one.host;

/** Saved hosts, the one used last first. */
export const hosts = computed<readonly SavedConnection[]>(() =>
  [...(saved.value ?? [])].sort((a, b) => (Number(b.lastUsedAt) || 0) - (Number(a.lastUsedAt) || 0)),
);

export const savedFor = (target: Target): SavedConnection | undefined => saved.value?.find((one) => isSame(targetOf(one), target));

/** Put `change` into the list of saved hosts (in place of `before`, if given) and keep it. */
export async function saveHost(change: SavedConnection, before?: SavedConnection): Promise<void> {
  // Another window may have changed the list meanwhile, so start from what is kept.
  const { connections } = await api.getSaved();
  const old = before ? targetOf(before) : targetOf(change);
  const at = connections.findIndex((one) => isSame(targetOf(one), old));
  const next = connections.slice();
  if (at >= 0) next[at] = { ...connections[at]!, ...change };
  else next.push(change);
  await api.putSaved(next);
  saved.value = next;
}

export async function forgetHost(one: SavedConnection): Promise<void> {
  const { connections } = await api.getSaved();
  const next = connections.filter((other) => !isSame(targetOf(other), targetOf(one)));
  await api.putSaved(next);
  saved.value = next;
}
