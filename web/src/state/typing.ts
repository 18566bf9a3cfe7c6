/** When something was typed last outside a dialog: what comes over the page by itself must not catch the rest of it. */

let last = 0;

document.addEventListener(
  "input",
  (event) => {
    if (!(event.target as HTMLElement).closest?.("[role=dialog]")) last = Date.now();
  },
  true,
);

/** Whether somebody types into the page, and has begun to after a time (ms since the epoch). */
export const typesSince = (time: number): boolean => last > time && isTyping(document.activeElement);

/** Whether an element takes text, or a choice by keys. */
export const isTyping = (element: Element | null): boolean =>
  Boolean(element?.matches?.("input:not([type=checkbox],[type=radio],[type=range],[type=button]),textarea,select,[contenteditable]"));
