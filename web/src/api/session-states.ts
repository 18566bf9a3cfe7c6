/** The states of a session. Written by scripts/lifecycle_reference.py from session/lifecycle.py. */

export type LiveStatus = "starting" | "running" | "reconnecting" | "stopping";
export type EndedStatus = "stopped" | "failed";
export type SessionStatus = LiveStatus | EndedStatus;
