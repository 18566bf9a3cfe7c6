/** What can be done to runs by hand: change, tag, archive, delete, one or many; each can be undone. */

import { signal } from "@preact/signals";
import { deleteRun, patchRun, patchRuns, restoreRun } from "../api/client";
import type { BulkAnswer, BulkChange, Run, RunPatch } from "../api/types";
import { formatCount, plural } from "../pure/format";
import { mergeRun } from "./details";
import { reloadGroups } from "./groupedRuns";
import { chosenColours, hiddenRuns, restoreColours, setColour, setHidden } from "./looks";
import { dropRun, putRun, reloadRuns } from "./runs";
import { toast, toastError } from "./toasts";
import { did } from "./undo";

const reload = () => {
  reloadRuns();
  reloadGroups();
};

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
  reload();
  did(`${archived ? "Archived" : "Brought back"} ${run.name}.`, () => void changeRun(run, { archived: !archived }).then((done) => done && reload()));
}

export async function remove(run: Run): Promise<boolean> {
  try {
    await deleteRun(run.id);
  } catch (error) {
    toastError(error);
    return false;
  }
  dropRun(run.id);
  reload();
  did(`Deleted ${run.name}.`, () => void restore(run));
  return true;
}

/** Bring a run back from the bin. */
export async function restore(run: Pick<Run, "id">): Promise<void> {
  try {
    mergeRun(await restoreRun(run.id));
    reload();
  } catch (error) {
    toastError(error);
  }
}

// --- many ---------------------------------------------------------------------------------------------------------

/** As many as one request may change. */
const AT_ONCE = 1000;

/** How far a change of many runs has come; null while there is none. */
export const bulkProgress = signal<{ done: number; total: number } | null>(null);
let stopped = false;
export const stopBulk = (): void => {
  stopped = true;
};

type Change = Omit<BulkChange, "ids">;

/** Change runs and say so: `words` of how many. What has been done until an error can be taken back as well. */
export async function changeRuns(ids: readonly string[], change: Change, words: (many: string) => string): Promise<void> {
  const parts: BulkChange[][] = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) parts.push([{ ...change, ids: ids.slice(at, at + AT_ONCE) }]);
  const { changed, undo, failed } = await sendAll(parts, ids.length);
  if (failed.length) {
    const first = failed[0]!;
    toast(`${plural(failed.length, "run")} of ${formatCount(ids.length)} could not be changed: ${first.detail}`, undefined, "error");
  }
  // Those that were so already are not among what can be taken back.
  const different = undo.reduce((sum, one) => sum + one.ids.length, 0);
  if (different) did(words(plural(different, "run")), () => void takeBack(undo));
  else if (changed) toast(`${plural(changed, "run")} had nothing to change.`);
}

async function takeBack(undo: readonly BulkChange[]): Promise<void> {
  const parts: BulkChange[][] = undo.flatMap((one) => {
    const cut: BulkChange[][] = [];
    for (let at = 0; at < one.ids.length; at += AT_ONCE) cut.push([{ ...one, ids: one.ids.slice(at, at + AT_ONCE) }]);
    return cut;
  });
  const { changed, failed } = await sendAll(parts, undo.reduce((sum, one) => sum + one.ids.length, 0));
  if (failed.length) toast(`${plural(failed.length, "run")} could not be put back: ${failed[0]!.detail}`, undefined, "error");
  else toast(`Took it back for ${plural(changed, "run")}.`);
}

interface Outcome {
  changed: number;
  failed: BulkAnswer["failed"];
  undo: BulkChange[];
}

async function sendAll(parts: readonly BulkChange[][], total: number): Promise<Outcome> {
  const outcome: Outcome = { changed: 0, failed: [], undo: [] };
  stopped = false;
  bulkProgress.value = { done: 0, total };
  try {
    for (const part of parts) {
      if (stopped) break;
      const answer = await patchRuns(part);
      for (const run of answer.changed) {
        putRun(run);
        mergeRun(run);
      }
      outcome.changed += answer.changed.length;
      outcome.failed.push(...answer.failed);
      outcome.undo.unshift(...answer.undo);
      bulkProgress.value = { done: outcome.changed + outcome.failed.length, total };
    }
  } catch (error) {
    toastError(error);
  } finally {
    bulkProgress.value = null;
    reload();
  }
  return outcome;
}

/** Give runs a colour, null for their own; how they look is known on this machine alone. */
export function colourRuns(ids: readonly string[], index: number | null): void {
  const before = chosenColours.peek();
  setColour(ids, index);
  did(`${index === null ? "Gave their own colours back to" : "Coloured"} ${plural(ids.length, "run")}.`, () => restoreColours(ids, before));
}

export function hideRuns(ids: readonly string[], hide: boolean): void {
  const changed = ids.filter((id) => hiddenRuns.peek().has(id) !== hide);
  setHidden(changed, hide);
  did(`${hide ? "Hid" : "Showed"} ${plural(changed.length, "run")} ${hide ? "from" : "in"} charts.`, () => setHidden(changed, !hide));
}

/** Return the tags that a comma-separated text names, each once. */
export const parseTags = (text: string): string[] => [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
