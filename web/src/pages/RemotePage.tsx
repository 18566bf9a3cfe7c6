/** The heart of it: from a server's name to its live page. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { stopViewer, removeKnownHost } from "../api/client";
import { asApiError } from "../api/error";
import type { KnownHost, SavedConnection, Session } from "../api/types";
import { Ago, Bone, Code, Delayed, ErrorState, Field } from "../components/basics";
import { FlowPanel } from "../components/FlowPanel";
import { Icon } from "../components/icons";
import { LoginFields } from "../components/LoginFields";
import { Dialog, Menu } from "../components/overlay";
import { SessionLog } from "../components/SessionLog";
import { HostDot } from "../components/Sidebar";
import { formatDuration } from "../pure/format";
import { formatTarget, parsePort, parseTarget, PORT_REASON } from "../pure/target";
import { now } from "../state/clock";
import { useKeys } from "../state/keys";
import {
  begin,
  emptyLogin,
  fallbacksOf,
  flow,
  forgetHost,
  hostLabel,
  hosts,
  hostState,
  isSame,
  knownHosts,
  leaveFor,
  loadKnownHosts,
  loadRemote,
  loginOf,
  openHost,
  remoteError,
  lookAtLink,
  saved,
  savedFor,
  saveHost,
  sessions,
  sessionsOf,
  startRemote,
  targetOf,
} from "../state/remote";
import { toast, toastError } from "../state/toasts";

export function RemotePage() {
  useEffect(() => {
    startRemote();
    void loadKnownHosts().catch(() => {}); // the section says that it is empty or asks again when it is unfolded
  }, []);
  const server = useRef<HTMLInputElement>(null);
  useKeys({
    "/": () => server.current?.focus(),
    n: () => server.current?.focus(),
  });
  const error = remoteError.value;
  const active = flow.value;
  return (
    <div class="remote-page">
      <main class="remote-main">
        <h1 class="visually-hidden">Remote</h1>
        <ConnectLine inputRef={server} />
        {error && saved.value === null ? (
          <ErrorState error={error} onRetry={() => void loadRemote()} />
        ) : (
          <>
            <Hosts />
            <Sessions />
            <KnownHosts />
          </>
        )}
      </main>
      <aside class="remote-side" aria-label="Connection">
        {active ? <FlowPanel flow={active} /> : <HowTo />}
      </aside>
    </div>
  );
}

function ConnectLine({ inputRef }: { inputRef: { current: HTMLInputElement | null } }) {
  const [text, setText] = useState("");
  const [form, setForm] = useState(emptyLogin());
  const [open, setOpen] = useState(false);
  const [complaint, setComplaint] = useState<string | null>(null);
  const submit = () => {
    const parsed = parseTarget(text);
    if (!parsed.ok) {
      setComplaint(parsed.reason);
      inputRef.current?.focus();
      return;
    }
    setComplaint(null);
    const known = savedFor(parsed.target);
    begin(parsed.target, !open && known ? { ...form, login: loginOf(known), keyPath: known.privateKeyPath ?? "" } : form);
    setForm(emptyLogin());
    setOpen(false);
  };
  return (
    <form
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="connect-line">
        <div class="server-field">
          <Icon name="server" />
          <input
            ref={inputRef}
            class={`input${complaint ? " invalid" : ""}`}
            type="text"
            aria-label="Server"
            aria-invalid={complaint !== null}
            aria-describedby="server-note"
            placeholder="user@host:port"
            spellcheck={false}
            autocapitalize="off"
            autocomplete="off"
            value={text}
            onInput={(event) => {
              setText(event.currentTarget.value);
              if (complaint) setComplaint(null);
            }}
          />
        </div>
        <button type="submit" class="button primary">
          Connect
        </button>
      </div>
      <div class="connect-note" id="server-note">
        {complaint ? <span class="field-error">{complaint}</span> : <span class="spacer">The port may be left out; it is 22 then.</span>}
        <button type="button" class="disclosure" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? "chevronDown" : "chevronRight"} size={12} />
          Login
        </button>
      </div>
      {open && <LoginFields form={form} onChange={setForm} />}
    </form>
  );
}

function Hosts() {
  const editing = useSignal<SavedConnection | null>(null);
  const list = hosts.value;
  return (
    <section class="remote-section" aria-label="Saved hosts">
      <header>
        <h2>Hosts</h2>
        {list.length > 0 && <span class="count num">{list.length}</span>}
      </header>
      {saved.value === null ? (
        <Delayed>
          {[0, 1, 2].map((row) => (
            <div key={row} class="host-row" aria-hidden="true">
              <Bone width={8} height={8} />
              <Bone width={120} />
              <Bone width={140} />
              <Bone width={60} />
              <Bone width={50} />
              <span />
            </div>
          ))}
        </Delayed>
      ) : list.length === 0 ? (
        <p class="panel-empty">No host yet. Type one above; it is kept here once you have connected.</p>
      ) : (
        list.map((one) => <HostRow key={formatTarget(targetOf(one))} host={one} onEdit={() => (editing.value = one)} />)
      )}
      {editing.value && <EditHost host={editing.value} onClose={() => (editing.value = null)} />}
    </section>
  );
}

function HostRow({ host, onEdit }: { host: SavedConnection; onEdit: () => void }) {
  const target = targetOf(host);
  const state = hostState(target);
  const running = sessionsOf(target).some((session) => session.status === "running");
  const forget = () =>
    void forgetHost(host).then(
      () => toast(`Forgot ${hostLabel(host)}.`, { label: "Undo", run: () => void saveHost(host).catch(toastError) }),
      toastError,
    );
  return (
    <div class="host-row" role="group" aria-label={hostLabel(host)}>
      <HostDot state={state} />
      <span class="two-lines">
        <strong class="ellipsis">{hostLabel(host)}</strong>
        <small class="ellipsis mono">{formatTarget(target)}</small>
      </span>
      {host.remoteRoot ? <PathEnd path={host.remoteRoot} /> : <span class="faint">no folder yet</span>}
      <span class="ellipsis" title={host.condaEnv ?? undefined}>
        {host.condaEnv || <span class="faint">–</span>}
      </span>
      <span class="muted">{host.lastUsedAt ? <Ago at={host.lastUsedAt} /> : "never"}</span>
      <span class="row-actions">
        <button type="button" class={`button small${running ? " primary" : ""}`} onClick={() => openHost(host)}>
          Open
        </button>
        <Menu
          label={`Actions for ${hostLabel(host)}`}
          items={[
            { label: "Edit", icon: "pencil", onSelect: onEdit },
            {
              label: "Choose environment and folder",
              icon: "folder",
              onSelect: () => begin(target, { ...emptyLogin(), login: loginOf(host), keyPath: host.privateKeyPath ?? "" }),
            },
            { label: "Forget", icon: "trash", danger: true, onSelect: forget },
          ]}
        />
      </span>
    </div>
  );
}

/** A path that is cut at its beginning where it is too long: its end tells more. */
const PathEnd = ({ path }: { path: string }) => (
  <span class="path-end mono" title={path}>
    <bdi>{path}</bdi>
  </span>
);

function EditHost({ host, onClose }: { host: SavedConnection; onClose: () => void }) {
  const [name, setName] = useState(host.name ?? "");
  const [server, setServer] = useState(formatTarget(targetOf(host)));
  const [form, setForm] = useState({ ...emptyLogin(), login: loginOf(host), keyPath: host.privateKeyPath ?? "" });
  const [root, setRoot] = useState(host.remoteRoot ?? "");
  const [environment, setEnvironment] = useState(host.condaEnv ?? "");
  const [localPort, setLocalPort] = useState(host.localPort ? String(host.localPort) : "");
  const [remotePort, setRemotePort] = useState(host.remotePort ? String(host.remotePort) : "");
  const [error, setError] = useState<string | null>(null);
  const parsed = parseTarget(server);
  const portError = (text: string) => (text && parsePort(text) === null ? PORT_REASON : null);
  const good = parsed.ok && !portError(localPort) && !portError(remotePort);
  const methods = { agent: "agent", key_file: "key", key: "key_text", password: "password" } as const;
  const save = async () => {
    if (!parsed.ok || !good) return;
    try {
      await saveHost(
        {
          ...host,
          ...parsed.target,
          name: name.trim() || parsed.target.host,
          authMethod: methods[form.login],
          privateKeyPath: form.login === "key_file" ? form.keyPath.trim() : null,
          remoteRoot: root.trim() || null,
          condaEnv: environment.trim() || null,
          localPort: localPort ? Number(localPort) : null,
          remotePort: remotePort ? Number(remotePort) : null,
        },
        host,
      );
      onClose();
    } catch (thrown) {
      setError(asApiError(thrown).detail);
    }
  };
  return (
    <Dialog title="Edit host" width={480} onClose={onClose}>
      <form
        class="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="Name" value={name} onInput={setName} placeholder={host.host} autofocus />
        <Field label="Server" value={server} onInput={setServer} mono error={parsed.ok ? null : parsed.reason} />
        <div class="field">
          <span class="field-label">Login</span>
          <div class="login-kinds" role="radiogroup" aria-label="Login">
            {(
              [
                ["agent", "Agent or default keys"],
                ["key_file", "Key file"],
                ["password", "Password, asked each time"],
              ] as const
            ).map(([value, label]) => (
              <label key={value} class="radio">
                <input type="radio" name="edit-login" checked={form.login === value} onChange={() => setForm({ ...form, login: value })} />
                {label}
              </label>
            ))}
          </div>
        </div>
        {form.login === "key_file" && <Field label="Key file" value={form.keyPath} onInput={(keyPath) => setForm({ ...form, keyPath })} mono placeholder="~/.ssh/id_ed25519" />}
        <Field label="Folder" value={root} onInput={setRoot} mono placeholder="Asked when connecting" />
        <Field label="Environment" value={environment} onInput={setEnvironment} placeholder="Asked when connecting" />
        <div class="two-fields">
          <Field label="Local port" value={localPort} onInput={setLocalPort} placeholder="Any free one" inputMode="numeric" error={portError(localPort)} />
          <Field label="Remote port" value={remotePort} onInput={setRemotePort} placeholder="Any free one" inputMode="numeric" error={portError(remotePort)} />
        </div>
        {error && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={!good}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Sessions() {
  const list = sessions.value;
  if (!list.length) return null;
  return (
    <section class="remote-section" aria-label="Sessions">
      <header>
        <h2>Sessions</h2>
        <span class="count num">{list.length}</span>
      </header>
      {list.map((session) => (
        <SessionRow key={session.sessionId} session={session} />
      ))}
    </section>
  );
}

function SessionRow({ session }: { session: Session }) {
  const [open, setOpen] = useState(session.status === "failed");
  const [stopping, setStopping] = useState(false);
  const target = { username: session.username, host: session.host, port: session.sshPort };
  const passedOver = fallbacksOf(session.fallbacks);
  const reasons = passedOver.map((one) => (one.backend ? `${one.backend}: ${one.reason}` : one.reason)).join("\n");
  const alive = session.status === "running" || session.status === "reconnecting" || session.status === "starting";
  const uptime = session.startedAt && alive ? (now.value - session.startedAt) / 1000 : session.uptimeSeconds;
  const error = typeof session.error === "string" ? session.error : session.error ? [session.error.message, session.error.code].filter(Boolean).join(" · ") : null;
  // A failed start shows its log until the person decides otherwise: here, or beside its stages while those are on show.
  const [logChoice, setLogChoice] = useState<boolean | null>(null);
  const beside = flow.value !== null && isSame(flow.value.target, target);
  const logOpen = logChoice ?? (session.status === "failed" && !beside);
  const stop = () => {
    setStopping(true);
    stopViewer(session.sessionId)
      .then(() => toast(`Stopped the viewer on ${label}.`), toastError)
      .finally(() => setStopping(false));
  };
  const url = safeUrl(session.url);
  const known = savedFor(target);
  const label = known ? hostLabel(known) : session.host;
  return (
    <div class="session-row" role="group" aria-label={`Session on ${label}`} data-status={session.status}>
      <HostDot state={session.status === "running" ? "running" : session.status === "starting" ? "busy" : session.status} />
      <span class="two-lines">
        <strong class="ellipsis">{label}</strong>
        <small class="ellipsis">
          {session.status}
          {session.status === "reconnecting" && session.linkLostAt ? ` for ${formatDuration((now.value - session.linkLostAt) / 1000)}` : ""}
          {session.reconnects > 0 ? `, reconnected ${session.reconnects} ×` : ""}
        </small>
      </span>
      <span class="two-lines">
        <PathEnd path={session.remoteRoot} />
        <small class="ellipsis">
          {session.condaEnv ?? ""}
          {session.runicornVersion ? ` · runicorn ${session.runicornVersion}` : ""}
        </small>
      </span>
      <span class="two-lines">
        <span class="ellipsis" title={reasons ? `Passed over:\n${reasons}` : "What carries the connection"}>
          {session.tunnelBackend ?? "–"}
          {passedOver.length > 0 && <span class="warn-text"> *</span>}
        </span>
        <small class="num">{session.localPort ? `port ${session.localPort}` : ""}</small>
      </span>
      <span class="muted num" title="Running for">
        {formatDuration(uptime)}
      </span>
      <span class="row-actions">
        {url && session.status === "running" && (
          <a class="button small" href={url} onClick={(event) => (event.preventDefault(), leaveFor(url))}>
            Open
          </a>
        )}
        {session.status === "reconnecting" && (
          <button type="button" class="button small" title="Do not wait for the next attempt" onClick={() => void lookAtLink(session.sessionId)}>
            Try now
          </button>
        )}
        {alive && (
          <button type="button" class="button small" disabled={stopping} onClick={stop}>
            Stop
          </button>
        )}
        <button type="button" class={`button small${logOpen ? " pressed" : ""}`} aria-expanded={logOpen} onClick={() => setLogChoice(!logOpen)}>
          Log
        </button>
        <button type="button" class="icon-button" aria-expanded={open} aria-label="Details" title="Details" onClick={() => setOpen(!open)}>
          <Icon name={open ? "chevronDown" : "chevronRight"} size={14} />
        </button>
      </span>
      {(open || error || logOpen) && (
        <div class="session-more">
          {error && <p class="session-error">{error}</p>}
          {open && (
            <>
              {url && alive && (
                <p>
                  <a href={url}>{url}</a>
                  {session.remotePid ? <span class="muted"> · process {session.remotePid} on the server</span> : null}
                  {session.remotePort ? <span class="muted"> · its port {session.remotePort}</span> : null}
                </p>
              )}
              {passedOver.map((one) => (
                <p key={one.backend} class="muted">
                  {one.backend && <strong>{one.backend}</strong>} passed over: {one.reason}
                </p>
              ))}
            </>
          )}
          {logOpen && <SessionLog session={session} label={`Log of the session on ${label}`} />}
        </div>
      )}
    </div>
  );
}

/** Return the address if it is one of this machine's, else null. */
function safeUrl(url: string): string | null {
  return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/.test(url ?? "") ? url : null;
}

function KnownHosts() {
  const open = useSignal(false);
  const removing = useSignal<KnownHost | null>(null);
  const list = knownHosts.value;
  return (
    <section class="remote-section" aria-label="Known host keys">
      <header>
        <button type="button" class="disclosure" aria-expanded={open.value} onClick={() => {
          open.value = !open.value;
          if (open.value) void loadKnownHosts().catch(toastError);
        }}>
          <Icon name={open.value ? "chevronDown" : "chevronRight"} size={12} />
          <h2>Known host keys</h2>
        </button>
        {list && <span class="count num">{list.length}</span>}
      </header>
      {open.value && list?.length === 0 && <p class="panel-empty">No key has been accepted yet.</p>}
      {open.value &&
        list?.map((entry) => (
          <div key={`${entry.known_hosts_host} ${entry.key_type} ${entry.key_base64}`} class="key-row">
            <span class="ellipsis mono" title={entry.known_hosts_host}>
              {entry.port === 22 ? entry.host : `${entry.host}:${entry.port}`}
            </span>
            <span class="muted ellipsis">{entry.key_type}</span>
            <span class="ellipsis mono muted" title={entry.fingerprint_sha256}>
              {entry.fingerprint_sha256}
            </span>
            <button type="button" class="icon-button" aria-label={`Remove the ${entry.key_type} key of ${entry.host}`} title="Remove" onClick={() => (removing.value = entry)}>
              <Icon name="trash" size={14} />
            </button>
          </div>
        ))}
      {removing.value && <RemoveKey entry={removing.value} onClose={() => (removing.value = null)} />}
    </section>
  );
}

function RemoveKey({ entry, onClose }: { entry: KnownHost; onClose: () => void }) {
  const remove = async () => {
    try {
      await removeKnownHost(entry.host, entry.port, entry.key_type);
      await loadKnownHosts();
      onClose();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <Dialog title={`Remove the key of ${entry.host}?`} width={480} role="alertdialog" onClose={onClose}>
      <div class="dialog-body">
        <p>The next time you connect, you are asked to confirm this server's key again.</p>
        <p class="mono wrap">{entry.fingerprint_sha256}</p>
        <div class="dialog-actions">
          <button type="button" class="button" data-autofocus onClick={onClose}>
            Cancel
          </button>
          <button type="button" class="button danger" onClick={() => void remove()}>
            Remove key
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function HowTo() {
  return (
    <div class="howto">
      <h2>See the runs on a server, live</h2>
      <ol>
        <li>Type the server as you would for ssh, and press Connect.</li>
        <li>Choose the Python environment that has Runicorn, and the folder your scripts log into.</li>
        <li>Its page opens here. Nothing is copied, nothing is opened to the network, and nothing stays behind when you stop.</li>
      </ol>
      <p>The server needs Runicorn in one of its environments:</p>
      <Code text="python -m pip install runicorn" />
    </div>
  );
}
