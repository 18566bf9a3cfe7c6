/** Going to a host from anywhere on the page: what it asks comes first; the way there is loaded when somebody goes it. */

import { part, whyPartIsMissing } from "../../api/parts";
import type { SavedConnection } from "../../api/remote-types";
import { go } from "../route";
import { toastError } from "../toasts";
import { targetOf } from "./hosts";
import { questionOf } from "./places";
import { showQuestion } from "./questions";

const loadFlow = part(() => import("./flow"));

/** Answer what it asks, if it does; else open it. */
export function goToHost(one: SavedConnection): void {
  const question = questionOf(targetOf(one));
  if (question) return showQuestion(question.id);
  go("#/remote");
  loadFlow().then(
    (flow) => flow.openHost(one),
    () => void whyPartIsMissing().then(toastError),
  );
}
