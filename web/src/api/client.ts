/** The viewer's API, one typed function for each call. Every failure is an ApiError. */

import { parseAnswer, toJson } from "../pure/json";
import { composeQuery, filterParams, runsQuery, sortParams, type RunsQuery } from "../pure/query";
import { ApiError, errorFromBody, isAbort, unreachable } from "./error";
import type {
  Artifact,
  ArtifactFiles,
  ArtifactList,
  BulkAnswer,
  BulkChange,
  ConsoleFound,
  ConsolePiece,
  ConsolePlace,
  ConsoleTimes,
  EventsPiece,
  Health,
  Run,
  RunDetail,
  RunGroups,
  RunPage,
  RunPatch,
} from "./types";

const QUICK_TIMEOUT_MS = 30_000;
/** Connecting may wait for a slow server, and starting for a cold Python on a network disk. */
export const SLOW_TIMEOUT_MS = 180_000;
/** A server may ask several things while somebody logs in, and gives two minutes for each; the viewer ends it sooner. */
export const PERSON_TIMEOUT_MS = 1_200_000;

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

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const { body, signal, timeoutMs = QUICK_TIMEOUT_MS, asText = false } = options;
  return exchange(method, path, body, signal, timeoutMs, async (answer) => {
    const parsed: unknown = await (asText && answer.ok ? answer.text() : answer.text().then(parseAnswer)).catch((error: unknown) => {
      if (isAbort(error)) throw error;
      return null;
    });
    return { parsed, value: parsed as T };
  });
}

/** Send a request, and give what `take` makes of a good answer; of another one, an ApiError. */
async function exchange<T>(
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
  timeoutMs: number,
  take: (answer: Response) => Promise<{ parsed: unknown; value: T }>,
): Promise<T> {
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
    const { parsed, value } = await take(answer);
    if (!answer.ok) {
      const error = errorFromBody(answer.status, parsed);
      onOutcome(!error.unreachable);
      throw error;
    }
    onOutcome(true);
    return value;
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

export const post = <T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> => request<T>("POST", path, { body, signal });

/** Ask for an answer that is taken piece by piece, as it comes. */
export const read = (path: string, body: unknown, onPiece: (piece: Uint8Array) => void, signal?: AbortSignal): Promise<void> =>
  exchange("POST", path, body, signal, SLOW_TIMEOUT_MS, async (answer) => {
    if (!answer.ok || !answer.body) return { parsed: await answer.text().then(parseAnswer).catch(() => null), value: undefined };
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { parsed: null, value: undefined };
      onPiece(value);
    }
  });

export const withQuery = (path: string, query: string) => (query ? `${path}?${query}` : path);
const runPath = (id: string) => `/api/runs/${encodeURIComponent(id)}`;

export const getHealth = (signal?: AbortSignal) => request<Health>("GET", "/api/health", { signal, timeoutMs: 8000 });

const utcOffset = () => -new Date().getTimezoneOffset();

export const getRuns = (query: RunsQuery, signal?: AbortSignal) => request<RunPage>("GET", withQuery("/api/runs", runsQuery(query, utcOffset())), { signal });

/**
 * Return the groups of the runs that match. ranges: which of the runs are sent, in the order of their groups; whole: how many
 * there may be in the first groups of which the ids are told.
 */
export const getRunGroups = (
  query: RunsQuery,
  by: readonly string[],
  stat: readonly string[],
  ranges: readonly (readonly [number, number])[],
  whole: number,
  signal?: AbortSignal,
) =>
  request<RunGroups>(
    "GET",
    withQuery(
      "/api/run-groups",
      composeQuery({ ...filterParams(query, utcOffset()), ...sortParams(query), by, stat, column: query.columns ?? [], range: ranges.map(([first, end]) => `${first}-${end}`), whole }),
    ),
    { signal },
  );

/** Return the ids of all runs that match, or of those in one group: `path` are its values. */
export const getRunIds = (query: RunsQuery, by: readonly string[] = [], path: readonly unknown[] = [], signal?: AbortSignal) =>
  request<{ ids: string[] }>(
    "GET",
    withQuery("/api/run-ids", composeQuery({ ...filterParams(query, utcOffset()), ...sortParams(query), by, path: path.length ? toJson(path) : undefined })),
    { signal },
  );

export const getFieldValues = (query: RunsQuery, field: string, typed: string, signal?: AbortSignal) =>
  request<{ values: { value: string; count: number }[] }>("GET", withQuery("/api/run-values", composeQuery({ ...filterParams(query, utcOffset()), field, typed, limit: 12 })), { signal });

/** Change many runs at once; it may take a while on a slow disk. */
export const patchRuns = (changes: readonly BulkChange[]) => request<BulkAnswer>("PATCH", "/api/runs", { body: { changes }, timeoutMs: SLOW_TIMEOUT_MS });

export const getRun = (id: string, signal?: AbortSignal) => request<RunDetail>("GET", runPath(id), { signal });

export const patchRun = (id: string, patch: RunPatch) => request<Run>("PATCH", runPath(id), { body: patch });

export const deleteRun = (id: string) => request<unknown>("DELETE", runPath(id));

/** No longer show what was seen of a host that is not connected. */
export const deleteSource = (id: string) => request<unknown>("DELETE", `/api/sources/${encodeURIComponent(id)}`);

export const restoreRun = (id: string) => request<Run>("POST", `${runPath(id)}/restore`, { body: {} });

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

const artifactPath = (id: string) => `/api/artifacts/${encodeURIComponent(id)}`;

export const getArtifacts = (signal?: AbortSignal) => request<ArtifactList>("GET", "/api/artifacts", { signal });

export const getArtifact = (id: string, signal?: AbortSignal) => request<Artifact>("GET", artifactPath(id), { signal });

/** Return a version with `limit` of its files, sorted by path. */
export const getArtifactFiles = (id: string, version: string, offset: number, limit: number, signal?: AbortSignal) =>
  request<ArtifactFiles>("GET", `${artifactPath(id)}/${version}?offset=${offset}&limit=${limit}`, { signal });

export const artifactFileUrl = (id: string, version: string, path: string): string => `${artifactPath(id)}/${version}/files/${encodePath(path)}`;
