import { describe, expect, test } from "vitest";
import { TextWindow } from "../src/pure/textWindow";

const LINES = Array.from({ length: 3000 }, (_, at) => `line ${at} ${"·".repeat(at % 7)}\x1b[3${at % 8}mcolour\x1b[0m`);
const BYTES = new TextEncoder().encode(LINES.join("\n") + "\n");
const piece = (from: number, to: number) => ({ from, to, text: new TextDecoder().decode(BYTES.subarray(from, to)) });
/** The beginning of a line at or after this byte. */
const at = (byte: number) => BYTES.indexOf(10, byte) + 1;
const shown = ({ terminal }: TextWindow) => Array.from({ length: terminal.length }, (_, index) => terminal.text(terminal.first + index));
const number = (line: string) => Number(line.split(" ")[1]);

describe("a window on a growing text", () => {
  test("keeps no more than it may while text comes at its end, and its lines keep their numbers", () => {
    const view = new TextWindow(piece(0, at(1000)), 20_000, 1_000_000);
    let seen = new Map<number, string>();
    for (let from = at(1000); from < BYTES.length; from = view.end) {
      view.append(piece(from, Math.min(BYTES.length, from + 700)));
      view.trim();
      const next = new Map(shown(view).map((text, index) => [view.terminal.first + index, text]));
      for (const [line, text] of next) if (seen.has(line) && line < view.terminal.place - 1) expect(text.startsWith(seen.get(line)!)).toBe(true);
      seen = next;
    }
    expect(view.bytes).toBeLessThan(20_000 + 131_072 + 700);
    expect(shown(view).at(-1)).toBe(shown(new TextWindow(piece(0, BYTES.length), 1e9, 1e9)).at(-1));
  });

  test("what is put in front leaves the lines behind it their numbers and their text", () => {
    const from = at(60_000);
    const view = new TextWindow(piece(from, at(80_000)), 1e9, 1e9);
    const before = new Map(shown(view).map((text, index) => [view.terminal.first + index, text]));
    view.prepend(piece(from - 5000, from));
    view.prepend(piece(from - 9000, from - 5000));
    const after = new Map(shown(view).map((text, index) => [view.terminal.first + index, text]));
    for (const [line, text] of before) expect(after.get(line)).toBe(text);
    const numbers = [...after.values()].map(number);
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index)); // none missing, none cut, none twice
    expect(after.size).toBeGreaterThan(before.size + 100);
  });

  test("what is put in front takes the place of what is at the end", () => {
    const view = new TextWindow(piece(60_000, 80_000), 20_000, 1e9);
    view.append(piece(80_000, 81_000));
    view.prepend(piece(50_000, 60_000));
    expect([view.from, view.end]).toEqual([50_000, 80_000 + 1000]);
    const long = new TextWindow(piece(60_000, 62_000), 5000, 1e9);
    for (let from = 62_000; from < 80_000; from += 1000) long.append(piece(from, from + 1000));
    long.prepend(piece(58_000, 60_000));
    expect(long.from).toBe(58_000);
    expect(shown(long).every((line) => line.startsWith("line "))).toBe(true);
  });

  test("gives way by whole pieces where it has too many lines", () => {
    const view = new TextWindow({ from: 0, to: 200_000, text: "\n".repeat(200_000) }, 1e9, 1000);
    view.append({ from: 200_000, to: 400_000, text: "\n".repeat(200_000) });
    view.trim();
    expect(view.terminal.length).toBe(200_000);
  });

  test("does not take what lies beyond a gap", () => {
    const view = new TextWindow(piece(0, 1000), 1e9, 1e9);
    expect(view.append(piece(1200, 1300))).toBe(false);
    expect(view.append(piece(900, 1300))).toBe(true);
    expect(view.end).toBe(1300);
  });
});

describe("lines and the bytes that they begin at", () => {
  const starts = LINES.reduce<number[]>((all, line) => [...all, all.at(-1)! + new TextEncoder().encode(line).length + 1], [0]);

  test("each line knows its byte, and each byte its line, wherever the window began", () => {
    const from = at(30_000);
    const view = new TextWindow(piece(from, at(50_000)), 1e9, 1e9);
    view.append(piece(view.end, at(55_000)));
    view.prepend(piece(at(from - 7000), from));
    const { terminal } = view;
    for (let line = terminal.first; line < terminal.first + terminal.length; line += 1) {
      const index = number(terminal.text(line));
      expect(terminal.startOf(line)).toBe(starts[index]);
      expect(terminal.lineAt(starts[index]!)).toBe(line);
      expect(terminal.lineAt(starts[index]! + 5)).toBe(line);
    }
  });

  test("it stays so when earlier lines go, and when escape codes are cut", () => {
    const view = new TextWindow(piece(0, at(1000)), 20_000, 1e9);
    const text = new TextDecoder().decode(BYTES.subarray(view.end));
    const encoder = new TextEncoder();
    for (let begin = 0; begin < text.length && view.end < 100_000; begin += 13) {
      const part = text.slice(begin, begin + 13);
      view.append({ from: view.end, to: view.end + encoder.encode(part).length, text: part });
    }
    const { terminal } = view;
    terminal.drop(200);
    expect(terminal.first).toBe(200);
    for (let line = terminal.first + 1; line < terminal.first + terminal.length - 1; line += 1) {
      expect(terminal.startOf(line)).toBe(starts[number(terminal.text(line))]);
    }
  });
});
