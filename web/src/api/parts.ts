/** Why a part of this page's own script did not come. */

import { ApiError, unreachable } from "./error";

const PATIENCE_MS = 10_000;

/** Ask the viewer for the page as it is now, and tell whether it is another one than this. */
export async function whyPartIsMissing(): Promise<ApiError> {
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) return unreachable();
    const scripts = [...document.querySelectorAll<HTMLScriptElement>('script[type="module"][src]')].map((one) => one.getAttribute("src")!);
    const page = await answer.text();
    return scripts.every((script) => page.includes(script)) ? damaged() : replaced();
  } catch {
    return unreachable();
  }
}

export const replaced = (): ApiError =>
  new ApiError("PAGE_REPLACED", "The viewer has been updated since this page was opened.", "Load the page again: its address keeps what is shown.", 404);

const damaged = (): ApiError => new ApiError("PAGE_PART_MISSING", "A part of the page did not come from the viewer.", "Try it again, or load the page again.", 404);
