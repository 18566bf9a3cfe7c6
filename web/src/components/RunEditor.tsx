/** The dialog that changes a run's name, tags and note. */

import { useState } from "preact/hooks";
import type { Run } from "../api/types";
import { changeRun, parseTags } from "../state/actions";
import { Field } from "./basics";
import { Dialog } from "./overlay";

/** Where one begins to write. */
export type Focus = "name" | "tags" | "note";

export function Editor({ run, focus, onClose }: { run: Run; focus: Focus; onClose: () => void }) {
  const [name, setName] = useState(run.name);
  const [tags, setTags] = useState(run.tags.join(", "));
  const [note, setNote] = useState(run.note ?? "");
  const [busy, setBusy] = useState(false);
  const save = async () => {
    if (!name.trim()) return;
    setBusy(true);
    const done = await changeRun(run, { name: name.trim(), tags: parseTags(tags), note });
    setBusy(false);
    if (done) onClose();
  };
  return (
    <Dialog title="Edit run" width={440} onClose={onClose}>
      <form
        class="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="Name" value={name} onInput={setName} autofocus={focus === "name"} error={name.trim() ? null : "A run needs a name."} />
        <Field label="Tags" value={tags} onInput={setTags} placeholder="baseline, sweep-3" hint="Separated by commas" autofocus={focus === "tags"} />
        <Field label="Note" value={note} onInput={setNote} rows={4} autofocus={focus === "note"} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy || !name.trim()}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
