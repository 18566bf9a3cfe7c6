/** The viewer's API, one typed function for each call. Every failure is an ApiError. */

import { parseAnswer } from "../pure/json";
import { composeQuery, runsQuery, type RunsQuery } from "../pure/query";
import { ApiError, errorFromBody, isAbort, unreachable } from "./error";
import type {
  Artifact,
  ArtifactFiles,
  ArtifactOverview,
  ConnectBody,
  ConsoleFound,
  ConsolePiece,
  ConsolePlace,
  ConsoleTimes,
  Environment,
  EventsPiece,
  Health,
  HostKey,
  KnownHost,
  RemoteConfig,
  RemoteListing,
  RemoteStatus,
  Run,
  RunDetail,
  RunPage,
  RunPatch,
  SavedConnection,
  SeriesAnswer,
  Session,
  SessionLogPiece,
  StartBody,
  StorageCandidate,
  XAxis,
} from "./types";

const QUICK_TIMEOUT_MS = 30_000;
/** Connecting may wait for a slow server, and starting for a cold Python on a network disk. */
const SLOW_TIMEOUT_MS = 180_000;

/** Called with each request's outcome, so that the page can tell a lost link from a failing request. */
let onOutcome: (reached: boolean) => void = () => {};
export const watchOutcomes = (listener: (reached: boolean) => void): void => {
  onOutcome = listener;
};

interface Options {
  body?: unknown;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** The answer is text, and only an error is JSON. */
  asText?: boolean;
}

async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const { body, signal, timeoutMs = QUICK_TIMEOUT_MS, asText = false } = options;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  const forward = () => timeout.abort();
  signal?.addEventListener("abort", forward);
  try {
    if (signal?.aborted) throw new DOMException("Cancelled", "AbortError");
    const answer = await fetch(path, {
      method,
      headers: body === undefined ? { Accept: "application/json" } : { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: timeout.signal,
      cache: "no-store",
    });
    const parsed: unknown = await (asText && answer.ok ? answer.text() : answer.text().then(parseAnswer)).catch((error: unknown) => {
      if (isAbort(error)) throw error;
      return null;
    });
    if (!answer.ok) {
      const error = errorFromBody(answer.status, parsed);
      onOutcome(!error.unreachable);
      throw error;
    }
    onOutcome(true);
    return parsed as T;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (signal?.aborted) throw error;
    if (timeout.signal.aborted)
      throw new ApiError("TIMED_OUT", `No answer within ${timeoutMs / 1000} seconds.`, "Try again; the disk or the network may be slow.", -1);
    onOutcome(false);
    throw unreachable();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", forward);
  }
}

const withQuery = (path: string, query: string) => (query ? `${path}?${query}` : path);
const runPath = (id: string) => `/api/runs/${encodeURIComponent(id)}`;

export const getHealth = (signal?: AbortSignal) => request<Health>("GET", "/api/health", { signal, timeoutMs: 8000 });

export const getRuns = (query: RunsQuery, signal?: AbortSignal) => request<RunPage>("GET", withQuery("/api/runs", runsQuery(query)), { signal });

export const getRun = (id: string, signal?: AbortSignal) => request<RunDetail>("GET", runPath(id), { signal });

export const patchRun = (id: string, patch: RunPatch) => request<Run>("PATCH", runPath(id), { body: patch });

export const deleteRun = (id: string) => request<unknown>("DELETE", runPath(id));

export const restoreRun = (id: string) => request<Run>("POST", `${runPath(id)}/restore`, { body: {} });

export interface SeriesQuery {
  runs: readonly string[];
  metrics: readonly string[];
  x: XAxis;
  points: number;
  from?: number | undefined;
  to?: number | undefined;
}

export const getSeries = (query: SeriesQuery, signal?: AbortSignal) =>
  request<SeriesAnswer>(
    "GET",
    withQuery(
      "/api/series",
      composeQuery({ run: query.runs, metric: query.metrics, x: query.x, points: query.points, from: query.from, to: query.to }),
    ),
    { signal },
  );

export const getConsole = (id: string, from: number, limit: number, signal?: AbortSignal) =>
  request<ConsolePiece>("GET", `${runPath(id)}/console?from=${from}&limit=${limit}`, { signal });

export interface ConsoleSearch {
  text: string;
  regex: boolean;
  matchCase: boolean;
}

/** Look for lines from a place on; count: go on counting behind the last match that is returned. */
export const searchConsole = (id: string, wanted: ConsoleSearch, begin: ConsolePlace, limit: number, count: boolean, signal?: AbortSignal) =>
  request<ConsoleFound>(
    "GET",
    `${runPath(id)}/console/search?q=${encodeURIComponent(wanted.text)}&regex=${wanted.regex}&case=${wanted.matchCase}&from=${begin.from}&line=${begin.line}&limit=${limit}&count=${count}&text=false`,
    { signal },
  );

/** Return when bytes were written; at: a time in ms since 1970 whose place is wanted. */
export const getConsoleTimes = (id: string, from: number, to: number, at: number | null = null, signal?: AbortSignal) =>
  request<ConsoleTimes>("GET", `${runPath(id)}/console/times?from=${from}&to=${to}${at === null ? "" : `&at=${at / 1000}`}`, { signal });

export const getEvents = (id: string, file: string, from: number, limit: number, signal?: AbortSignal) =>
  request<EventsPiece>("GET", `${runPath(id)}/events?file=${encodeURIComponent(file)}&from=${from}&limit=${limit}`, { signal });

/** Return what a file of a run holds, as text. */
export const getText = (url: string, signal?: AbortSignal) => request<string>("GET", url, { signal, asText: true });

const encodePath = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

export const fileUrl = (id: string, path: string): string => `${runPath(id)}/files/${encodePath(path)}`;

const artifactPath = (name: string) => `/api/artifacts/${encodeURIComponent(name)}`;

export const getArtifacts = (signal?: AbortSignal) => request<{ artifacts: ArtifactOverview[] }>("GET", "/api/artifacts", { signal });

export const getArtifact = (name: string, signal?: AbortSignal) => request<Artifact>("GET", artifactPath(name), { signal });

/** Return a version with `limit` of its files, sorted by path. */
export const getArtifactFiles = (name: string, version: string, offset: number, limit: number, signal?: AbortSignal) =>
  request<ArtifactFiles>("GET", `${artifactPath(name)}/${version}?offset=${offset}&limit=${limit}`, { signal });

export const artifactFileUrl = (name: string, version: string, path: string): string => `${artifactPath(name)}/${version}/files/${encodePath(path)}`;

// --- remote -----------------------------------------------------------------------------------------------------

export const getRemoteStatus = (signal?: AbortSignal) => request<RemoteStatus>("GET", "/api/remote/status", { signal });

export const connect = (body: ConnectBody, signal?: AbortSignal) =>
  request<{ ok: boolean; connection_id: string }>("POST", "/api/remote/connect", { body, signal, timeoutMs: SLOW_TIMEOUT_MS });

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

export const getKnownHosts = (signal?: AbortSignal) =>
  request<{ entries: KnownHost[] }>("GET", "/api/remote/known-hosts/list", { signal });

export const removeKnownHost = (host: string, port: number, keyType: string) =>
  request<{ ok: boolean; changed: boolean }>("POST", "/api/remote/known-hosts/remove", { body: { host, port, key_type: keyType } });

export const getEnvironments = (connectionId: string, signal?: AbortSignal) =>
  request<{ envs: Environment[] }>("GET", withQuery("/api/remote/conda-envs", composeQuery({ connection_id: connectionId })), {
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
  request<{ ok: boolean; session: Session; message: string }>("POST", "/api/remote/viewer/start", { body, signal, timeoutMs: SLOW_TIMEOUT_MS });

export const retryViewer = (sessionId: string, login = false) =>
  request<{ ok: boolean; message: string }>("POST", "/api/remote/viewer/retry", { body: { session_id: sessionId, login } });

export const getSessionLog = (sessionId: string, after: number, signal?: AbortSignal) =>
  request<SessionLogPiece>("GET", `/api/remote/viewer/log/${encodeURIComponent(sessionId)}?after=${after}`, { signal });

export const getDiagnostics = (sessionId: string) =>
  request<string>("GET", `/api/remote/viewer/diagnostics/${encodeURIComponent(sessionId)}`, { asText: true });

export const stopViewer = (sessionId: string) =>
  request<{ ok: boolean; message: string }>("POST", "/api/remote/viewer/stop", { body: { session_id: sessionId } });

export const listRemote = (connectionId: string, path: string, signal?: AbortSignal) =>
  request<RemoteListing>("GET", withQuery("/api/remote/fs/list", composeQuery({ connection_id: connectionId, path })), { signal });

export const getSaved = (signal?: AbortSignal) =>
  request<{ connections: SavedConnection[] }>("GET", "/api/remote/connections/saved", { signal });

export const putSaved = (connections: readonly SavedConnection[]) =>
  request<{ ok: boolean }>("POST", "/api/remote/connections/saved", { body: connections });
