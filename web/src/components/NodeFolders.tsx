/** What a person opens on a node of one of their jobs: a folder on its own disks. */

import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError, type ApiError } from "../api/error";
import type { Machine } from "../api/machines";
import { wordOrQuoted } from "../pure/filterTerms";
import { logInToNode, nodeOf, openOnNode, sessionsOn, type JobNode } from "../state/remote/nodes";
import { startRemote } from "../state/remote/status";
import { BrowseDialog } from "./BrowseDialog";
import { PathEnd } from "./PathEnd";
import { useUniqueId } from "./uid";

export function NodeFolders({ machine }: { machine: Machine }) {
  const node = nodeOf(machine);
  return node && <Folders node={node} />;
}

function Folders({ node }: { node: JobNode }) {
  const [asks, setAsks] = useState(false);
  useEffect(startRemote, []); // what is open there, and how its host is logged in to
  const open = sessionsOn(node);
  return (
    <div class="node-folders">
      {open.map((one) => (
        <a key={one.sessionId} href={`#/runs?q=${encodeURIComponent(`host:${wordOrQuoted(node.node)}`)}`} title={`Show the runs of ${one.remoteRoot} on ${node.node}`}>
          <PathEnd path={one.remoteRoot} />
        </a>
      ))}
      {asks ? (
        <FolderForm node={node} onClose={() => setAsks(false)} />
      ) : (
        <button type="button" class="button small" onClick={() => setAsks(true)}>
          Open a folder on {node.node}
        </button>
      )}
    </div>
  );
}

function FolderForm({ node, onClose }: { node: JobNode; onClose: () => void }) {
  const [root, setRoot] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [browses, setBrowses] = useState(false);
  const id = useUniqueId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy || !root.trim()) return;
    setBusy(true);
    setError(null);
    try {
      await openOnNode(node, root.trim());
      onClose();
    } catch (failure) {
      setError(asApiError(failure));
      setBusy(false);
    }
  };
  return (
    <form class="node-form" onSubmit={(event) => void submit(event)}>
      <label for={id}>Folder on {node.node}</label>
      <input
        id={id}
        type="text"
        class={`input mono${error ? " invalid" : ""}`}
        value={root}
        placeholder="/scratch/me/runs"
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        aria-invalid={Boolean(error)}
        aria-describedby={`${id}-note`}
        ref={input}
        onInput={(event) => setRoot(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
        }}
      />
      <button type="button" class="button small" onClick={() => setBrowses(true)}>
        Browse
      </button>
      <button type="submit" class="button small primary" aria-disabled={busy || !root.trim()}>
        {busy ? "Opening …" : "Open"}
      </button>
      <button type="button" class="button small" onClick={onClose}>
        Cancel
      </button>
      <p id={`${id}-note`} class={error ? "field-error" : "muted"} role={error ? "alert" : undefined}>
        {error ? `${error.detail} ${error.hint ?? ""}` : `It is read through job ${node.job}: nothing is submitted, and nothing is left.`}{" "}
        <button type="button" class="link-button" onClick={() => logInToNode(node)}>
          Log in to {node.node} by SSH instead
        </button>
      </p>
      {browses && (
        <BrowseDialog
          connectionId={node.connectionId}
          node={node}
          start={root.trim()}
          onPick={(path) => {
            setRoot(path);
            setBrowses(false);
          }}
          onClose={() => setBrowses(false)}
        />
      )}
    </form>
  );
}
