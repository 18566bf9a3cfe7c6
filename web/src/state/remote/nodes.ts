/** Folders on the nodes of Slurm jobs, behind a host that is connected: read through the job, where the node's own disks are. */

import * as api from "../../api/remote";
import type { Machine } from "../../api/machines";
import type { Session } from "../../api/remote-types";
import { newAttempt } from "../../pure/attempt";
import { parseTarget, sameTarget, formatTarget, type Target } from "../../pure/target";
import { go } from "../route";
import { begin, credentialsOf, emptyLogin, loginOf } from "./flow";
import { savedFor } from "./hosts";
import { sessions } from "./status";

/** A node that is reached by SSH and a job: the host that leads there, and the job. */
export interface JobNode {
  host: Target;
  node: string;
  job: string;
}

/** Return how a machine is such a node; null for a host, and for a node behind this machine itself. */
export function nodeOf(machine: Machine): JobNode | null {
  if (machine.node === null || machine.node_job === null) return null;
  const parsed = parseTarget(machine.id.slice(0, -(machine.node.length + 1)));
  return parsed.ok ? { host: parsed.target, node: machine.node, job: machine.node_job } : null;
}

const LIVE: readonly Session["status"][] = ["starting", "running", "reconnecting"];

/** The sessions that read a folder there. */
export const sessionsOn = ({ host, node }: JobNode): Session[] =>
  sessions.value.filter((one) => one.node === node && sameTarget(one.connectionId, host) && LIVE.includes(one.status));

/** Bring the runs of a folder there among those on show, over the connection that its host has. */
export async function openOnNode({ host, node, job }: JobNode, root: string): Promise<void> {
  const known = savedFor(host);
  const form = { ...emptyLogin(), login: known ? loginOf(known) : emptyLogin().login, keyPath: known?.privateKeyPath ?? "" };
  await api.startViewer({
    ...host,
    ...credentialsOf(form),
    jumps: known?.jumps ?? null,
    attempt: newAttempt(),
    interactive: true,
    remote_root: root,
    local_port: null,
    remote_port: null,
    conda_env: null,
    mode: "auto",
    node,
    node_job: job,
  });
}

/** Log in to the node itself, where the site allows that, with its host as the jump. */
export function logInToNode({ host, node }: JobNode): void {
  const before = savedFor(host)?.jumps ?? [];
  go("#/remote");
  begin({ username: host.username, host: node, port: 22 }, emptyLogin(), { jumps: [...before, formatTarget(host)] });
}
