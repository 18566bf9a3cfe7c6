/** Opening a host from anywhere on the page; the way there is loaded when somebody goes it. */

import { part, whyPartIsMissing } from "../../api/parts";
import type { SavedConnection } from "../../api/remote-types";
import { toastError } from "../toasts";

const loadFlow = part(() => import("./flow"));

export function openHostSoon(one: SavedConnection): void {
  loadFlow().then(
    (flow) => flow.openHost(one),
    () => void whyPartIsMissing().then(toastError),
  );
}
