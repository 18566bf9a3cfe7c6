import { expect, test } from "vitest";

const files = import.meta.glob<string>("../src/*/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
// A folder imports from its own floor or from those below it, never upward.
const FLOORS = ["pure", "api", "state", "components", "charts", "pages"];

test("folders import from their own floor or below", () => {
  expect(Object.keys(files).length).toBeGreaterThan(30);
  const upward: string[] = [];
  for (const [path, text] of Object.entries(files)) {
    const floor = FLOORS.indexOf(path.split("/")[2]!);
    for (const [whole, target] of text.matchAll(/^(?:import|export)[^;]*?from "(?:\.\.\/)+(\w+)\//gm))
      if (FLOORS.indexOf(target!) > floor && !/^(import|export) type/.test(whole)) upward.push(`${path} -> ${target}`);
  }
  expect(upward).toEqual([]);
});

test("nothing turns text into markup", () => {
  for (const [path, text] of Object.entries(files)) expect(text, path).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/);
});
