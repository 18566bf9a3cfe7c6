/**
 * A terminal's output as lines of styled text: colours, carriage returns and cursor moves are applied, everything else
 * that a terminal would act on is dropped. Pure. It yields text and numbers only; nothing of the input becomes markup.
 */

import { utf8Bytes, utf8Length } from "./bytes";

export interface Style {
  /** 0-255 palette index, "#rrggbb", or null for the default. */
  fg: number | string | null;
  bg: number | string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  inverse: boolean;
}

export interface Span {
  text: string;
  style: Style;
}

export const PLAIN: Style = Object.freeze({
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
});

/** Longer lines are cut: a program that never ends a line must not stall the page. */
export const MAX_COLUMNS = 4000;
/** How far up a program may move the cursor to redraw (several progress bars at once). */
const MAX_ROWS_UP = 100;
const MAX_SEQUENCE = 4096;
const MAX_STYLES = 1000;
const WRITTEN_AT_ONCE = 8192;

/** A line that may still change. spans: what it was last drawn as, until it changes. */
interface Row {
  chars: string[];
  styles: Style[];
  spans: Span[] | null;
}

const noRow = (): Row => ({ chars: [], styles: [], spans: null });

/**
 * Takes text in pieces of any size, also cut within an escape sequence. Lines have numbers that stay when earlier ones
 * are dropped. A line out of the cursor's reach is kept as its spans only, which take a tenth of the memory.
 */
export class Terminal {
  private readonly rows: (Row | Span[])[] = [noRow()];
  private styles = knownStyles();
  private settled = 0;
  private row = 0;
  private column = 0;
  private style: Style = PLAIN;
  private pending = "";
  /** Where in the file what comes next lies, and where each line begins: bytes. */
  private byte: number;
  private readonly starts: number[];

  /** first: the number of the first line, which begins at byte `at`. */
  constructor(
    private begin = 0,
    at = 0,
  ) {
    this.byte = at;
    this.starts = [at];
  }

  get first(): number {
    return this.begin;
  }

  get length(): number {
    const last = this.rows[this.rows.length - 1] as Row;
    return last.chars.length === 0 ? this.rows.length - 1 : this.rows.length;
  }

  /** The number of the line that the cursor is on. */
  get place(): number {
    return this.begin + this.row;
  }

  /** Give the first line another number, and all others with it. */
  renumber(first: number): void {
    this.begin = first;
  }

  /** Forget the lines before this number, at most up to where the cursor is. */
  drop(before: number): void {
    const amount = Math.min(before - this.begin, this.row);
    if (amount <= 0) return;
    this.rows.splice(0, amount);
    this.starts.splice(0, amount);
    this.begin += amount;
    this.settled = Math.max(0, this.settled - amount);
    this.row -= amount;
  }

  /** Return a line as runs of equally styled text. */
  line(number: number): Span[] {
    const row = this.rows[number - this.begin];
    if (!row) return [];
    return Array.isArray(row) ? row : (row.spans ??= toSpans(row));
  }

  /** Return a line as bare text. */
  text(number: number): string {
    const spans = this.line(number);
    return (spans.length === 1 ? spans[0]!.text : spans.map((span) => span.text).join("")).trimEnd();
  }

  /** Return the byte that a line begins at. */
  startOf(number: number): number {
    return this.starts[number - this.begin] ?? this.byte;
  }

  /** Return the number of the line that a byte lies in; of one before the first line, that of the first. */
  lineAt(byte: number): number {
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= byte) low = middle;
      else high = middle - 1;
    }
    return this.begin + Math.max(0, low);
  }

  /** at: the byte that the input begins at, where it is known. */
  write(input: string, at?: number): void {
    if (at !== undefined) this.byte = at - utf8Length(this.pending);
    // In one go, V8 takes a hundred times as long for some long texts: 60 s instead of 0.3 for 4 MB.
    for (let from = 0; from < input.length; ) {
      const to = from + WRITTEN_AT_ONCE;
      const end = isHighSurrogate(input.charCodeAt(to - 1)) ? to + 1 : to; // never within a character
      this.act(input.slice(from, end));
      from = end;
    }
  }

  private act(input: string): void {
    const text = this.pending + input;
    this.pending = "";
    let i = 0;
    while (i < text.length) {
      const code = text.charCodeAt(i);
      if (code === 0x1b) {
        const used = this.escape(text, i);
        if (used === 0) {
          // The rest of the sequence has not come yet; an endless one is given up.
          if (text.length - i < MAX_SEQUENCE) this.pending = text.slice(i);
          else this.byte += utf8Length(text.slice(i));
          return;
        }
        this.byte += utf8Length(text.slice(i, i + used));
        i += used;
        continue;
      }
      if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
        this.byte += code < 0x80 ? 1 : 2;
        this.control(code);
        i += 1;
        continue;
      }
      const point = text.codePointAt(i)!;
      const width = point > 0xffff ? 2 : 1;
      this.byte += utf8Bytes(point);
      this.put(text.slice(i, i + width));
      i += width;
    }
  }

  private current(): Row {
    return this.rows[this.row] as Row; // those within reach are never settled
  }

  /** Keep what the cursor cannot reach any more in its short form. */
  private settle(): void {
    for (const end = this.rows.length - 1 - MAX_ROWS_UP; this.settled < end; this.settled += 1) {
      const row = this.rows[this.settled] as Row;
      this.rows[this.settled] = row.spans ?? toSpans(row);
    }
  }

  private put(char: string): void {
    if (this.column >= MAX_COLUMNS) return;
    const row = this.current();
    while (row.chars.length < this.column) {
      row.chars.push(" ");
      row.styles.push(PLAIN);
    }
    row.chars[this.column] = char;
    row.styles[this.column] = this.style;
    this.column += 1;
    row.spans = null;
  }

  private control(code: number): void {
    if (code === 0x0a) this.down();
    else if (code === 0x0d) this.column = 0;
    else if (code === 0x08) this.column = Math.max(0, this.column - 1);
    else if (code === 0x09) {
      const stop = Math.min(MAX_COLUMNS, (Math.floor(this.column / 8) + 1) * 8);
      while (this.column < stop) this.put(" ");
    }
  }

  private down(): void {
    this.row += 1;
    this.column = 0;
    if (this.row < this.rows.length) return;
    this.rows.push(noRow());
    this.starts.push(this.byte);
    this.settle();
  }

  /** Act on the escape sequence at `at`; return its length, or 0 if it is not complete. */
  private escape(text: string, at: number): number {
    const kind = text[at + 1];
    if (kind === undefined) return 0;
    if (kind === "[") {
      let end = at + 2;
      while (end < text.length && !isFinal(text.charCodeAt(end))) {
        if (text.charCodeAt(end) < 0x20) return end - at; // malformed: leave the control character to write()
        end += 1;
      }
      if (end >= text.length) return 0;
      this.sequence(text.slice(at + 2, end), text[end]!);
      return end - at + 1;
    }
    if (kind === "]" || kind === "P" || kind === "X" || kind === "^" || kind === "_") {
      // A string for the terminal itself (title, link target, ...): dropped, up to BEL or ST.
      for (let end = at + 2; end < text.length; end += 1) {
        const code = text.charCodeAt(end);
        if (code === 0x07) return end - at + 1;
        if (code === 0x1b) {
          if (end + 1 >= text.length) return 0;
          return text[end + 1] === "\\" ? end - at + 2 : end - at;
        }
        if (code === 0x0a) return end - at;
      }
      return 0;
    }
    if ("()*+-./#% ".includes(kind)) return at + 2 < text.length ? 3 : 0;
    return 2;
  }

  private sequence(parameters: string, final: string): void {
    if (/^[?<=>]/.test(parameters)) return;
    const numbers = parameters.split(/[;:]/).map((part) => (part === "" ? NaN : Number(part)));
    const amount = Math.min(MAX_COLUMNS, Number.isFinite(numbers[0]!) && numbers[0]! > 0 ? numbers[0]! : 1);
    if (final === "m") this.style = this.known(applySgr(this.style, numbers));
    else if (final === "K") this.eraseLine(numbers[0] || 0);
    else if (final === "A" || final === "F") {
      this.row = Math.max(0, this.rows.length - 1 - MAX_ROWS_UP, this.row - amount);
      if (final === "F") this.column = 0;
    } else if (final === "B" || final === "E") {
      this.row = Math.min(this.rows.length - 1, this.row + amount);
      if (final === "E") this.column = 0;
    } else if (final === "C") this.column = Math.min(MAX_COLUMNS, this.column + amount);
    else if (final === "D") this.column = Math.max(0, this.column - amount);
    else if (final === "G") this.column = amount - 1;
    else if (final === "J" && !numbers[0]) {
      this.eraseLine(0);
      for (let row = this.row + 1; row < this.rows.length; row += 1) this.rows[row] = noRow();
    }
  }

  private eraseLine(mode: number): void {
    const row = this.current();
    if (mode === 0) {
      row.chars.length = Math.min(row.chars.length, this.column);
      row.styles.length = row.chars.length;
    } else if (mode === 2) {
      row.chars.length = 0;
      row.styles.length = 0;
    } else if (mode === 1) {
      for (let i = 0; i <= this.column && i < row.chars.length; i += 1) {
        row.chars[i] = " ";
        row.styles[i] = PLAIN;
      }
    }
    row.spans = null;
  }

  /** Return the one object for this style: programs switch between few of them, a million times. */
  private known(style: Style): Style {
    const key = styleKey(style);
    const known = this.styles.get(key);
    if (known) return known;
    if (this.styles.size >= MAX_STYLES) this.styles = knownStyles();
    this.styles.set(key, style);
    return style;
  }
}

const styleKey = (style: Style): string => Object.values(style).join();
const knownStyles = () => new Map<string, Style>([[styleKey(PLAIN), PLAIN]]);
const isHighSurrogate = (code: number) => code >= 0xd800 && code < 0xdc00;
const isFinal = (code: number) => code >= 0x40 && code <= 0x7e;

function toSpans(row: Row): Span[] {
  const spans: Span[] = [];
  let start = 0;
  let end = row.chars.length;
  while (end > 0 && row.chars[end - 1] === " " && row.styles[end - 1]!.bg === null) end -= 1;
  for (let i = 1; i <= end; i += 1) {
    if (i < end && row.styles[i] === row.styles[start]) continue;
    spans.push({ text: row.chars.slice(start, i).join(""), style: row.styles[start]! });
    start = i;
  }
  return spans;
}

/** Return `style` after the "select graphic rendition" parameters `codes` (ECMA-48, section 8.3.117). */
export function applySgr(style: Style, codes: readonly number[]): Style {
  let next: Style = { ...style };
  for (let i = 0; i < codes.length; i += 1) {
    const code = Number.isNaN(codes[i]!) ? 0 : codes[i]!;
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 29) next.strike = false;
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code === 39) next.fg = null;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code === 49) next.bg = null;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes, i + 1);
      if (colour !== undefined) next[code === 38 ? "fg" : "bg"] = colour;
      i += used;
    }
  }
  return next;
}

function extended(codes: readonly number[], at: number): [number | string | undefined, number] {
  const byte = (value: number | undefined) =>
    value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255 ? value : undefined;
  if (codes[at] === 5) return [byte(codes[at + 1]), 2];
  if (codes[at] === 2) {
    const parts = [byte(codes[at + 1]), byte(codes[at + 2]), byte(codes[at + 3])];
    if (parts.some((part) => part === undefined)) return [undefined, 4];
    return [`#${parts.map((part) => part!.toString(16).padStart(2, "0")).join("")}`, 4];
  }
  return [undefined, 1];
}

/** Return the colour of palette index 16 to 255 (the 6x6x6 cube, then 24 greys) as #rrggbb. */
export function cubeColour(index: number): string {
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  if (index >= 232) {
    const grey = hex(8 + (index - 232) * 10);
    return `#${grey}${grey}${grey}`;
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return `#${hex(level(Math.floor(cube / 36)))}${hex(level(Math.floor(cube / 6) % 6))}${hex(level(cube % 6))}`;
}
