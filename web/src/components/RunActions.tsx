/** The menu of one run, and the dialog that changes its name, tags and note. */

import { signal } from "@preact/signals";
import type { Run } from "../api/types";
import { archive, remove, restore } from "../state/actions";
import { copyText } from "./basics";
import { lazy } from "./lazy";
import { Menu, type MenuItem } from "./overlay";
import { go, param, place, setParams } from "../state/route";
import { toast } from "../state/toasts";
import type { Focus } from "./RunEditor";

const Editor = lazy(() => import("./RunEditor"), (part) => part.Editor, null);

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
