/** What was done to runs and can be taken back, the last thing first: by the message's button, or by a key. */

import { toast } from "./toasts";

interface Done {
  undo: () => void;
}

const MOST = 50;
const done: Done[] = [];

/** Tell what was done, and keep how it is taken back. */
export function did(text: string, undo: () => void): void {
  const one: Done = { undo };
  done.push(one);
  done.splice(0, Math.max(0, done.length - MOST));
  toast(text, { label: "Undo", run: () => takeBack(one) });
}

/** Take the last thing back; says so where there is none. */
export function undoLast(): void {
  const last = done[done.length - 1];
  if (last) takeBack(last);
  else toast("There is nothing to undo.");
}

function takeBack(one: Done): void {
  const at = done.indexOf(one);
  if (at < 0) return; // it was taken back already
  done.splice(at, 1);
  one.undo();
}
