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

test("no files import each other in a circle, not even late or for a type", () => {
  const every = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
  const imports = new Map(
    Object.entries(every).map(([path, text]) => {
      const folder = path.slice(0, path.lastIndexOf("/") + 1);
      const named = [...text.matchAll(/(?:^(?:import|export)\b[^;]*?from\s+|\bimport\()"(\.[^"]+)"/gm)].map(([, name]) => new URL(name!, `file:///${folder.slice(3)}`).pathname);
      return [path, named.flatMap((name) => [".ts", ".tsx", "/index.ts"].map((end) => `../${name.slice(1)}${end}`).filter((one) => one in every))];
    }),
  );
  expect([...imports.values()].flat().length).toBeGreaterThan(300);
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(" -> "));
    if (done.has(path)) return;
    done.add(path);
    for (const next of imports.get(path)!) visit(next, [...way, path]);
  };
  for (const path of imports.keys()) visit(path, []);
  expect(circles).toEqual([]);
});

test("nothing turns text into markup", () => {
  for (const [path, text] of Object.entries(files)) expect(text, path).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/);
});
