import { describe, expect, test } from "vitest";
import { applySgr, cubeColour, MAX_COLUMNS, PLAIN, Terminal } from "../src/pure/ansi";

const lines = (text: string, size = text.length || 1) => {
  const terminal = new Terminal();
  for (let at = 0; at < text.length; at += size) terminal.write(text.slice(at, at + size));
  return Array.from({ length: terminal.length }, (_, i) => terminal.text(i));
};

describe("a terminal", () => {
  test("splits lines and keeps colours", () => {
    const terminal = new Terminal();
    terminal.write("plain \x1b[1;32mgreen\x1b[0m end\nnext");
    expect(terminal.line(0).map((span) => [span.text, span.style.fg, span.style.bold])).toEqual([
      ["plain ", null, false],
      ["green", 2, true],
      [" end", null, false],
    ]);
    expect(terminal.text(1)).toBe("next");
  });

  test("gives the same whatever the pieces, also within an escape sequence", () => {
    const text = "a\x1b[31mred\x1b[0m\r\n10%\r100%\x1b[K done\x1b]0;title\x07 ✓ 😀\n\x1b[38;2;1;2;3mx";
    for (let size = 1; size < 12; size += 1) expect(lines(text, size)).toEqual(lines(text));
  });

  test("folds what a progress bar overwrites", () => {
    expect(lines("  0%|   |\r 50%|#  |\r100%|###|\n")).toEqual(["100%|###|"]);
    expect(lines("long text\rab")).toEqual(["abng text"]);
    expect(lines("long text\r\x1b[Kab")).toEqual(["ab"]);
    expect(lines("ab\b\bcd")).toEqual(["cd"]);
  });

  test("lets several bars redraw above each other", () => {
    expect(lines("one 0\ntwo 0\n\x1b[2A\rone 9\n\rtwo 9\n")).toEqual(["one 9", "two 9"]);
  });

  test("does not treat a line break after a return as overwriting", () => {
    expect(lines("a\r\nb\r\n")).toEqual(["a", "b"]);
  });

  test("aligns tabs", () => expect(lines("a\tb")).toEqual(["a       b"]));
});

describe("hostile output", () => {
  test("stays text", () => {
    const evil = '<img src=x onerror=alert(1)><script>alert(1)</script>&lt;"\'';
    const terminal = new Terminal();
    terminal.write(evil);
    expect(terminal.line(0)).toEqual([{ text: evil, style: PLAIN }]);
  });

  test("colours are numbers or #rrggbb, never what the program wrote", () => {
    for (const code of ["38;2;300;0;0", "38;2;1;2", "38;5;999", "38;5;url(x)", "48;2;a;b;c", "38;5;-1", "38:2::1:2:3"]) {
      const terminal = new Terminal();
      terminal.write(`\x1b[${code}mx`);
      const { style } = terminal.line(0)[0]!;
      for (const colour of [style.fg, style.bg]) {
        if (typeof colour === "string") expect(colour).toMatch(/^#[0-9a-f]{6}$/);
        else if (colour !== null) expect(colour).toBeGreaterThanOrEqual(0);
      }
    }
  });

  test("strings for the terminal itself are dropped, links keep their text", () => {
    expect(lines("\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\!")).toEqual(["click!"]);
    expect(lines("\x1bPq#0;1\x1b\\ok")).toEqual(["ok"]);
  });

  test("a sequence that never ends does not swallow the rest for ever", () => {
    const terminal = new Terminal();
    for (let i = 0; i < 200; i += 1) terminal.write("\x1b]" + "x".repeat(100));
    terminal.write("\nafter\n");
    expect(Array.from({ length: terminal.length }, (_, i) => terminal.text(i))).toContain("after");
  });

  test("huge moves and endless lines stay bounded", () => {
    const terminal = new Terminal();
    terminal.write("\x1b[999999999Cx\x1b[99999999Dy\x1b[999999A\x1b[9999999B");
    terminal.write("z".repeat(MAX_COLUMNS * 3));
    expect(terminal.text(0).length).toBeLessThanOrEqual(MAX_COLUMNS);
    expect(terminal.length).toBe(1);
  });

  test("any bytes are survived", () => {
    let seed = 7;
    const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
    const alphabet = "\x1b[];0123456789mKABCDGHJ\r\n\b\t\x07\x9b?>a✓\\P";
    for (let round = 0; round < 200; round += 1) {
      const text = Array.from({ length: 120 }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
      expect(() => lines(text, 1 + Math.floor(random() * 9))).not.toThrow();
      expect(lines(text).join("")).not.toContain("\x1b");
    }
  });
});

test("graphic rendition adds up and resets", () => {
  const style = applySgr(applySgr(PLAIN, [1, 4, 31]), [22, 39]);
  expect(style).toEqual({ ...PLAIN, underline: true });
  expect(applySgr(style, [])).toEqual(style);
  expect(applySgr(style, [NaN])).toEqual(PLAIN);
});

test("the palette's cube and greys", () => {
  expect(cubeColour(16)).toBe("#000000");
  expect(cubeColour(231)).toBe("#ffffff");
  expect(cubeColour(196)).toBe("#ff0000");
  expect(cubeColour(232)).toBe("#080808");
});

describe("a long output", () => {
  const text = Array.from({ length: 1000 }, (_, at) => `\x1b[3${at % 8}m${at}\x1b[0m plain`).join("\n");

  test("its lines are the same after they have settled, and keep their numbers when earlier ones are dropped", () => {
    const terminal = new Terminal();
    terminal.write(text);
    const before = Array.from({ length: 1000 }, (_, at) => terminal.line(at));
    terminal.drop(400);
    expect([terminal.first, terminal.length]).toEqual([400, 600]);
    for (let at = 400; at < 1000; at += 1) expect(terminal.line(at)).toEqual(before[at]);
    expect(terminal.line(399)).toEqual([]);
    expect(terminal.line(7 + 500).map((span) => [span.text, span.style.fg])).toEqual([["507", 3], [" plain", null]]);
  });

  test("is redrawn within the cursor's reach, and nowhere else, also right after a drop", () => {
    const terminal = new Terminal();
    terminal.write(text + "\n");
    terminal.drop(950);
    terminal.write("\x1b[500A\rtop\x1b[500B\rend");
    expect(terminal.text(950)).toBe("top plain");
    expect(terminal.text(1000)).toBe("end");
  });

  test("is the same however long the pieces are, and no character is cut", () => {
    const long = "😀✓a".repeat(5000);
    for (const lead of ["", "x", "xx", "xxx"]) {
      const terminal = new Terminal();
      terminal.write(`${lead}${long.slice(0, 8000)}\n${long}`.replaceAll(/(.{1500})/gsu, "$1\n"));
      const all = Array.from({ length: terminal.length }, (_, at) => terminal.text(at)).join("");
      expect(all).toBe(lead + long.slice(0, 8000) + long);
      for (let at = 0; at < terminal.length; at += 1) expect(terminal.text(at)).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
    }
  });
});
