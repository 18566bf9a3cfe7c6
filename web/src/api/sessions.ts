/** The calls that tell of sessions and hosts, which every page needs. */

import { request } from "./client";
import type { KnownHost, RemoteStatus, SavedConnection } from "./remote-types";

export const getRemoteStatus = (signal?: AbortSignal) => request<RemoteStatus>("GET", "/api/remote/status", { signal });

export const getSaved = (signal?: AbortSignal) =>
  request<{ connections: SavedConnection[] }>("GET", "/api/remote/connections/saved", { signal });

export const getKnownHosts = (signal?: AbortSignal) =>
  request<{ entries: KnownHost[] }>("GET", "/api/remote/known-hosts/list", { signal });

export const answerQuestion = (id: string, answers: readonly string[]) =>
  request<{ ok: boolean; message: string }>("POST", "/api/remote/answer", { body: { id, answers } });

export const cancelQuestion = (id: string) => request<{ ok: boolean; message: string }>("POST", "/api/remote/cancel", { body: { id } });

export const retryViewer = (sessionId: string, login = false) =>
  request<{ ok: boolean; message: string }>("POST", "/api/remote/viewer/retry", { body: { session_id: sessionId, login, interactive: login } });
