/** The host keys that a person accepted, to look at and to remove. */

import { useSignal } from "@preact/signals";
import { removeKnownHost } from "../api/remote";
import type { KnownHost } from "../api/remote-types";
import { Icon } from "./icons";
import { Dialog } from "./overlay";
import { knownHosts, loadKnownHosts } from "../state/remote/status";
import { toastError } from "../state/toasts";

export function KnownHosts() {
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
