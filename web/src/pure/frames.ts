/** The binary answer of POST /api/lines, frame by frame as it arrives; docs/reference/lines.md says how it is made. Pure. */

import type { Line } from "./line";

export interface LineFrame {
  chart: number;
  /** Which of the question's runs, or which of the chart's groups. */
  run: number | null;
  group: number | null;
  count: number;
  hidden: number;
  lastStep: number | null;
  lastTime: number | null;
  line: Line | null;
}

export interface EndFrame {
  missing: string[];
  unreadable: { run: string; detail: string }[];
}

interface Column {
  name: string;
  length: number;
  kind: "u1" | "u2" | "u4" | "f4" | "f8" | "const" | "ramp";
  base?: number | string | null;
  scale?: number;
}

interface Head {
  chart?: number;
  run?: number;
  group?: number;
  count?: number;
  hidden?: number;
  last_step?: number | null;
  last_time?: number | string | null;
  end?: boolean;
  missing?: string[];
  unreadable?: { run: string; detail: string }[];
  columns?: Column[];
}

const SIZES = { u1: 1, u2: 2, u4: 4, f4: 4, f8: 8, const: 0, ramp: 0 };
const ALIGN = 8;
/** No frame is as long: what says so is no such answer. */
const MAX_FRAME_BYTES = 2 ** 28;

export class FrameReader {
  /** What came last; without it the answer was cut off. */
  end: EndFrame | null = null;
  private rest = new Uint8Array(0);
  private readonly decoder = new TextDecoder();

  /** Return the lines that are whole with this piece. */
  push(piece: Uint8Array): LineFrame[] {
    const data = this.rest.length ? together(this.rest, piece) : piece;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const found: LineFrame[] = [];
    let at = 0;
    while (data.length - at >= ALIGN) {
      const headBytes = view.getUint32(at, true);
      const bodyBytes = view.getUint32(at + 4, true);
      const size = ALIGN + headBytes + bodyBytes;
      if (size > MAX_FRAME_BYTES) throw new Error("The answer holds no lines.");
      if (data.length - at < size) break;
      const head = JSON.parse(this.decoder.decode(data.subarray(at + ALIGN, at + ALIGN + headBytes))) as Head;
      // A copy of its own, so that its columns lie where arrays of numbers may begin, and the rest can be let go of.
      const body = data.slice(at + ALIGN + headBytes, at + size).buffer;
      if (head.end) this.end = { missing: head.missing ?? [], unreadable: head.unreadable ?? [] };
      else found.push(frameOf(head, body));
      at += size;
    }
    this.rest = data.slice(at);
    return found;
  }
}

function frameOf(head: Head, body: ArrayBuffer): LineFrame {
  const columns = new Map<string, Float64Array | Uint8Array>();
  let at = 0;
  for (const column of head.columns ?? []) {
    columns.set(column.name, column.name === "odd" ? bytesOf(column, body, at) : numbersOf(column, body, at));
    at += Math.ceil((SIZES[column.kind] * column.length) / ALIGN) * ALIGN;
  }
  const numbers = (name: string) => (columns.get(name) as Float64Array | undefined) ?? null;
  const x = numbers("x");
  const y = numbers("y");
  return {
    chart: head.chart ?? 0,
    run: head.run ?? null,
    group: head.group ?? null,
    count: head.count ?? 0,
    hidden: head.hidden ?? 0,
    lastStep: head.last_step ?? null,
    lastTime: typeof head.last_time === "number" ? head.last_time : null,
    line:
      x && y
        ? { x, y, xEnd: numbers("x_end"), low: numbers("low"), high: numbers("high"), amount: numbers("points") ?? numbers("runs"), odd: (columns.get("odd") as Uint8Array | undefined) ?? null }
        : null,
  };
}

function numbersOf({ kind, length, base, scale }: Column, body: ArrayBuffer, at: number): Float64Array {
  if (kind === "f8") return new Float64Array(body, at, length);
  const out = new Float64Array(length);
  if (kind === "const") return out.fill(oddNumber(base));
  if (kind === "f4") return Float64Array.from(new Float32Array(body, at, length));
  const from = typeof base === "number" ? base : 0;
  const by = scale ?? 1;
  if (kind === "ramp") for (let i = 0; i < length; i += 1) out[i] = from + i * by;
  else {
    const raw = kind === "u1" ? new Uint8Array(body, at, length) : kind === "u2" ? new Uint16Array(body, at, length) : new Uint32Array(body, at, length);
    for (let i = 0; i < length; i += 1) out[i] = from + raw[i]! * by;
  }
  return out;
}

function bytesOf(column: Column, body: ArrayBuffer, at: number): Uint8Array {
  return column.kind === "u1" && column.base === undefined ? new Uint8Array(body, at, column.length) : Uint8Array.from(numbersOf(column, body, at));
}

const oddNumber = (base: number | string | null | undefined): number =>
  typeof base === "number" ? base : base === "Infinity" ? Infinity : base === "-Infinity" ? -Infinity : NaN;

function together(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
