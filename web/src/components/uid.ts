/** An id for an element that another one names. Preact's own useId counts anew in what is drawn at the end of the document. */

import { useState } from "preact/hooks";

let count = 0;

export const useUniqueId = (): string => useState(() => `u${(count += 1)}`)[0];
