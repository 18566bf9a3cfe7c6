/** The menu of one run, and the dialog that changes its name, tags and note. */

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { Run } from "../api/types";
import { archive, changeRun, parseTags, remove, restore } from "../state/actions";
import { copyText, Field } from "./basics";
import { Dialog, Menu, type MenuItem } from "./overlay";
import { go, param, place, setParams } from "../state/route";
import { toast } from "../state/toasts";

type Focus = "name" | "tags" | "note";
const editing = signal<{ run: Run; focus: Focus } | null>(null);

export const editRun = (run: Run, focus: Focus): void => {
  editing.value = { run, focus };
};

export function runMenuItems(run: Run, onDeleted?: () => void): MenuItem[] {
  return [
    { label: "Rename", icon: "pencil", onSelect: () => editRun(run, "name") },
    { label: "Tags", icon: "tag", onSelect: () => editRun(run, "tags") },
    { label: "Note", icon: "note", onSelect: () => editRun(run, "note") },
    param("base") === run.id
      ? { label: "No baseline", icon: "pin", onSelect: () => setParams({ base: "" }) }
      : { label: "Pin as the baseline", icon: "pin", onSelect: () => (place.value.page === "runs" ? setParams({ base: run.id }) : go(`#/runs?base=${run.id}`)) },
    { label: "Copy id", icon: "copy", onSelect: () => void copyText(run.id).then((done) => done && toast("Copied the run's id.")) },
    { label: run.archived ? "Bring back from archive" : "Archive", icon: "archive", onSelect: () => void archive(run, !run.archived) },
    run.deleted_at
      ? { label: "Restore", icon: "undo", onSelect: () => void restore(run) }
      : { label: "Delete", icon: "trash", danger: true, onSelect: () => void remove(run).then((done) => done && onDeleted?.()) },
  ];
}

export function RunMenu({ run, onDeleted }: { run: Run; onDeleted?: () => void }) {
  return <Menu label={`Actions for ${run.name}`} items={runMenuItems(run, onDeleted)} />;
}

/** Shown once, by the frame; any page opens it with `editRun`. */
export function RunEditor() {
  const open = editing.value;
  if (!open) return null;
  return <Editor key={open.run.id} run={open.run} focus={open.focus} onClose={() => editing.value === open && (editing.value = null)} />;
}

function Editor({ run, focus, onClose }: { run: Run; focus: Focus; onClose: () => void }) {
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
