/** The heart of it: from a server's name to its live page. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError } from "../api/error";
import type { SavedConnection } from "../api/remote-types";
import { Ago, Bone, Delayed, ErrorState, Field } from "../components/basics";
import { ConnectLine } from "../components/ConnectLine";
import { FlowPanel } from "../components/FlowPanel";
import { Dialog, Menu } from "../components/overlay";
import { HostDot } from "../components/SidebarHosts";
import { formatTarget, parsePort, parseTarget, PORT_REASON } from "../pure/target";
import { useKeys } from "../state/keys";
import { reconnectsLast } from "../state/prefs";
import { begin, emptyLogin, flow, loginOf, openHost } from "../state/remote/flow";
import { forgetHost, hostLabel, hosts, saveHost, targetOf } from "../state/remote/hosts";
import { questionOf, stateOf } from "../state/remote/places";
import { showQuestion } from "../state/remote/questions";
import { startHosts } from "../state/remote/last";
import { loadKnownHosts, loadRemote, remoteError, saved, sessionsOf } from "../state/remote/status";
import { toast, toastError } from "../state/toasts";
import { KnownHosts } from "../components/KnownHosts";
import { PathEnd } from "../components/PathEnd";
import { SessionList } from "../components/SessionList";

export function RemotePage() {
  useEffect(() => {
    startHosts();
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
            <SessionList />
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

function Hosts() {
  const editing = useSignal<SavedConnection | null>(null);
  const list = hosts.value;
  return (
    <section class="remote-section" aria-label="Saved hosts">
      <header>
        <h2>Hosts</h2>
        {list.length > 0 && <span class="count num">{list.length}</span>}
        {list.length > 0 && (
          <label class="radio last-ones" title="When this page is opened, connect the hosts that were connected last">
            <input type="checkbox" checked={reconnectsLast.value} onChange={(event) => (reconnectsLast.value = event.currentTarget.checked)} />
            Reconnect the last ones at start
          </label>
        )}
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
  const question = questionOf(target);
  const running = sessionsOf(target).some((session) => session.status === "running");
  const forget = () =>
    void forgetHost(host).then(
      () => toast(`Forgot ${hostLabel(host)}.`, { label: "Undo", run: () => void saveHost(host).catch(toastError) }),
      toastError,
    );
  return (
    <div class="host-row" role="group" aria-label={hostLabel(host)}>
      <HostDot state={stateOf(target)} />
      <span class="two-lines">
        <strong class="ellipsis">{hostLabel(host)}</strong>
        <small class="ellipsis mono">{formatTarget(target)}</small>
      </span>
      {host.remoteRoot ? <PathEnd path={host.remoteRoot} /> : <span class="faint">no folder yet</span>}
      <span class="ellipsis" title={host.condaEnv ?? undefined}>
        {host.condaEnv || host.mode || <span class="faint">–</span>}
      </span>
      <span class="muted">{running ? "now" : host.lastUsedAt ? <Ago at={host.lastUsedAt} /> : "never"}</span>
      <span class="row-actions">
        {question ? (
          <button type="button" class="button small primary" title={`Answer what ${question.hop} asks`} onClick={() => showQuestion(question.id)}>
            Answer
          </button>
        ) : (
          <button type="button" class={`button small${running ? " primary" : ""}`} onClick={() => openHost(host)}>
            Open
          </button>
        )}
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

function HowTo() {
  return (
    <div class="howto">
      <h2>See the runs on a server, live</h2>
      <ol>
        <li>Type the server as you would for ssh, and press Connect.</li>
        <li>Choose the folder your scripts log into. Nothing has to be installed there.</li>
        <li>Its page opens here. Nothing is copied, nothing is opened to the network, and nothing stays behind when you stop.</li>
      </ol>
    </div>
  );
}
