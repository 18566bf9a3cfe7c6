/** Which of the two themes is on; the choice is the person's or the system's. */

import { computed, effect, signal } from "@preact/signals";
import { themeChoice, type ThemeChoice } from "./prefs";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", () => {
  systemDark.value = dark.matches;
});

export const theme = computed<"light" | "dark">(() =>
  themeChoice.value === "system" ? (systemDark.value ? "dark" : "light") : themeChoice.value,
);

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

const NEXT: Record<ThemeChoice, ThemeChoice> = { system: "light", light: "dark", dark: "system" };

/** System, light, dark, and around again. */
export const cycleTheme = (): void => {
  themeChoice.value = NEXT[themeChoice.value];
};

/** Return the value of a colour token, as the present theme has it. */
export const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
