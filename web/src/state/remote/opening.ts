/** Going to a host from anywhere on the page: what it asks comes first; the way there is loaded when somebody goes it. */

import { part, whyPartIsMissing } from "../../api/parts";
import type { SavedConnection } from "../../api/remote-types";
import type { Target } from "../../pure/target";
import { go } from "../route";
import { toastError } from "../toasts";
import { goingTo } from "./going";
import { targetOf } from "./hosts";
import { dropJoining, joiningOf, shownDecision } from "./joining";
import { questionOf } from "./places";
import { showQuestion } from "./questions";

const loadFlow = part(() => import("./flow"));
const loadTogether = part(() => import("./together"));

/** Answer what it asks, if it does; else open its page. */
export function goToHost(one: SavedConnection): void {
  const question = questionOf(targetOf(one));
  if (question) return showQuestion(question.id);
  go("#/remote");
  void open(one, false);
}

/**
 * Bring its runs among those on show, beside whatever else is being connected. Where that failed, or where it is not known
 * which folder to show, go the way that asks for what is missing, and comes back here.
 */
export function connectHost(one: SavedConnection): void {
  const target = targetOf(one);
  const question = questionOf(target);
  if (question) return showQuestion(question.id);
  const joining = joiningOf(target);
  if (joining && joining.phase !== "failed" && joining.phase !== "no_folder") {
    shownDecision.value = joining.attempt;
    return;
  }
  if (one.remoteRoot && !joining) return connectHosts([one]);
  dropJoining(target);
  goingTo.value = target;
  void open(one, true);
}

/** Bring the runs of these hosts among those on show, each by itself. */
export function connectHosts(list: readonly SavedConnection[]): void {
  void together(({ joinHosts }) => joinHosts(list));
}

/** Give up connecting one host; one whose failure is on show is no longer shown as that. */
export function giveUpHost(target: Target): void {
  const joining = joiningOf(target);
  if (joining) void together(({ giveUpJoining }) => giveUpJoining(joining));
}

async function together(work: (part: Awaited<ReturnType<typeof loadTogether>>) => void): Promise<void> {
  try {
    work(await loadTogether());
  } catch {
    toastError(await whyPartIsMissing());
  }
}

async function open(one: SavedConnection, stay: boolean): Promise<void> {
  try {
    (await loadFlow()).openHost(one, stay);
  } catch {
    goingTo.value = null;
    toastError(await whyPartIsMissing());
  }
}
