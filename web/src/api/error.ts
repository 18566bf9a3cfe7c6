/** A failure with a name: code, what happened, what to do next. */

import type { HostKey } from "./remote-types";

export class ApiError extends Error {
  constructor(
    readonly code: string,
    /** One sentence on what happened. */
    readonly detail: string,
    /** One sentence on what to do next; may be empty. */
    readonly hint: string,
    readonly status: number,
    /** The key to be confirmed, where `code` asks for that. */
    readonly hostKey: HostKey | null = null,
    /** Which character of a query shows it, counted from 0; null where it is no query. */
    readonly position: number | null = null,
  ) {
    super(detail);
  }

  /** Whether the viewer itself was not reached, so that the page waits for it to come back. */
  get unreachable(): boolean {
    if (this.code === "REMOTE_UNAVAILABLE" || this.code === "RUN_UNREADABLE") return false;
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export const unreachable = (): ApiError =>
  new ApiError("VIEWER_UNREACHABLE", "The viewer does not answer.", "This page goes on by itself as soon as it is back.", 0);

/** One of several runs that were asked for together is not there; as the viewer itself says it of a single one. */
export const runNotFound = (id: string): ApiError =>
  new ApiError("RUN_NOT_FOUND", `There is no run ${id}.`, "It may have been deleted, or belong to another storage root.", 404);

/** One of several runs that were asked for together cannot be read right now; likewise. */
export const runUnreadable = (id: string, why: string): ApiError =>
  new ApiError("RUN_UNREADABLE", `The run ${id} cannot be read right now: ${why}.`, "It is tried again by itself.", 503);

/** Return the error that an answer's body tells, whatever shape its `detail` has. */
export function errorFromBody(status: number, body: unknown): ApiError {
  const object = isObject(body) ? body : {};
  const detail = object.detail;
  const nested = isObject(detail) ? detail : null;
  const code = text(object.code) || text(nested?.code) || (status === 503 ? "UNAVAILABLE" : `HTTP_${status}`);
  const hostKey = nested && isObject(nested.host_key) ? (nested.host_key as unknown as HostKey) : null;
  return new ApiError(code, detailText(detail) || `The viewer answered with status ${status}.`, text(object.hint), status, hostKey, typeof object.position === "number" ? object.position : null);
}

/** Return a `detail` of any shape (a sentence, an object, a validation list) as one piece of text. */
export function detailText(detail: unknown): string {
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail))
    return detail
      .map((item) => {
        if (!isObject(item)) return String(item);
        const where = Array.isArray(item.loc) ? item.loc.filter((part) => part !== "body" && part !== "query").join(".") : "";
        return where ? `${where}: ${text(item.msg)}` : text(item.msg);
      })
      .join("; ");
  if (isObject(detail)) return text(detail.message) || text(detail.detail) || JSON.stringify(detail);
  return "";
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Return anything thrown as an ApiError. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DOMException && error.name === "AbortError") return new ApiError("CANCELLED", "Cancelled.", "", 0);
  return new ApiError("PAGE_ERROR", error instanceof Error ? error.message : String(error), "Reload the page and try again.", -1);
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";
