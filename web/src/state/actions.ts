/** What can be done to a run by hand: change, archive, delete; each can be undone. */

import { deleteRun, patchRun, restoreRun } from "../api/client";
import type { Run, RunPatch } from "../api/types";
import { mergeRun } from "./details";
import { dropRun, putRun, reloadRuns } from "./runs";
import { toast, toastError } from "./toasts";

export async function changeRun(run: Run, patch: RunPatch): Promise<boolean> {
  try {
    const changed = await patchRun(run.id, patch);
    putRun(changed);
    mergeRun(changed);
    return true;
  } catch (error) {
    toastError(error);
    return false;
  }
}

export async function archive(run: Run, archived: boolean): Promise<void> {
  if (!(await changeRun(run, { archived }))) return;
  reloadRuns();
  toast(`${archived ? "Archived" : "Brought back"} ${run.name}.`, {
    label: "Undo",
    run: () => void changeRun(run, { archived: !archived }).then((done) => done && reloadRuns()),
  });
}

export async function remove(run: Run): Promise<boolean> {
  try {
    await deleteRun(run.id);
  } catch (error) {
    toastError(error);
    return false;
  }
  dropRun(run.id);
  reloadRuns();
  toast(`Deleted ${run.name}.`, { label: "Undo", run: () => void restore(run) });
  return true;
}

/** Bring a run back from the bin. */
export async function restore(run: Pick<Run, "id">): Promise<void> {
  try {
    mergeRun(await restoreRun(run.id));
    reloadRuns();
  } catch (error) {
    toastError(error);
  }
}

/** Return the tags that a comma-separated text names, each once. */
export const parseTags = (text: string): string[] => [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
