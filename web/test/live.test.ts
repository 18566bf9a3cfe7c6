import { describe, expect, test } from "vitest";
import { EventParser } from "../src/api/sse";
import { mergePiece } from "../src/pure/bytes";
import { append, firstNew, noPoints } from "../src/pure/tail";

const WIRE = ': hello\nretry: 1000\n\nid: a1\nevent: points\ndata: {"x":1}\n\n: ping\n\nid: a2\ndata: one\ndata: two\n\nevent: nothing\n\n';

describe("server-sent events", () => {
  const expected = [
    { id: "a1", event: "points", data: '{"x":1}' },
    { id: "a2", event: "message", data: "one\ntwo" },
  ];

  test("are the same however the bytes are cut", () => {
    for (let size = 1; size <= WIRE.length; size += 1) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < WIRE.length; at += size) events.push(...parser.push(WIRE.slice(at, at + size)));
      expect(events).toEqual(expected);
    }
  });

  test("may end lines in any of the three ways", () => {
    for (const end of ["\r\n", "\r"]) {
      const text = WIRE.replaceAll("\n", end);
      for (const size of [1, 2, 3, 1000]) {
        const parser = new EventParser();
        const events = [];
        for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
        expect(events).toEqual(expected);
      }
    }
  });

  test("that are cut off before their blank line are not told", () => {
    expect(new EventParser().push("data: half")).toEqual([]);
  });
});

describe("a base and its live points", () => {
  const points = (times: number[]) => ({ step: times.map((_, i) => i), time: times, value: times.map((t) => t * 10) });

  test("live points that the base holds are passed over", () => {
    expect(firstNew(points([1, 2, 3, 4]), { lastTime: 2, lastStep: 1 })).toEqual({ from: 2, passed: true });
  });

  test("all of them may be in the base, up to its very end", () => {
    expect(firstNew(points([1, 2]), { lastTime: 2, lastStep: 1 })).toEqual({ from: 2, passed: true });
    expect(firstNew(points([1, 2]), { lastTime: 5, lastStep: 9 })).toEqual({ from: 2, passed: false });
  });

  test("an empty base holds none", () => {
    expect(firstNew(points([1, 2]), { lastTime: null, lastStep: null })).toEqual({ from: 0, passed: true });
  });

  test("points later than the base are new even if its last one was not among them", () => {
    expect(firstNew(points([3, 4]), { lastTime: 2, lastStep: 7 })).toEqual({ from: 0, passed: true });
  });

  test("points of a clock that was set back are new by their steps", () => {
    const later = { step: [8, 9], time: [-598, -597], value: [0, 0] };
    expect(firstNew(later, { lastTime: 2, lastStep: 7 })).toEqual({ from: 0, passed: true });
  });

  test("steps that repeat at another time are other points", () => {
    expect(firstNew({ step: [5, 5], time: [1, 2], value: [0, 0] }, { lastTime: 1, lastStep: 5 })).toEqual({ from: 1, passed: true });
  });

  test("any cut of a series into base and overlapping live pieces gives each point once", () => {
    const all = points(Array.from({ length: 12 }, (_, i) => i + 0.5));
    for (let base = 0; base <= 12; base += 1)
      for (let stream = 0; stream <= base; stream += 1)
        for (let size = 1; size <= 4; size += 1) {
          let boundary: { lastTime: number | null; lastStep: number | null } | null = {
            lastTime: base ? all.time[base - 1]! : null,
            lastStep: base ? all.step[base - 1]! : null,
          };
          const tail = noPoints();
          for (let at = stream; at < 12; at += size) {
            const piece = { step: all.step.slice(at, at + size), time: all.time.slice(at, at + size), value: all.value.slice(at, at + size) };
            const { from, passed }: { from: number; passed: boolean } = boundary ? firstNew(piece, boundary) : { from: 0, passed: true };
            if (passed) boundary = null;
            append(tail, piece, from);
          }
          expect(tail.step).toEqual(all.step.slice(base));
        }
  });
});

describe("pieces of a console", () => {
  test("append, overlap, repeat, miss", () => {
    expect(mergePiece(10, { from: 10, to: 13, text: "abc" })).toEqual({ kind: "append", text: "abc", to: 13 });
    expect(mergePiece(12, { from: 10, to: 13, text: "abc" })).toEqual({ kind: "append", text: "c", to: 13 });
    expect(mergePiece(13, { from: 10, to: 13, text: "abc" })).toEqual({ kind: "known" });
    expect(mergePiece(5, { from: 10, to: 13, text: "abc" })).toEqual({ kind: "gap", from: 5, to: 10 });
  });

  test("overlaps are counted in bytes, not in characters", () => {
    expect(mergePiece(3, { from: 0, to: 5, text: "✓ab" })).toEqual({ kind: "append", text: "ab", to: 5 });
  });
});
