/** Opening a host from anywhere on the page; the way there is loaded when somebody goes it. */

import { whyPartIsMissing } from "../../api/parts";
import type { SavedConnection } from "../../api/types";
import { toastError } from "../toasts";

export function openHostSoon(one: SavedConnection): void {
  import("./flow").then(
    (part) => part.openHost(one),
    () => void whyPartIsMissing().then(toastError),
  );
}
