/** Where a server is typed as for ssh: what that means is shown before anything is sent, and then connected to. */

import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError, isAbort } from "../api/error";
import { resolve, sshNames, type Meant } from "../api/names";
import { formatTarget, wayInWords } from "../pure/target";
import { begin, emptyLogin, loginOf } from "../state/remote/flow";
import { hosts, savedFor, targetOf } from "../state/remote/hosts";
import { Icon } from "./icons";
import { LoginFields } from "./LoginFields";

export function ConnectLine({ inputRef }: { inputRef: { current: HTMLInputElement | null } }) {
  const [text, setText] = useState("");
  const [form, setForm] = useState(emptyLogin());
  const [open, setOpen] = useState(false);
  const { meant, complaint, busy, look, forget } = useMeaning();
  const names = useSshNames();
  const submit = async () => {
    const found = await look(text);
    if (!found) {
      inputRef.current?.focus();
      return;
    }
    const { username, host, port, private_key_path: keyPath, jumps } = found;
    const target = { username, host, port };
    const known = savedFor(target);
    let login = form;
    if (keyPath) login = { ...form, login: "key_file", keyPath };
    else if (!open && known) login = { ...form, login: loginOf(known), keyPath: known.privateKeyPath ?? "" };
    begin(target, login, { jumps });
    setForm(emptyLogin());
    setOpen(false);
  };
  return (
    <form
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div class="connect-line">
        <div class="server-field">
          <Icon name="server" />
          <input
            ref={inputRef}
            class={`input${complaint ? " invalid" : ""}`}
            type="text"
            list="server-names"
            aria-label="Server"
            aria-invalid={complaint !== null}
            aria-describedby="server-note"
            placeholder="name, user@host:port, or ssh ..."
            spellcheck={false}
            autocapitalize="off"
            autocomplete="off"
            value={text}
            onFocus={() => void names.load()}
            onInput={(event) => {
              setText(event.currentTarget.value);
              forget();
            }}
            onChange={(event) => {
              // Chosen, or left: only now is it asked what it means, since a config may run programs for that.
              if (event.currentTarget.value.trim()) void look(event.currentTarget.value);
            }}
          />
          <datalist id="server-names">
            {names.list.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </div>
        <button type="submit" class="button primary" aria-busy={busy}>
          Connect
        </button>
      </div>
      <div class="connect-note" id="server-note">
        {complaint ? (
          <span class="field-error" role="alert">
            {complaint}
          </span>
        ) : (
          <span class="spacer ellipsis" title={meant ? sentence(meant) : undefined}>
            {meant ? sentence(meant) : "As for ssh: a name of your ssh config, user@host, or a whole ssh command."}
          </span>
        )}
        <button type="button" class="disclosure" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? "chevronDown" : "chevronRight"} size={12} />
          Login
        </button>
      </div>
      {open && <LoginFields form={form} onChange={setForm} />}
    </form>
  );
}

function sentence(meant: Meant): string {
  const last = meant.hops.at(-1);
  const port = last && last.port !== 22 ? `, port ${last.port}` : "";
  return `${wayInWords(meant.hops, meant.proxy_command)}${port}`;
}

/** What the typed text means, the latest one asked about; `look` gives it, or null with a complaint on show. */
function useMeaning() {
  const [meant, setMeant] = useState<Meant | null>(null);
  const [complaint, setComplaint] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const asking = useRef<{ text: string; answer: Promise<Meant | null>; gone: AbortController } | null>(null);
  const forget = () => {
    asking.current?.gone.abort();
    asking.current = null;
    setMeant(null);
    setComplaint(null);
    setBusy(false);
  };
  const ask = async (text: string, gone: AbortController): Promise<Meant | null> => {
    setBusy(true);
    try {
      const found = await resolve(text, gone.signal);
      if (!gone.signal.aborted) setMeant(found);
      return found;
    } catch (error) {
      if (!isAbort(error) && !gone.signal.aborted) {
        const { detail, hint } = asApiError(error);
        setComplaint(`${detail} ${hint}`.trim());
        asking.current = null; // the config may be mended meanwhile
      }
      return null;
    } finally {
      if (!gone.signal.aborted) setBusy(false);
    }
  };
  const look = (text: string): Promise<Meant | null> => {
    if (!text.trim()) {
      setComplaint("Type the server as for ssh: a name of your ssh config, or user@host.");
      return Promise.resolve(null);
    }
    if (asking.current?.text !== text) {
      forget();
      const gone = new AbortController();
      asking.current = { text, gone, answer: ask(text, gone) };
    }
    return asking.current!.answer;
  };
  useEffect(() => () => asking.current?.gone.abort(), []);
  return { meant, complaint, busy, look, forget };
}

/** Names to be offered: the saved hosts, then those of the person's ssh config, which is read once it is needed. */
function useSshNames() {
  const [found, setFound] = useState<string[]>([]);
  const load = async () => {
    try {
      setFound((await sshNames()).names);
    } catch {
      // nothing is offered, and everything can be typed
    }
  };
  const list = [...new Set([...hosts.value.map((one) => formatTarget(targetOf(one))), ...found])];
  return { list, load };
}
