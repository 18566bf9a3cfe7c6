/** What the dot of a place tells, decided here and nowhere else. Pure. */

import type { SessionStatus } from "../api/session-states";
import type { RunSource } from "../api/types";
import { LOCAL } from "./address";
import { formatAgo, formatDuration } from "./format";

/** asks: somebody has to answer, or to log in, before it goes on. */
export type PlaceState = "asks" | SessionStatus | "connected" | "idle";

export const PLACE_WORDS: Readonly<Record<PlaceState, string>> = {
  asks: "asks you",
  running: "viewer running",
  reconnecting: "reconnecting",
  starting: "starting",
  stopping: "stopping",
  failed: "failed",
  stopped: "stopped",
  connected: "connected",
  idle: "not connected",
};

/** Whether only what was seen of it before is shown. */
export const isAbsent = ({ id, session_id }: Pick<RunSource, "id" | "session_id">): boolean => session_id === null && id !== LOCAL;

/** What is said of rows whose place does not answer. */
export function awayText({ host, state, as_of, ...source }: Pick<RunSource, "id" | "host" | "state" | "as_of" | "session_id">, now: number): string {
  const verb = state === "late" ? "has not answered yet" : isAbsent(source) ? "is not connected" : "is away";
  const word = `${host || "This machine"} ${verb}`;
  return as_of ? `${word}; this is from ${formatAgo(Date.parse(as_of), now)}` : word;
}

/** Clocks that differ by less say nothing wrong of any run. */
const CLOCK_SECS = 5;

/** What is said of a clock that is so many seconds ahead of this machine's; nothing of one that is right. */
export function clockText(aheadSecs: number | null): string {
  if (aheadSecs === null || Math.abs(aheadSecs) < CLOCK_SECS) return "";
  return `${formatDuration(Math.round(Math.abs(aheadSecs)))} ${aheadSecs > 0 ? "ahead of" : "behind"} this machine's`;
}

/** The part of a session that this takes. */
export interface SessionFacts {
  status: SessionStatus;
  needsPerson?: boolean;
}

/** What one session's dot tells. asked: a question to log in there waits for an answer. */
export function sessionState({ status, needsPerson = false }: SessionFacts, asked: boolean): PlaceState {
  const waits = (asked && status === "starting") || ((asked || needsPerson) && status === "reconnecting");
  return waits ? "asks" : status;
}

/** Of several sessions of one place, the first of these counts. */
const TOLD_FIRST: readonly PlaceState[] = ["asks", "running", "reconnecting", "starting", "failed"];

/** What a place's dot tells: that somebody is asked, else its sessions' state, else its connection's. */
export function placeState(sessions: readonly SessionFacts[], asked: boolean, connected: boolean): PlaceState {
  const states = asked ? ["asks"] : sessions.map((one) => sessionState(one, asked));
  return TOLD_FIRST.find((one) => states.includes(one)) ?? (connected ? "connected" : "idle");
}
