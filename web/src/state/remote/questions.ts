/** What servers ask while somebody logs in, and what the person at this window does about it. */

import { computed, signal } from "@preact/signals";
import * as api from "../../api/sessions";
import type { Question } from "../../api/questions";
import { stream } from "../link";

const open = signal<readonly Question[]>([]);
/** Those that were answered here: they are gone in a moment, and must not be shown until then. */
const settled = signal<ReadonlySet<string>>(new Set());

/** The questions that wait for somebody, the oldest first. */
export const questions = computed(() => open.value.filter((one) => !settled.value.has(one.id)));

/** The one whose dialog is open in this window. */
export const shownQuestion = signal<string | null>(null);

/** Put a question before the person who asked for it. */
export const showQuestion = (id: string): void => {
  shownQuestion.value = id;
};

stream.on("remote", (data) => {
  const now = data.questions ?? [];
  open.value = now;
  if (settled.peek().size) settled.value = new Set([...settled.peek()].filter((id) => now.some((one) => one.id === id)));
});

const settle = (id: string): void => {
  settled.value = new Set([...settled.value, id]);
};

/** Send what was typed; it is kept nowhere in the page. */
export async function answerQuestion(id: string, answers: readonly string[]): Promise<void> {
  await api.answerQuestion(id, answers);
  settle(id);
}

/** Have the login given up that asks this, whoever began it. */
export async function cancelQuestion(id: string): Promise<void> {
  await api.cancelQuestion(id);
  settle(id);
}
