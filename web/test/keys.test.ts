import { expect, test } from "vitest";
import { KEYS } from "../src/pure/keySheet";
import { RUN_TABS } from "../src/pure/route";

const files = import.meta.glob<string>(["../src/components/**/*.tsx", "../src/pages/**/*.tsx", "../src/charts/*.tsx"], { query: "?raw", import: "default", eager: true });

/** Return the keys of the object that begins here, those of objects within it left out. */
function keysOf(text: string, from: number): string[] {
  let depth = 0;
  let top = "";
  for (let at = from; at < text.length; at += 1) {
    const char = text[at]!;
    if ("{([".includes(char) && !(char === "[" && text[at - 1] === '"')) depth += 1;
    else if ("})]".includes(char) && !(char === "]" && text[at - 1] === '"')) depth -= 1;
    else if (depth === 1) top += char;
    if (depth === 0) break;
  }
  return [...top.matchAll(/(?:^|,|\n)\s*(?:"([^"]+)"|(\w+)):/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

const bound = new Set(
  Object.values(files).flatMap((text) => [...text.matchAll(/useKeys\(\{/g)].flatMap((match) => keysOf(text, match.index + match[0].length - 1))),
);
for (const text of Object.values(files)) if (text.includes("...moveKeys(")) ["j", "k"].forEach((key) => bound.add(key));
RUN_TABS.forEach((_, at) => bound.add(String(at + 1)));

const listed = new Set(KEYS.flatMap(([, keys]) => keys.flatMap(([key]) => key.split("  "))));
const SAME: Record<string, string> = { "Ctrl+K": "Ctrl K", Escape: "Esc", ArrowLeft: "←", ArrowRight: "→" };

// Keys of what has the focus: a column's head, a chart. They are handled where these are.
const NAMES: Record<string, string> = { "←": "ArrowLeft", "→": "ArrowRight", "↓": "ArrowDown", "−": "-" };
const focused = Object.entries(files).flatMap(([path, text]) => (/\/(Head|Chart)\.tsx$/.test(path) ? [text] : [])).join("\n");
const isHandled = (key: string): boolean => {
  const last = key.split(" ").at(-1)!;
  const name = NAMES[last] ?? last;
  if (name === "Enter") return focused.includes("onClick"); // of a button that has the focus
  return focused.includes(`"${name}"`) || new RegExp(`^\\s*${/^\w+$/.test(name) ? name : `"\\${name}"`}:`, "m").test(focused);
};

test("every key that is bound stands on the sheet", () => {
  expect(bound.size).toBeGreaterThan(15);
  expect([...bound].map((key) => SAME[key] ?? key).filter((key) => !listed.has(key))).toEqual([]);
});

test("a key that nothing handles would be found", () => {
  expect(focused).toContain("onKeyDown");
  expect(isHandled("Alt q")).toBe(false);
});

test("every key on the sheet is bound, but for those of the pointer", () => {
  const known = new Set([...bound].map((key) => SAME[key] ?? key));
  expect([...listed].filter((key) => !known.has(key) && !isHandled(key) && !/drag|click|wheel/i.test(key))).toEqual([]);
});
