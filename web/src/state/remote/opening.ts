/** Going to a host from anywhere on the page: what it asks comes first; the way there is loaded when somebody goes it. */

import { part, whyPartIsMissing } from "../../api/parts";
import type { SavedConnection } from "../../api/remote-types";
import { go } from "../route";
import { toastError } from "../toasts";
import { goingTo } from "./going";
import { targetOf } from "./hosts";
import { questionOf } from "./places";
import { showQuestion } from "./questions";

const loadFlow = part(() => import("./flow"));

/** Answer what it asks, if it does; else open its page. */
export function goToHost(one: SavedConnection): void {
  const question = questionOf(targetOf(one));
  if (question) return showQuestion(question.id);
  go("#/remote");
  void open(one, false);
}

/** Bring its runs among those on show, and leave this page only where it needs a person on the way. */
export function connectHost(one: SavedConnection): void {
  const target = targetOf(one);
  const question = questionOf(target);
  if (question) return showQuestion(question.id);
  goingTo.value = target;
  void open(one, true);
}

async function open(one: SavedConnection, stay: boolean): Promise<void> {
  try {
    (await loadFlow()).openHost(one, stay);
  } catch {
    goingTo.value = null;
    toastError(await whyPartIsMissing());
  }
}
