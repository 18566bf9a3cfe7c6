/** What a person decides about one of several hosts that are being connected, while the others go on. */

import { useState } from "preact/hooks";
import { formatTarget } from "../pure/target";
import type { Joining } from "../state/remote/joining";
import { acceptItsKey, giveUpJoining, unlock } from "../state/remote/together";
import { Field } from "./basics";
import { HostKeyDialog } from "./HostKeyDialog";
import { Dialog } from "./overlay";

export function Decision({ joining }: { joining: Joining }) {
  const giveUp = () => giveUpJoining(joining);
  if (joining.hostKey && joining.phase === "host_key")
    return <HostKeyDialog key={joining.hostKey.fingerprint_sha256} hostKey={joining.hostKey} onAccept={() => acceptItsKey(joining)} onCancel={giveUp} />;
  return <PassphraseDialog joining={joining} onCancel={giveUp} />;
}

function PassphraseDialog({ joining, onCancel }: { joining: Joining; onCancel: () => void }) {
  const [typed, setTyped] = useState("");
  const wasWrong = joining.error?.code === "PASSPHRASE_WRONG";
  return (
    <Dialog title={`The key for ${joining.target.host} is encrypted`} width={460} onClose={onCancel}>
      <form
        class="dialog-body"
        autocomplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed) unlock(joining, typed);
        }}
      >
        <p>
          To log in as <span class="mono">{formatTarget(joining.target)}</span>
        </p>
        <Field label="Passphrase" type="password" value={typed} onInput={setTyped} autofocus autocomplete="off" error={wasWrong ? joining.error!.detail : null} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onCancel}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={!typed}>
            Unlock
          </button>
        </div>
      </form>
    </Dialog>
  );
}
