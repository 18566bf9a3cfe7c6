/** Connecting saved hosts side by side: none waits for another one's questions, and each is given up by itself. */

import * as api from "../../api/remote";
import { type ApiError, asApiError, isAbort } from "../../api/error";
import type { SavedConnection } from "../../api/remote-types";
import { newAttempt } from "../../pure/attempt";
import { formatTarget, type Target } from "../../pure/target";
import { credentialsOf, emptyLogin, loginOf, readerOf } from "./flow";
import { saveHost, targetOf } from "./hosts";
import { dropJoining, isUnderWay, joinings, setJoining, shownDecision, type Joining } from "./joining";
import { knownHosts, loadKnownHosts } from "./status";

/** A browser sends six requests to a viewer at a time: one is the stream's, and one is left for everything else. */
const MOST_AT_A_TIME = 4;

interface Work {
  one: SavedConnection;
  /** What is remembered as the time of its use: those of one click stay in their order. */
  usedAt: number;
  passphrase: string;
  ends: AbortController;
}

const works = new Map<string, Work>();
let underWay = 0;

/** Connect these, each with what is saved of it; those that have no folder are told as that. */
export function joinHosts(list: readonly SavedConnection[]): void {
  // Who surely asks for something begins last, so that nobody who asks nothing waits for the person's answers.
  const asksLast = [...list].sort((a, b) => Number(loginOf(a) === "password") - Number(loginOf(b) === "password"));
  const began = Date.now();
  for (const one of asksLast) {
    const target = targetOf(one);
    const before = joinings.peek().get(formatTarget(target));
    if (before && before.phase !== "failed" && before.phase !== "no_folder") continue;
    const fresh: Joining = { target, attempt: newAttempt(), phase: one.remoteRoot ? "waiting" : "no_folder", hostKey: null, error: null, startedAt: began };
    setJoining(fresh);
    if (one.remoteRoot) works.set(formatTarget(target), { one, usedAt: began - list.indexOf(one), passphrase: "", ends: new AbortController() });
  }
  goOn();
}

/** Begin with those that wait, as far as there is room. */
function goOn(): void {
  for (const each of joinings.peek().values()) {
    if (underWay >= MOST_AT_A_TIME) return;
    if (each.phase === "waiting") void run(each);
  }
}

async function run(joining: Joining): Promise<void> {
  const work = works.get(formatTarget(joining.target));
  if (!work) return;
  underWay += 1;
  const { signal } = work.ends;
  try {
    setJoining({ ...joining, phase: "connecting", error: null, hostKey: null });
    const session = await open(joining, work, signal);
    if (signal.aborted) return;
    forget(joining.target);
    await saveHost({ ...work.one, lastUsedAt: work.usedAt, mode: readerOf(session.mode) }).catch(() => {});
  } catch (error) {
    if (!signal.aborted && !isAbort(error)) settle(joining, asApiError(error));
  } finally {
    underWay -= 1;
    goOn();
  }
}

async function open(joining: Joining, { one, passphrase }: Work, signal: AbortSignal) {
  const form = { ...emptyLogin(), login: loginOf(one), keyPath: one.privateKeyPath ?? "", passphrase };
  const body = { ...joining.target, ...credentialsOf(form), jumps: one.jumps ?? null, attempt: joining.attempt, interactive: true };
  await api.connect(body, signal);
  signal.throwIfAborted();
  setJoining({ ...joining, phase: "starting", error: null, hostKey: null });
  const environment = one.condaEnv ?? null;
  const { session } = await api.startViewer(
    {
      ...body,
      remote_root: one.remoteRoot!,
      local_port: one.localPort ? Number(one.localPort) : null,
      remote_port: one.remotePort && environment !== null ? Number(one.remotePort) : null,
      conda_env: environment,
      mode: (environment === null ? readerOf(one.mode) : null) ?? "auto",
    },
    signal,
  );
  return session;
}

/** Turn an error into what would solve it, or into the failure it is. */
function settle(joining: Joining, error: ApiError): void {
  if (error.code === "QUESTION_CANCELLED") forget(joining.target);
  else if (error.hostKey) setJoining({ ...joining, phase: "host_key", hostKey: error.hostKey });
  else if (error.code === "PASSPHRASE_REQUIRED" || error.code === "PASSPHRASE_WRONG") setJoining({ ...joining, phase: "passphrase", error });
  else setJoining({ ...joining, phase: "failed", error });
}

function forget(target: Target): void {
  works.delete(formatTarget(target));
  dropJoining(target);
}

/** Accept the key on show of a host, and go on with that host. */
export async function acceptItsKey(joining: Joining): Promise<void> {
  await api.acceptHostKey(joining.hostKey!);
  if (knownHosts.value) void loadKnownHosts().catch(() => {});
  again(joining);
}

/** Go on with a host whose key is encrypted. The passphrase is kept in memory, for this attempt. */
export function unlock(joining: Joining, passphrase: string): void {
  const work = works.get(formatTarget(joining.target));
  if (work) work.passphrase = passphrase;
  again(joining);
}

function again(joining: Joining): void {
  shownDecision.value = null;
  setJoining({ ...joining, phase: "waiting", startedAt: Date.now() });
  goOn();
}

/** Give up this one host: nothing goes on behind it, and nothing of another one is touched. */
export function giveUpJoining(joining: Joining): void {
  const goesOn = isUnderWay(joining) && joining.phase !== "waiting";
  works.get(formatTarget(joining.target))?.ends.abort();
  forget(joining.target);
  // One that waits for a decision may have a connection that it alone made.
  if (goesOn || joining.phase === "host_key" || joining.phase === "passphrase") api.giveUp(joining.attempt).catch(() => {});
}
