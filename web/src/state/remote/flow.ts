/** The one way from a host's name to its page: connect, choose, start, asking on the way for whatever is missing. */

import { signal } from "@preact/signals";
import * as api from "../../api/remote";
import { ApiError, asApiError, isAbort } from "../../api/error";
import type { Credentials, Environment, HostKey, Mode, RemoteConfig, SavedConnection, Session, StorageCandidate } from "../../api/remote-types";
import { newAttempt } from "../../pure/attempt";
import { sameTarget, type Target } from "../../pure/target";
import { go, place, runsHash } from "../route";
import { goingTo } from "./going";
import { saveHost, savedFor, targetOf } from "./hosts";
import { knownHosts, loadKnownHosts, sessionsOf, status } from "./status";

export type Login = "agent" | "key_file" | "key" | "password";

/** What the person has typed to log in; lives in memory only, for as long as the attempt. */
export interface LoginForm {
  login: Login;
  keyPath: string;
  keyText: string;
  password: string;
  passphrase: string;
}

export const emptyLogin = (): LoginForm => ({ login: "agent", keyPath: "", keyText: "", password: "", passphrase: "" });

export type Phase = "connecting" | "host_key" | "login" | "loading" | "choose" | "starting" | "ready" | "failed" | "cancelled";

export interface Flow {
  /** Names this attempt to the viewer: cancelling ends what bears it, and no session or other window's attempt. */
  attempt: string;
  target: Target;
  /** The hosts on the way that were given by hand; null where the person's ssh config has the say. */
  jumps: string[] | null;
  phase: Phase;
  form: LoginForm;
  /** Go through to the page with what is saved, without asking for environment and folder. */
  straight: boolean;
  /** Come back to the runs at the end, among which the host's are then, instead of going to its own page. */
  stay: boolean;
  hostKey: HostKey | null;
  error: ApiError | null;
  /** Where a retry would start again. */
  failedAt: "connect" | "choose" | "start" | null;
  connectionId: string | null;
  /** What carries that connection: "paramiko" or "ssh". */
  connector: string | null;
  environments: Environment[];
  /** In which one a viewer is to start; null where none is needed. */
  environment: string | null;
  /** What read this folder the last time, where that was no viewer. */
  lastMode: Mode | null;
  config: RemoteConfig | null;
  configBusy: boolean;
  root: string;
  rootTouched: boolean;
  /** Folders with runs that the server was found to have. */
  found: readonly StorageCandidate[];
  localPort: string;
  remotePort: string;
  passphraseAsked: boolean;
  /** The connection was there before this attempt: its login was not tried, so it is not worth keeping. */
  wasConnected: boolean;
  startedAt: number;
}

export const flow = signal<Flow | null>(null);
let pending: AbortController | null = null;

const LOGIN_CODES = new Set([
  "AUTH_FAILED",
  "NO_CREDENTIALS",
  "INTERACTION_REQUIRED",
  "KEY_FILE_NOT_FOUND",
  "KEY_INVALID",
  "CREDENTIAL_UNUSABLE",
  "PASSPHRASE_REQUIRED",
  "PASSPHRASE_WRONG",
]);

/** What an account answers that runs no command, or has no Python. */
const NO_COMMAND_CODES = new Set(["LOGIN_SHELL_REFUSED", "NO_PYTHON"]);

/** Where a person is needed, whatever page they have stayed on. */
const NEEDS_PERSON = new Set<Phase>(["host_key", "login", "choose", "failed"]);

const patch = (change: Partial<Flow>): void => {
  if (!flow.value) return;
  flow.value = { ...flow.value, ...change };
  if (goingTo.peek() === null || !change.phase || change.phase === "connecting" || change.phase === "loading" || change.phase === "starting") return;
  goingTo.value = null;
  if (NEEDS_PERSON.has(change.phase)) go("#/remote");
};

export const editFlow = patch;

export function credentialsOf(form: LoginForm): Credentials {
  const base: Credentials = { password: null, private_key: null, private_key_path: null, passphrase: null, use_agent: form.login === "agent" };
  const passphrase = form.passphrase || null;
  if (form.login === "key_file") return { ...base, private_key_path: form.keyPath.trim() || null, passphrase };
  if (form.login === "key") return { ...base, private_key: form.keyText || null, passphrase };
  if (form.login === "password") return { ...base, password: form.password };
  return { ...base, passphrase };
}

const SAVED_LOGIN: Record<Login, string> = { agent: "agent", key_file: "key", key: "key_text", password: "password" };

export function loginOf(one: SavedConnection): Login {
  const method = (one.authMethod ?? "").toLowerCase();
  if (method.includes("pass")) return "password";
  if (method === "key_text") return "key";
  if (one.privateKeyPath) return "key_file";
  return "agent";
}

/** Begin with a host: connect, and ask on the way for whatever is missing. */
export function begin(target: Target, form: LoginForm, options: { straight?: boolean; stay?: boolean; jumps?: string[] | null } = {}): void {
  const going = options.stay ? goingTo.peek() : null;
  leave();
  goingTo.value = going;
  const known = savedFor(target);
  flow.value = {
    attempt: newAttempt(),
    target,
    jumps: options.jumps === undefined ? (known?.jumps ?? null) : options.jumps,
    phase: "connecting",
    form,
    straight: options.straight ?? false,
    stay: options.stay ?? false,
    hostKey: null,
    error: null,
    failedAt: null,
    connectionId: null,
    connector: null,
    environments: [],
    environment: known?.condaEnv ?? null,
    lastMode: readerOf(known?.mode),
    config: null,
    configBusy: false,
    root: known?.remoteRoot ?? "",
    rootTouched: Boolean(known?.remoteRoot),
    found: [],
    localPort: known?.localPort ? String(known.localPort) : "",
    remotePort: known?.remotePort ? String(known.remotePort) : "",
    passphraseAsked: false,
    wasConnected: status.value?.connections.some((one) => one.connected && sameTarget(one.key, target)) ?? false,
    startedAt: Date.now(),
  };
  void runConnect();
}

/** Open a saved host: its running page if there is one, else connect and start with what is saved. stay: see Flow. */
export function openHost(one: SavedConnection, stay = false): void {
  const target = targetOf(one);
  const running = sessionsOf(target).find(
    (session) => session.status === "running" && (!one.remoteRoot || session.remoteRoot === one.remoteRoot || sessionsOf(target).length === 1),
  );
  if (running) {
    leaveFor(running.url);
    void saveHost({ ...one, lastUsedAt: Date.now() }, one).catch(() => {});
    return;
  }
  const form: LoginForm = { ...emptyLogin(), login: loginOf(one), keyPath: one.privateKeyPath ?? "" };
  begin(target, form, { straight: Boolean(one.remoteRoot && (one.condaEnv || one.mode)), stay });
}

/** Only an address of this machine is ever gone to, whatever an answer says. */
export function leaveFor(url: string): void {
  try {
    const to = new URL(url);
    if ((to.protocol === "http:" || to.protocol === "https:") && ["localhost", "127.0.0.1", "[::1]"].includes(to.hostname)) {
      location.assign(to.href);
      return;
    }
  } catch {
    // falls through to the sentence below
  }
  patch({ phase: "failed", error: new ApiError("BAD_SESSION_URL", `The session's address ${url} is not on this machine.`, "Stop the session and start it again.", -1) });
}

async function guarded(failedAt: Flow["failedAt"], work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  pending?.abort();
  const mine = new AbortController();
  pending = mine;
  try {
    await work(mine.signal);
  } catch (error) {
    if (pending !== mine || isAbort(error)) return;
    settle(asApiError(error), failedAt);
  }
}

/** What read a folder, where that was no viewer over there. */
export const readerOf = (mode: unknown): "agent" | "sftp" | null => (mode === "agent" || mode === "sftp" ? mode : null);

/** Turn an error into the question that would solve it, or into the failure it is. */
function settle(error: ApiError, failedAt: Flow["failedAt"]): void {
  const now = flow.value;
  if (!now) return;
  if (error.code === "QUESTION_CANCELLED") cancelFlow();
  else if (error.hostKey) patch({ phase: "host_key", hostKey: error.hostKey, error: null, failedAt });
  else if (LOGIN_CODES.has(error.code)) {
    const wantsPassphrase = error.code.startsWith("PASSPHRASE_");
    const form = { ...now.form };
    if (error.code === "PASSPHRASE_WRONG") form.passphrase = "";
    patch({ phase: "login", error, form, passphraseAsked: now.passphraseAsked || wantsPassphrase, failedAt });
  } else if (error.code === "NOT_CONNECTED") patch({ phase: "failed", error, failedAt: "connect", connectionId: null });
  else patch({ phase: "failed", error, failedAt });
}

export function runConnect(): Promise<void> {
  patch({ phase: "connecting", error: null, hostKey: null, startedAt: Date.now() });
  return guarded("connect", async (signal) => {
    const now = flow.value!;
    const answer = await api.connect({ ...now.target, ...credentialsOf(now.form), jumps: now.jumps, attempt: now.attempt, interactive: true }, signal);
    patch({ connectionId: answer.connection_id, connector: answer.connector });
    await runChoose(signal);
  });
}

async function runChoose(signal: AbortSignal): Promise<void> {
  const now = flow.value!;
  void remember(null);
  if (now.straight && now.root) {
    await start(signal);
    return;
  }
  patch({ phase: "loading", error: null });
  const envs = await findEnvironments(now, signal);
  const kept = envs.filter(isUsable).find((one) => one.name === now.environment);
  patch({ environments: envs, environment: kept?.name ?? null });
  patch({ phase: "choose" });
  void findFolders();
  if (envs.length) await readConfig(signal);
}

/** Where only files can be read there are none, which is no reason to stop. */
async function findEnvironments(now: Flow, signal: AbortSignal): Promise<Environment[]> {
  try {
    return (await api.getEnvironments(now.connectionId!, now.environment !== null && isPath(now.environment) ? now.environment : null, signal)).envs;
  } catch (error) {
    if (NO_COMMAND_CODES.has(asApiError(error).code)) return [];
    throw error;
  }
}

const isPath = (environment: string): boolean => /\/|^[~$]/.test(environment);

/** Look for an environment by its path, and choose it. Gives why it cannot be had, in a sentence; null where it can. */
export async function lookForEnvironment(typed: string): Promise<string | null> {
  const path = isPath(typed) ? typed : `./${typed}`;
  const { attempt, connectionId } = flow.value!;
  try {
    const { envs } = await api.getEnvironments(connectionId!, path);
    if (flow.value?.attempt !== attempt) return null;
    const one = envs.find((each) => each.name === path);
    if (!one) return "The server did not say what is there.";
    if (one.error) return `${one.error[0]!.toUpperCase()}${one.error.slice(1)}.`;
    if (one.runicorn_version === null) return "Runicorn is not installed there; the agent needs no environment.";
    patch({ environments: [...flow.value.environments.filter((each) => each.name !== one.name), one] });
    chooseEnvironment(one.name);
    return null;
  } catch (error) {
    const { detail, hint } = asApiError(error);
    return `${detail} ${hint}`.trim();
  }
}

export const isUsable = (one: Environment): boolean => !one.error && one.runicorn_version !== null;

/** Look where runs are; that this cannot be told is told by nothing being offered. */
async function findFolders(): Promise<void> {
  const { attempt, connectionId } = flow.value!;
  try {
    const { candidates } = await api.getStorageCandidates(connectionId!);
    if (flow.value?.attempt === attempt) patch({ found: candidates, ...preferFound(candidates) });
  } catch {
    // browsing still works
  }
}

/** A folder that is there instead of one that is not, as long as nobody has typed. */
function preferFound(found: readonly StorageCandidate[]): Partial<Flow> {
  const now = flow.value!;
  const missing = now.config && !now.config.storageRootExists && now.root === now.config.defaultStorageRoot;
  return missing && !now.rootTouched && found[0] ? { root: found[0].path } : {};
}

async function readConfig(signal: AbortSignal): Promise<void> {
  const now = flow.value!;
  patch({ configBusy: true });
  try {
    const config = await api.getRemoteConfig(now.connectionId!, now.environment, signal);
    const root = flow.value!.rootTouched ? flow.value!.root : config.defaultStorageRoot;
    patch({ config, root });
    patch(preferFound(flow.value!.found));
  } finally {
    if (!signal.aborted) patch({ configBusy: false });
  }
}

export function retryChoose(): void {
  void guarded("choose", (signal) => {
    patch({ straight: false });
    return runChoose(signal);
  });
}

export function chooseEnvironment(name: string): void {
  patch({ environment: name });
  void guarded("choose", readConfig);
}

/** Have the folder read by an agent, which needs no environment. */
export function chooseAgent(): void {
  patch({ environment: null });
}

export function runStart(): Promise<void> {
  return guarded("start", start);
}

async function start(signal: AbortSignal): Promise<void> {
  patch({ phase: "starting", error: null, startedAt: Date.now() });
  const now = flow.value!;
  const { session } = await api.startViewer(
    {
      ...now.target,
      ...credentialsOf(now.form),
      jumps: now.jumps,
      attempt: now.attempt,
      interactive: true,
      remote_root: now.root.trim(),
      local_port: now.localPort ? Number(now.localPort) : null,
      remote_port: now.remotePort && now.environment !== null ? Number(now.remotePort) : null,
      conda_env: now.environment,
      mode: modeOf(now),
    },
    signal,
  );
  await remember(session).catch(() => {});
  // Secrets are not needed any more: the viewer holds what it needs to reconnect.
  patch({ phase: "ready", form: emptyLogin() });
  if (!now.stay) return leaveFor(session.url);
  flow.value = null;
  if (place.peek().page === "remote") go(runsHash());
}

/** As it was the last time, else what is best there. */
function modeOf(now: Flow): Mode {
  return now.environment === null && now.straight && now.lastMode ? now.lastMode : "auto";
}

/** Keep this host, never its secrets; with the session that was `chosen`, also environment and folder. */
async function remember(chosen: Session | null): Promise<void> {
  const now = flow.value;
  if (!now) return;
  const known = savedFor(now.target);
  const entry: SavedConnection = {
    ...(known ?? { name: now.target.host }),
    host: now.target.host,
    port: now.target.port,
    username: now.target.username,
    jumps: now.jumps,
    lastUsedAt: Date.now(),
  };
  if (!known || !now.wasConnected)
    Object.assign(entry, {
      authMethod: SAVED_LOGIN[now.form.login],
      privateKeyPath: now.form.login === "key_file" ? now.form.keyPath.trim() : null,
    });
  if (chosen)
    Object.assign(entry, {
      remoteRoot: now.root.trim(),
      condaEnv: now.environment,
      mode: readerOf(chosen.mode),
      localPort: now.localPort ? Number(now.localPort) : null,
      remotePort: now.remotePort ? Number(now.remotePort) : null,
    });
  try {
    await saveHost(entry);
  } catch {
    // the page is opened all the same; the next successful connect saves it
  }
}

/** Accept the key on show, then go on where the question came up. */
export async function acceptKey(): Promise<void> {
  const now = flow.value;
  if (!now?.hostKey) return;
  await api.acceptHostKey(now.hostKey);
  if (knownHosts.value) void loadKnownHosts().catch(() => {});
  await retry();
}

/** Try again from where it failed. */
export function retry(): Promise<void> {
  const now = flow.value;
  if (now?.failedAt === "start" && now.connectionId) return runStart();
  if (now?.failedAt === "choose" && now.connectionId) {
    retryChoose();
    return Promise.resolve();
  }
  return runConnect();
}

/** Give up this attempt: nothing goes on behind it, and nothing else is touched. */
export function cancelFlow(): void {
  const now = flow.value;
  if (!now) return;
  leave();
  const form = { ...emptyLogin(), login: now.form.login, keyPath: now.form.keyPath };
  patch({ attempt: newAttempt(), phase: "cancelled", error: null, hostKey: null, connectionId: null, form });
}

export function closeFlow(): void {
  leave();
  flow.value = null;
}

/** Let go of the attempt under way, here and in the viewer; one that has come to its page has nothing to let go of. */
function leave(): void {
  goingTo.value = null;
  pending?.abort();
  pending = null;
  const now = flow.value;
  if (now && now.phase !== "ready" && now.phase !== "cancelled") api.giveUp(now.attempt).catch(() => {});
}
