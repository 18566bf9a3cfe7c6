/** Where the page is. The URL is the state: what a colleague should see when the link is opened stands in it. */

import { computed, signal } from "@preact/signals";
import { formatPlace, parsePlace, type Params, type Place, type RunTab } from "../pure/route";

const hash = signal(location.hash);
window.addEventListener("hashchange", () => {
  hash.value = location.hash;
});
window.addEventListener("popstate", () => {
  hash.value = location.hash;
});

export const place = computed<Place>(() => parsePlace(hash.value));
export const param = (name: string): string => place.value.params[name] ?? "";

export function go(to: Place | string, how: "push" | "replace" = "push"): void {
  const next = typeof to === "string" ? to : formatPlace(to);
  if (next === location.hash) return;
  if (how === "push") history.pushState(null, "", next);
  else history.replaceState(null, "", next);
  hash.value = next;
}

/** Change some parameters of the present place; an empty value takes one out. */
export function setParams(patch: Params, how: "push" | "replace" = "replace"): void {
  go({ ...place.value, params: { ...place.value.params, ...patch } } as Place, how);
}

/** The hash of the runs page as it was left, so that going back finds filter, sort and selection again. */
let lastRuns = "#/runs";
place.subscribe((now) => {
  if (now.page === "runs") lastRuns = formatPlace(now);
});

export const runsHash = (): string => lastRuns;
export const runHash = (id: string, tab: RunTab = "charts", params: Params = {}): string => formatPlace({ page: "run", id, tab, params });
