/** A person decides whether a server's key is the right one. The safe answer is the one that costs nothing. */

import { useState } from "preact/hooks";
import { asApiError } from "../api/error";
import type { HostKey } from "../api/remote-types";
import { fingerprintGroups } from "../pure/format";
import { CopyButton } from "./basics";
import { Icon } from "./icons";
import { Dialog } from "./overlay";

interface Props {
  hostKey: HostKey;
  onAccept: () => Promise<void>;
  onCancel: () => void;
}

/** Return the command that shows the fingerprint of a key of this type on the server itself. */
export function checkCommand(keyType: string): string {
  const file = /ed25519/.test(keyType) ? "ed25519" : /ecdsa/.test(keyType) ? "ecdsa" : /dss/.test(keyType) ? "dsa" : "rsa";
  return `ssh-keygen -lf /etc/ssh/ssh_host_${file}_key.pub`;
}

export function HostKeyDialog({ hostKey, onAccept, onCancel }: Props) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const changed = hostKey.reason === "changed";
  const server = hostKey.port === 22 ? hostKey.host : `${hostKey.host.includes(":") ? `[${hostKey.host}]` : hostKey.host}:${hostKey.port}`;
  // Known as another one, here or to the person's own ssh: then it takes more than a click.
  const risky = changed || hostKey.contradicted_in !== undefined;
  const confirmed = !risky || typed.trim() === hostKey.host;
  const command = checkCommand(hostKey.key_type);
  const accept = async () => {
    setBusy(true);
    setError(null);
    try {
      await onAccept();
    } catch (thrown) {
      const known = asApiError(thrown);
      setError([known.detail, known.hint].filter(Boolean).join(" "));
      setBusy(false);
    }
  };
  return (
    <Dialog title={changed ? `The host key of ${hostKey.host} has changed` : `Confirm the host key of ${hostKey.host}`} width={600} onClose={onCancel}>
      <form
        class="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (risky && confirmed && !busy) void accept();
        }}
      >
        {changed ? (
          <div class="risk" role="note">
            <Icon name="warning" size={18} />
            <p>
              If you do not know why it changed, somebody may be reading along between you and this server: cancel, and ask its administrator.
              {hostKey.certified_by ? (
                <>
                  {" "}
                  The new key was certified by an authority that your own <code class="mono">{hostKey.known_in}</code> trusts for this server.
                </>
              ) : null}
            </p>
          </div>
        ) : hostKey.certified_by ? (
          <p>
            This key was certified by an authority that your own <code class="mono">{hostKey.known_in}</code> trusts for this server, as ssh would. It is not known here yet; no password or key has been sent.
          </p>
        ) : hostKey.known_in ? (
          <p>
            Your own <code class="mono">{hostKey.known_in}</code> holds this very key for this server: you, or whoever looks after this machine, accepted it for ssh. It is not known here yet; no password or key has been sent.
          </p>
        ) : hostKey.contradicted_in ? (
          <div class="risk" role="note">
            <Icon name="warning" size={18} />
            <p>
              Your own <code class="mono">{hostKey.contradicted_in}</code> holds another key for this server. If you do not know why, somebody may be reading along: cancel, and ask its administrator.
            </p>
          </div>
        ) : (
          <p>You have not connected to this server before. Accept its key only if the fingerprint is the server's own; no password or key has been sent yet.</p>
        )}
        <dl class="key-facts">
          <dt>Server</dt>
          <dd class="mono">{server}</dd>
          <dt>Key type</dt>
          <dd class="mono">{hostKey.key_type}</dd>
        </dl>
        {changed && hostKey.expected_fingerprint_sha256 && (
          <Fingerprint title="Known until now" value={hostKey.expected_fingerprint_sha256} />
        )}
        <Fingerprint
          title={changed ? "Presented now" : "Fingerprint"}
          value={hostKey.fingerprint_sha256}
          compare={changed ? (hostKey.expected_fingerprint_sha256 ?? undefined) : undefined}
        />
        {hostKey.certified_by && (
          <Fingerprint title={`Certified as “${hostKey.certified_by.key_id}” by the authority (${hostKey.certified_by.key_type})`} value={hostKey.certified_by.fingerprint_sha256} />
        )}
        <div class="field">
          <span class="field-label">To check it, run this on the server (its console, or a machine that is connected already)</span>
          <div class="code">
            <pre tabIndex={0}>{command}</pre>
            <CopyButton text={command} label="Copy the command" />
          </div>
        </div>
        {risky && (
          <div class="field">
            <label for="confirm-host">
              Type <strong class="mono">{hostKey.host}</strong> to {changed ? "replace the key" : "accept it all the same"}
            </label>
            <input id="confirm-host" class="input mono" value={typed} autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
          </div>
        )}
        {error && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" data-autofocus onClick={onCancel}>
            Cancel
          </button>
          {risky ? (
            <button type="submit" class="button danger" disabled={!confirmed || busy}>
              {changed ? "Replace key" : "Accept key"}
            </button>
          ) : (
            <button type="button" class="button primary" disabled={busy} onClick={() => void accept()}>
              {hostKey.known_in ? "Take the key over" : "Accept key"}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function Fingerprint({ title, value, compare }: { title: string; value: string; compare?: string | undefined }) {
  const { prefix, groups } = fingerprintGroups(value);
  const other = compare ? fingerprintGroups(compare).groups : null;
  return (
    <div class={`fingerprint${compare ? " new" : ""}`}>
      <div class="fingerprint-head">
        {title}
        <span class="spacer" />
        <CopyButton text={value} label="Copy the fingerprint" />
      </div>
      <div class="fingerprint-text" role="img" aria-label={value}>
        <span class="prefix">{prefix}</span>
        {groups.map((group, index) => (
          <span key={index} class={other && other[index] !== group ? "differs" : undefined}>
            {group}
          </span>
        ))}
      </div>
    </div>
  );
}
