/** Folders on the nodes of Slurm jobs, behind a host that is connected: read through the job, where the node's own disks are. */

import * as api from "../../api/remote";
import type { Machine } from "../../api/machines";
import type { Session } from "../../api/remote-types";
import { newAttempt } from "../../pure/attempt";
import { parseTarget, sameTarget, formatTarget, type Target } from "../../pure/target";
import { go } from "../route";
import { begin, credentialsOf, emptyLogin, loginOf, type LoginForm } from "./flow";
import { savedFor } from "./hosts";
import { sessions } from "./status";

/** A node that is reached by SSH and a job: the host that leads there, with its connection, and the job. */
export interface JobNode {
  host: Target;
  connectionId: string;
  node: string;
  job: string;
}

/** Return how a machine is such a node; null for a host, and for a node behind this machine itself. */
export function nodeOf(machine: Machine): JobNode | null {
  if (machine.node === null || machine.node_job === null) return null;
  const connectionId = machine.id.slice(0, -(machine.node.length + 1));
  const parsed = parseTarget(connectionId);
  return parsed.ok ? { host: parsed.target, connectionId, node: machine.node, job: machine.node_job } : null;
}

const LIVE: readonly Session["status"][] = ["starting", "running", "reconnecting"];

/** The sessions that read a folder there. */
export const sessionsOn = ({ host, node }: JobNode): Session[] =>
  sessions.value.filter((one) => one.node === node && sameTarget(one.connectionId, host) && LIVE.includes(one.status));

/** Bring the runs of a folder there among those on show, over the connection that its host has. */
export async function openOnNode({ host, node, job }: JobNode, root: string): Promise<void> {
  await api.startViewer({
    ...host,
    ...credentialsOf(loginTo(host)),
    jumps: savedFor(host)?.jumps ?? null,
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

/** How a host was logged in to the last time, as far as that is kept. */
function loginTo(host: Target): LoginForm {
  const known = savedFor(host);
  return known ? { ...emptyLogin(), login: loginOf(known), keyPath: known.privateKeyPath ?? "" } : emptyLogin();
}

/** Log in to the node itself, where the site allows that, with its host as the jump, and as to that. */
export function logInToNode({ host, node }: JobNode): void {
  const before = savedFor(host)?.jumps ?? [];
  go("#/remote");
  begin({ username: host.username, host: node, port: 22 }, loginTo(host), { jumps: [...before, formatTarget(host)] });
}
