import { describe, expect, test } from "vitest";
import { columnsOf, heightOf, roomIn, sizeAfter } from "../src/pure/chartSize";

describe("the size of a chart whose corner is dragged", () => {
  const room = { width: 300, gap: 16, columns: 3 };

  test.each([
    [300, 1],
    [450, 1],
    [460, 2],
    [616, 2],
    [932, 3],
    [5000, 3],
    [-40, 1],
  ])("%i px are %i columns", (width, columns) => expect(sizeAfter(width, 200, room).columns).toBe(columns));

  test("any height that can be read", () => {
    expect(sizeAfter(300, 233.4, room).height).toBe(233);
    expect([heightOf(-5), heightOf(1e9)]).toEqual([90, 1200]);
  });

  test("a section has as many columns as its charts take, of those that there are", () => {
    expect(columnsOf([undefined], room)).toBe(1);
    expect(columnsOf([undefined, undefined], room)).toBe(2);
    expect(columnsOf([2, undefined], room)).toBe(3);
    expect(columnsOf([9], room)).toBe(3);
    expect(columnsOf(Array(500).fill(undefined), room)).toBe(3);
  });

  test("a grid has as many columns as are wide enough", () => {
    expect(roomIn(932, 264, 16)).toEqual({ width: 300, gap: 16, columns: 3 });
    expect(roomIn(200, 264, 16)).toEqual({ width: 200, gap: 16, columns: 1 });
  });
});
