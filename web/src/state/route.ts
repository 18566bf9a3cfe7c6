/** Where the page is. The URL is the state: what a colleague should see when the link is opened stands in it. */

import { computed, signal } from "@preact/signals";
import { formatPlace, parsePlace, type Params, type Place, type RunTab } from "../pure/route";

const hash = signal(location.hash);
const onMoved = () => {
  if (location.hash !== hash.peek()) takeTyped();
  hash.value = location.hash;
};
window.addEventListener("hashchange", onMoved);
window.addEventListener("popstate", onMoved);

export const place = computed<Place>(() => parsePlace(hash.value));
export const param = (name: string): string => place.value.params[name] ?? "";

/** What is typed is written into the URL a little later, and into that of the place where it was typed only. */
let typed: { params: Params; timer: ReturnType<typeof setTimeout> } | null = null;

/** Change parameters of the present place after a pause, or right before this place is left. */
export function setParamsSoon(params: Params, delayMs: number): void {
  const before = takeTyped();
  typed = { params: { ...before, ...params }, timer: setTimeout(flushParams, delayMs) };
}

/** Write what waits to be written. */
export function flushParams(): void {
  const params = takeTyped();
  if (params) setParams(params);
}

/** Whether something is typed that does not stand in the URL yet. */
export const paramsWait = (): boolean => typed !== null;

function takeTyped(): Params | null {
  if (!typed) return null;
  clearTimeout(typed.timer);
  const { params } = typed;
  typed = null;
  return params;
}

// A link leaves this place without asking; by the back button it has been left already, and then it is too late.
document.addEventListener("click", flushParams, true);

export function go(to: Place | string, how: "push" | "replace" = "push"): void {
  flushParams();
  const next = typeof to === "string" ? to : formatPlace(to);
  if (next === location.hash) return;
  if (how === "push") history.pushState(null, "", next);
  else history.replaceState(null, "", next);
  hash.value = next;
}

/** Change some parameters of the present place; an empty value takes one out. */
export function setParams(patch: Params, how: "push" | "replace" = "replace"): void {
  flushParams();
  go({ ...place.value, params: { ...place.value.params, ...patch } } as Place, how);
}

/** The hashes of the lists as they were left, so that going back finds filter, sort and selection again. */
const last = { runs: "#/runs", artifacts: "#/artifacts" };
place.subscribe((now) => {
  if (now.page === "runs" || now.page === "artifacts") last[now.page] = formatPlace(now);
});

export const runsHash = (): string => last.runs;
export const artifactsHash = (): string => last.artifacts;
export const runHash = (id: string, tab: RunTab = "charts", params: Params = {}): string => formatPlace({ page: "run", id, tab, params });
/** id: `NAME` or `SOURCE:NAME`. version: `v3`, or none for the newest. */
export const artifactHash = (id: string, version = ""): string =>
  formatPlace({ page: "artifact", id, params: { v: version.replace(/^v(?=\d+$)/, "") } });
