/** Everything over SSH: saved hosts, live connections and sessions, and the one way from a host's name to its page. */

import { batch, computed, effect, signal } from "@preact/signals";
import * as api from "../api/client";
import { ApiError, asApiError, detailText, isAbort } from "../api/error";
import type {
  Credentials,
  Environment,
  HostKey,
  KnownHost,
  Progress,
  RemoteConfig,
  RemoteStatus,
  SavedConnection,
  Session,
  Stage,
} from "../api/types";
import { formatTarget, sameTarget, type Target } from "../pure/target";
import { returns, stream } from "./link";

export const status = signal<RemoteStatus | null>(null);
export const saved = signal<readonly SavedConnection[] | null>(null);
export const remoteError = signal<ApiError | null>(null);
export const knownHosts = signal<readonly KnownHost[] | null>(null);

export const sessions = computed<readonly Session[]>(() => status.value?.viewer_sessions ?? []);

let wired = false;

/** Load what the Remote page and the sidebar show; from then on it is live. */
export function startRemote(): void {
  if (wired) return;
  wired = true;
  stream.on("remote", (data) => {
    status.value = data;
    remoteError.value = null;
  });
  // Whoever comes back to the page does not wait for the next attempt.
  const look = () => {
    if (document.hidden) return;
    for (const one of sessions.value) if (one.status === "running" || one.status === "reconnecting") void lookAtLink(one.sessionId);
  };
  document.addEventListener("visibilitychange", look);
  window.addEventListener("online", look);
  void loadRemote();
}

/** Have a session's link looked at now; that it cannot be asked is told by everything else on the page. */
export const lookAtLink = (sessionId: string): Promise<void> => api.retryViewer(sessionId).then(
  () => undefined,
  () => undefined,
);

export async function loadRemote(): Promise<void> {
  try {
    const [list, now] = await Promise.all([api.getSaved(), api.getRemoteStatus()]);
    batch(() => {
      saved.value = list.connections;
      status.value = now;
      remoteError.value = null;
    });
  } catch (error) {
    remoteError.value = asApiError(error);
  }
}

export async function loadKnownHosts(): Promise<void> {
  knownHosts.value = (await api.getKnownHosts()).entries;
}

let seenReturns = returns.peek();
effect(() => {
  if (returns.value === seenReturns) return;
  seenReturns = returns.value;
  if (wired) void loadRemote();
});

// --- saved hosts ------------------------------------------------------------------------------------------------

export const targetOf = (one: SavedConnection): Target => ({ username: one.username, host: one.host, port: Number(one.port) || 22 });

export const isSame = (a: Target, b: Target): boolean => a.username === b.username && a.host === b.host && a.port === b.port;

export const hostLabel = (one: SavedConnection): string => one.name?.trim() || one.host;

/** Saved hosts, the one used last first. */
export const hosts = computed<readonly SavedConnection[]>(() =>
  [...(saved.value ?? [])].sort((a, b) => (Number(b.lastUsedAt) || 0) - (Number(a.lastUsedAt) || 0)),
);

export type HostState = "running" | "reconnecting" | "connected" | "busy" | "failed" | "idle";

/** What the dot beside a host tells: its session's state, else its connection's. */
export function hostState(target: Target): HostState {
  const mine = sessionsOf(target);
  if (mine.some((one) => one.status === "running")) return "running";
  if (mine.some((one) => one.status === "reconnecting")) return "reconnecting";
  if (mine.some((one) => one.status === "starting")) return "busy";
  if (mine.some((one) => one.status === "failed")) return "failed";
  const connection = status.value?.connections.find((one) => sameTarget(one.key, target));
  return connection?.connected ? "connected" : "idle";
}

export const sessionsOf = (target: Target): Session[] => sessions.value.filter((one) => sameTarget(one.connectionId, target));

export const progressOf = (target: Target): Progress | undefined =>
  status.value?.progress?.find((one) => sameTarget(one.connectionId, target));

/** Put `change` into the list of saved hosts (in place of `before`, if given) and keep it. */
export async function saveHost(change: SavedConnection, before?: SavedConnection): Promise<void> {
  // Another window may have changed the list meanwhile, so start from what is kept.
  const { connections } = await api.getSaved();
  const old = before ? targetOf(before) : targetOf(change);
  const at = connections.findIndex((one) => isSame(targetOf(one), old));
  const next = connections.slice();
  if (at >= 0) next[at] = { ...connections[at]!, ...change };
  else next.push(change);
  await api.putSaved(next);
  saved.value = next;
}

export async function forgetHost(one: SavedConnection): Promise<void> {
  const { connections } = await api.getSaved();
  const next = connections.filter((other) => !isSame(targetOf(other), targetOf(one)));
  await api.putSaved(next);
  saved.value = next;
}

// --- from a host's name to its page -----------------------------------------------------------------------------

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
  target: Target;
  phase: Phase;
  form: LoginForm;
  /** Go through to the page with what is saved, without asking for environment and folder. */
  straight: boolean;
  hostKey: HostKey | null;
  error: ApiError | null;
  /** Where a retry would start again. */
  failedAt: "connect" | "choose" | "start" | null;
  connectionId: string | null;
  environments: Environment[];
  environment: string | null;
  config: RemoteConfig | null;
  configBusy: boolean;
  root: string;
  rootTouched: boolean;
  localPort: string;
  remotePort: string;
  passphraseAsked: boolean;
  /** The connection was there before this attempt: its login was not tried, so it is not worth keeping. */
  wasConnected: boolean;
  startedAt: number;
}

export const flow = signal<Flow | null>(null);
let attempt: AbortController | null = null;

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

const patch = (change: Partial<Flow>): void => {
  if (flow.value) flow.value = { ...flow.value, ...change };
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

export const savedFor = (target: Target): SavedConnection | undefined => saved.value?.find((one) => isSame(targetOf(one), target));

/** Begin with a host: connect, and ask on the way for whatever is missing. */
export function begin(target: Target, form: LoginForm, options: { straight?: boolean } = {}): void {
  attempt?.abort();
  const known = savedFor(target);
  flow.value = {
    target,
    phase: "connecting",
    form,
    straight: options.straight ?? false,
    hostKey: null,
    error: null,
    failedAt: null,
    connectionId: null,
    environments: [],
    environment: known?.condaEnv ?? null,
    config: null,
    configBusy: false,
    root: known?.remoteRoot ?? "",
    rootTouched: Boolean(known?.remoteRoot),
    localPort: known?.localPort ? String(known.localPort) : "",
    remotePort: known?.remotePort ? String(known.remotePort) : "",
    passphraseAsked: false,
    wasConnected: status.value?.connections.some((one) => one.connected && sameTarget(one.key, target)) ?? false,
    startedAt: Date.now(),
  };
  void runConnect();
}

/** Open a saved host: its running page if there is one, else connect and start with what is saved. */
export function openHost(one: SavedConnection): void {
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
  begin(target, form, { straight: Boolean(one.remoteRoot && one.condaEnv) });
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
  attempt?.abort();
  const mine = new AbortController();
  attempt = mine;
  try {
    await work(mine.signal);
  } catch (error) {
    if (attempt !== mine || isAbort(error)) return;
    settle(asApiError(error), failedAt);
  }
}

/** Turn an error into the question that would solve it, or into the failure it is. */
function settle(error: ApiError, failedAt: Flow["failedAt"]): void {
  const now = flow.value;
  if (!now) return;
  if (error.hostKey) patch({ phase: "host_key", hostKey: error.hostKey, error: null, failedAt });
  else if (LOGIN_CODES.has(error.code)) {
    const wantsPassphrase = error.code.startsWith("PASSPHRASE_");
    const form = { ...now.form };
    if (error.code === "PASSPHRASE_WRONG") form.passphrase = "";
    // An agent without a fitting key leads to the password where the server says that it takes one.
    const offersPassword = error.code === "NO_CREDENTIALS" || (error.code === "AUTH_FAILED" && /password|keyboard/i.test(error.detail));
    if (offersPassword && form.login === "agent") form.login = "password";
    patch({ phase: "login", error, form, passphraseAsked: now.passphraseAsked || wantsPassphrase, failedAt });
  } else if (error.code === "NOT_CONNECTED") patch({ phase: "failed", error, failedAt: "connect", connectionId: null });
  else patch({ phase: "failed", error, failedAt });
}

export function runConnect(): Promise<void> {
  patch({ phase: "connecting", error: null, hostKey: null, startedAt: Date.now() });
  return guarded("connect", async (signal) => {
    const now = flow.value!;
    const answer = await api.connect({ ...now.target, ...credentialsOf(now.form) }, signal);
    patch({ connectionId: answer.connection_id });
    await runChoose(signal);
  });
}

async function runChoose(signal: AbortSignal): Promise<void> {
  const now = flow.value!;
  void remember(false);
  if (now.straight && now.root && now.environment) {
    await start(signal);
    return;
  }
  patch({ phase: "loading", error: null });
  const { envs } = await api.getEnvironments(now.connectionId!, signal);
  const usable = envs.filter(isUsable);
  const kept = usable.find((one) => one.name === now.environment);
  const preset = kept ?? usable.find((one) => one.is_default) ?? usable[0] ?? null;
  patch({ environments: envs, environment: preset?.name ?? null });
  patch({ phase: "choose" });
  await readConfig(signal);
}

export const isUsable = (one: Environment): boolean => !one.error && one.runicorn_version !== null;

async function readConfig(signal: AbortSignal): Promise<void> {
  const now = flow.value!;
  patch({ configBusy: true });
  try {
    const config = await api.getRemoteConfig(now.connectionId!, now.environment, signal);
    const root = flow.value!.rootTouched ? flow.value!.root : config.defaultStorageRoot;
    patch({ config, root });
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
      remote_root: now.root.trim(),
      local_port: now.localPort ? Number(now.localPort) : null,
      remote_port: now.remotePort ? Number(now.remotePort) : null,
      conda_env: now.environment,
    },
    signal,
  );
  await remember(true).catch(() => {});
  // Secrets are not needed any more: the viewer holds what it needs to reconnect.
  patch({ phase: "ready", form: emptyLogin() });
  leaveFor(session.url);
}

/** Keep this host, never its secrets; with `chosen`, also environment and folder. */
async function remember(chosen: boolean): Promise<void> {
  const now = flow.value;
  if (!now) return;
  const known = savedFor(now.target);
  const entry: SavedConnection = {
    ...(known ?? { name: now.target.host }),
    host: now.target.host,
    port: now.target.port,
    username: now.target.username,
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

/** Give up this attempt: nothing goes on behind it. */
export async function cancelFlow(): Promise<void> {
  const now = flow.value;
  if (!now) return;
  const wasPending = now.phase === "connecting" || now.phase === "starting" || now.phase === "loading";
  attempt?.abort();
  attempt = null;
  patch({ phase: "cancelled", error: null, hostKey: null, form: { ...emptyLogin(), login: now.form.login, keyPath: now.form.keyPath } });
  if (!wasPending) return;
  try {
    const starting = sessionsOf(now.target).filter((one) => one.status === "starting");
    if (starting.length) await Promise.all(starting.map((one) => api.stopViewer(one.sessionId)));
    else if (!sessionsOf(now.target).some((one) => one.isActive)) await api.disconnect(now.target.host, now.target.port, now.target.username);
  } catch {
    // what was not there to be stopped needs no stopping
  }
}

export function closeFlow(): void {
  attempt?.abort();
  attempt = null;
  flow.value = null;
}

// --- the stepper ------------------------------------------------------------------------------------------------

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

export interface Fallback {
  backend: string;
  reason: string;
}

/** Return the tunnels that were passed over, and why, whatever shape the answer has. */
export function fallbacksOf(value: unknown): Fallback[] {
  if (!value) return [];
  if (Array.isArray(value))
    return value.map((one: unknown) => {
      if (typeof one === "string") {
        const [backend = "", ...rest] = one.split(":");
        return rest.length ? { backend, reason: rest.join(":").trim() } : { backend: "", reason: one };
      }
      if (Array.isArray(one)) return { backend: String(one[0] ?? ""), reason: String(one[1] ?? "") };
      const object = (one ?? {}) as Record<string, unknown>;
      return {
        backend: String(object.backend ?? object.name ?? object.tunnel ?? ""),
        reason: detailText(object.reason ?? object.detail ?? object.message ?? object.error ?? "") || String(object.code ?? ""),
      };
    });
  if (typeof value === "object") return Object.entries(value).map(([backend, reason]) => ({ backend, reason: detailText(reason) || String(reason) }));
  return [];
}

export const describeTarget = (target: Target): string => formatTarget(target);
