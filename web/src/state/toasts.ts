/** Short messages that come and go, each with at most one action such as undo. */

import { signal } from "@preact/signals";
import { asApiError } from "../api/error";

export interface Toast {
  id: number;
  text: string;
  kind: "info" | "error";
  action?: { label: string; run: () => void };
}

const INFO_MS = 6000;
const ERROR_MS = 12_000;

export const toasts = signal<readonly Toast[]>([]);
let counter = 0;

export function toast(text: string, action?: Toast["action"], kind: Toast["kind"] = "info"): void {
  counter += 1;
  const id = counter;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind, ...(action ? { action } : {}) }];
  setTimeout(() => dismiss(id), kind === "error" ? ERROR_MS : INFO_MS);
}

export const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((one) => one.id !== id);
};

/** Do what the newest message that is on show offers, such as to take back what was just done; tell whether one does. */
export function takeOffer(): boolean {
  const offer = [...toasts.peek()].reverse().find((one) => one.action);
  if (!offer) return false;
  offer.action!.run();
  dismiss(offer.id);
  return true;
}

export const toastError = (error: unknown): void => {
  const known = asApiError(error);
  toast([known.detail, known.hint].filter(Boolean).join(" "), undefined, "error");
};
