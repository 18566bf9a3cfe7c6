/** What machines have to offer, asked for again and again while somebody looks, and not at all otherwise. */

import { signal } from "@preact/signals";
import { asApiError, isAbort, type ApiError } from "../api/error";
import { getMachines, type Machine } from "../api/machines";

const EVERY_MS = 5000;

export const machines = signal<readonly Machine[] | null>(null);
export const machinesError = signal<ApiError | null>(null);

let lookers = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let asking: AbortController | null = null;

/** Look at them until the function that is returned is called. */
export function lookAtMachines(): () => void {
  lookers += 1;
  if (lookers === 1) {
    document.addEventListener("visibilitychange", seen);
    void ask();
  }
  return () => {
    lookers -= 1;
    if (lookers) return;
    document.removeEventListener("visibilitychange", seen);
    clearTimeout(timer);
    asking?.abort();
  };
}

export const askMachines = (): void => void ask();

const seen = (): void => {
  if (!document.hidden) void ask();
};

async function ask(): Promise<void> {
  clearTimeout(timer);
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    machines.value = await getMachines(mine.signal);
    machinesError.value = null;
  } catch (error) {
    if (isAbort(error)) return;
    machinesError.value = asApiError(error);
  }
  // A page that nobody sees asks for nothing.
  if (lookers && asking === mine && !document.hidden) timer = setTimeout(() => void ask(), EVERY_MS);
}
