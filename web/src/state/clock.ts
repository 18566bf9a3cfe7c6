/** The time, as signals that tick only as often as somebody needs to read them. */

import { signal } from "@preact/signals";

/** Ticks once a second while the tab is visible. */
export const now = signal(Date.now());
/** Ticks every ten seconds, for times that are shown in minutes. */
export const slowNow = signal(Date.now());

setInterval(() => {
  if (document.hidden) return;
  now.value = Date.now();
  if (now.value - slowNow.value >= 10_000) slowNow.value = now.value;
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) now.value = slowNow.value = Date.now();
});
