/** How far an attempt has come, as the stepper shows it. */

import type { Session, Stage } from "../../api/remote-types";
import type { Target } from "../../pure/target";
import type { Flow } from "./flow";
import { progressOf, sessionsOf } from "./status";

export const STAGES = ["resolve", "tcp", "host_key", "login", "environments", "start", "tunnel", "ready"] as const;
const CONNECTED_AT = STAGES.indexOf("login");

/** Return the stages as the viewer reports them; before it does, as far as the page knows them itself. */
export function stagesOf(now: Flow): Stage[] {
  const progress = progressOf(now.target);
  const reported = new Map((progress?.stages ?? []).map((stage) => [stage.name, stage]));
  const active = now.phase === "connecting" || now.phase === "starting" || now.phase === "loading";
  const list = STAGES.map<Stage>((name) => reported.get(name) ?? { name, state: "pending", secs: null, detail: null });
  if (!progress && active) list[0] = { ...list[0]!, state: "running" };
  if (now.connectionId === null) return list;
  // Once there is a connection these are behind us, also where an earlier attempt made it.
  return list.map((stage, index) => (index <= CONNECTED_AT && stage.state !== "done" ? { ...stage, state: "done" } : stage));
}

/** The session that this attempt started in vain, if it came that far. */
export const failedSession = (now: Flow | null): Session | undefined =>
  now?.phase === "failed" ? sessionsOf(now.target).find((one) => one.status === "failed" && (one.startedAt ?? 0) >= now.startedAt) : undefined;

export const logOf = (target: Target): string[] => progressOf(target)?.log ?? [];
