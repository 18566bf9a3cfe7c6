/** The calls of the Remote Viewer, one typed function for each. Every failure is an ApiError. */

import { composeQuery } from "../pure/query";
import { PERSON_TIMEOUT_MS, request, SLOW_TIMEOUT_MS, withQuery } from "./client";
import type {
  ConnectBody,
  Environment,
  HostKey,
  RemoteConfig,
  RemoteListing,
  SavedConnection,
  Session,
  SessionLogPiece,
  StartBody,
  StorageCandidate,
} from "./remote-types";

export * from "./sessions";

export const connect = (body: ConnectBody, signal?: AbortSignal) =>
  request<{ ok: boolean; connection_id: string; connector: string }>("POST", "/api/remote/connect", { body, signal, timeoutMs: PERSON_TIMEOUT_MS });

export const giveUp = (attempt: string) =>
  request<{ ok: boolean; message: string }>("POST", "/api/remote/attempts/give-up", { body: { attempt } });

export const acceptHostKey = (key: HostKey) =>
  request<{ ok: boolean }>("POST", "/api/remote/known-hosts/accept", {
    body: {
      host: key.host,
      port: key.port,
      key_type: key.key_type,
      public_key: key.public_key,
      fingerprint_sha256: key.fingerprint_sha256,
    },
  });

export const removeKnownHost = (host: string, port: number, keyType: string) =>
  request<{ ok: boolean; changed: boolean }>("POST", "/api/remote/known-hosts/remove", { body: { host, port, key_type: keyType } });

/** path: of one more, its folder or its interpreter, as it is typed. */
export const getEnvironments = (connectionId: string, path: string | null, signal?: AbortSignal) =>
  request<{ envs: Environment[] }>("GET", withQuery("/api/remote/conda-envs", composeQuery({ connection_id: connectionId, conda_env: path ?? undefined })), {
    signal,
    timeoutMs: SLOW_TIMEOUT_MS,
  });

export const getRemoteConfig = (connectionId: string, environment: string | null, signal?: AbortSignal) =>
  request<RemoteConfig>(
    "GET",
    withQuery("/api/remote/config", composeQuery({ connection_id: connectionId, conda_env: environment })),
    { signal, timeoutMs: SLOW_TIMEOUT_MS },
  );

export const getStorageCandidates = (connectionId: string, signal?: AbortSignal) =>
  request<{ candidates: StorageCandidate[] }>("GET", withQuery("/api/remote/storage-candidates", composeQuery({ connection_id: connectionId })), {
    signal,
    timeoutMs: SLOW_TIMEOUT_MS,
  });

export const startViewer = (body: StartBody, signal?: AbortSignal) =>
  request<{ ok: boolean; session: Session; message: string }>("POST", "/api/remote/viewer/start", { body, signal, timeoutMs: PERSON_TIMEOUT_MS });

export const getSessionLog = (sessionId: string, after: number, signal?: AbortSignal) =>
  request<SessionLogPiece>("GET", `/api/remote/viewer/log/${encodeURIComponent(sessionId)}?after=${after}`, { signal });

export const getDiagnostics = (sessionId: string) =>
  request<string>("GET", `/api/remote/viewer/diagnostics/${encodeURIComponent(sessionId)}`, { asText: true });

export const stopViewer = (sessionId: string) =>
  request<{ ok: boolean; message: string }>("POST", "/api/remote/viewer/stop", { body: { session_id: sessionId } });

/** node: where the folder lies on a node of a Slurm job, that node and the job. */
export const listRemote = (connectionId: string, path: string, node: { node: string; job: string } | null, signal?: AbortSignal) =>
  request<RemoteListing>(
    "GET",
    withQuery("/api/remote/fs/list", composeQuery({ connection_id: connectionId, path, node: node?.node, node_job: node?.job })),
    { signal },
  );

export const putSaved = (connections: readonly SavedConnection[]) =>
  request<{ ok: boolean }>("POST", "/api/remote/connections/saved", { body: connections });
