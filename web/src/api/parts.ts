/** Parts of this page's own script: asked for when they are needed, again where they did not come, and why they did not. */

import { ApiError, unreachable } from "./error";

const PATIENCE_MS = 10_000;

/**
 * Return what loads a part once, and again after it failed. A browser may keep a failure for as long as the page is open,
 * so the same file is then asked for under another address; what it imports itself is not loaded twice.
 */
export function part<M>(load: () => Promise<M>): () => Promise<M> {
  let coming: Promise<M> | null = null;
  let file: string | null = null;
  let tries = 0;
  return () =>
    (coming ??= (file ? (import(/* @vite-ignore */ `${file}?try=${tries}`) as Promise<M>) : load()).catch((error: unknown) => {
      coming = null;
      tries += 1;
      file ??= fileIn(error);
      throw error;
    }));
}

/** Return the address of one of this page's own files that an error of the browser names. */
function fileIn(error: unknown): string | null {
  const found = /https?:\/\/\S+?\.js/.exec(error instanceof Error ? error.message : "")?.[0];
  return found && new URL(found).origin === location.origin ? found : null;
}

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

const damaged = (): ApiError => new ApiError("PAGE_PART_MISSING", "A part of the page did not come from the viewer.", "Load the page again: its address keeps what is shown.", 404);
