/** What the viewer says of everything over SSH, live: connections, sessions, how far each attempt has come. */

import { batch, computed, effect, signal } from "@preact/signals";
import * as api from "../../api/sessions";
import { type ApiError, asApiError, detailText } from "../../api/error";
import type { KnownHost, Progress, RemoteStatus, SavedConnection, Session } from "../../api/remote-types";
import { sameTarget, type Target } from "../../pure/target";
import { returns, stream } from "../link";

export const status = signal<RemoteStatus | null>(null);
export const saved = signal<readonly SavedConnection[] | null>(null);
export const remoteError = signal<ApiError | null>(null);
export const knownHosts = signal<readonly KnownHost[] | null>(null);

export const sessions = computed<readonly Session[]>(() => [...(status.value?.viewer_sessions ?? []), ...(status.value?.ended_sessions ?? [])]);

let wired = false;

/** Load what the Remote page and the sidebar show; from then on it is live. */
export function startRemote(): void {
  if (wired) return;
  wired = true;
  stream.on("remote", (data) => {
    status.value = data;
    remoteError.value = null;
  });
  // Whoever comes back to the page does not wait for the next attempt.
  const look = () => {
    if (document.hidden) return;
    for (const one of sessions.value) if (one.status === "running" || one.status === "reconnecting") void lookAtLink(one.sessionId);
  };
  document.addEventListener("visibilitychange", look);
  window.addEventListener("online", look);
  void loadRemote();
}

/**
 * Have a session's link looked at now; that it cannot be asked is told by everything else on the page.
 * login: a person wants a rejected login tried once more.
 */
export const lookAtLink = (sessionId: string, login = false): Promise<void> => api.retryViewer(sessionId, login).then(
  () => undefined,
  () => undefined,
);

export async function loadRemote(): Promise<void> {
  try {
    const [list, now] = await Promise.all([api.getSaved(), api.getRemoteStatus()]);
    batch(() => {
      saved.value = list.connections;
      status.value = now;
      remoteError.value = null;
    });
  } catch (error) {
    remoteError.value = asApiError(error);
  }
}

export async function loadKnownHosts(): Promise<void> {
  knownHosts.value = (await api.getKnownHosts()).entries;
}

let seenReturns = returns.peek();
effect(() => {
  if (returns.value === seenReturns) return;
  seenReturns = returns.value;
  if (wired) void loadRemote();
});

/** The sessions on a host itself; those on a node behind it are of another machine. */
export const sessionsOf = (target: Target): Session[] => sessions.value.filter((one) => !one.node && sameTarget(one.connectionId, target));

export const progressOf = (target: Target): Progress | undefined =>
  status.value?.progress?.find((one) => sameTarget(one.connectionId, target));

export interface Fallback {
  backend: string;
  reason: string;
}

/** Return the tunnels that were passed over, and why, whatever shape the answer has. */
export function fallbacksOf(value: unknown): Fallback[] {
  if (!value) return [];
  if (Array.isArray(value))
    return value.map((one: unknown) => {
      if (typeof one === "string") {
        const [backend = "", ...rest] = one.split(":");
        return rest.length ? { backend, reason: rest.join(":").trim() } : { backend: "", reason: one };
      }
      if (Array.isArray(one)) return { backend: String(one[0] ?? ""), reason: String(one[1] ?? "") };
      const object = (one ?? {}) as Record<string, unknown>;
      return {
        backend: String(object.backend ?? object.name ?? object.tunnel ?? ""),
        reason: detailText(object.reason ?? object.detail ?? object.message ?? object.error ?? "") || String(object.code ?? ""),
      };
    });
  if (typeof value === "object") return Object.entries(value).map(([backend, reason]) => ({ backend, reason: detailText(reason) || String(reason) }));
  return [];
}

