import { describe, expect, test } from "vitest";
import type { Run } from "../src/api/types";
import { distinctTexts } from "../src/pure/cellNumbers";
import { defaultColumns } from "../src/pure/columns";
import { textsOf } from "../src/pure/tableLayout";
import { formatAxis, formatDistinct, formatMetric, formatValue } from "../src/pure/format";
import { parseAnswer, parseExact, toJson } from "../src/pure/json";

const run = (summary: Record<string, unknown>, config: Record<string, unknown> = {}) => ({ config, summary }) as unknown as Run;

describe("what a script configured", () => {
  test.each([
    [20240115, "20240115"],
    [-3, "-3"],
    [0.99999, "0.99999"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e-8, "1e-8"],
    [123456.789, "123456.789"],
    [12345678901234567890n, "12345678901234567890"],
    [[20240115, 0.99999], "[20240115,0.99999]"],
  ])("%s reads %s", (value, text) => expect(formatValue(value)).toBe(text));

  test("any two numbers that differ read differently", () => {
    const numbers = [0.99999, 0.999991, 0.9999900000000002, 1, 20240115, 20240116, 1e15, 1e15 + 1, 1e-9, 1.0000001e-9, 9.999e6, 9999000.5];
    expect(new Set(numbers.map(formatValue)).size).toBe(numbers.length);
  });
});

describe("integers beyond what a number holds", () => {
  const text = '{"step": 9007199254740993, "config": {"seed": 9007199254740993, "in": [18446744073709551615]}, "summary": {"x": -9223372036854775807}, "x": [0.12345678901234567]}';

  test("keep their digits in config and summary, and are numbers elsewhere", () => {
    const answer = parseAnswer(text) as { step: unknown; config: Record<string, unknown>; summary: Record<string, unknown>; x: unknown };
    expect(answer.step).toBe(9007199254740992);
    expect(answer.config).toEqual({ seed: 9007199254740993n, in: [18446744073709551615n] });
    expect(answer.summary).toEqual({ x: -9223372036854775807n });
    expect(answer.x).toEqual([0.12345678901234567]);
  });

  test("are copied as they came", () => {
    const config = (parseExact(text) as { config: unknown }).config;
    expect(toJson(config)).toBe('{"seed":9007199254740993,"in":[18446744073709551615]}');
    expect(defaultColumns([run({}, config as Record<string, unknown>)], { config: ["seed"], summary: [] })).toContain("config.seed");
  });

  test("answers without them are read as ever", () => expect(parseAnswer('{"a":[1,2.5,"9007199254740993"]}')).toEqual({ a: [1, 2.5, "9007199254740993"] }));
});

describe("values of metrics beside each other", () => {
  test("are short where that tells them apart", () => expect([...formatDistinct([0.231442, 12.5, 3]).values()]).toEqual(["0.2314", "12.5", "3"]));

  test.each([
    [[0.99999, 0.999991, 1]],
    [[0.231442, 0.231443]],
    [[123456.71, 123456.72, 123456.7]],
    [[1e-9, 1.0000001e-9]],
    [[4.1e12, 4.1e12 + 1, 4.1e12 + 0.5]],
    [[0.1, 0.10000000000000002]],
    [[20240115, 20240116]],
  ])("%j never look alike", (values) => expect(new Set(formatDistinct(values).values()).size).toBe(values.length));

  test("integers are whole", () => expect([20240115, -20240115, 4.1e9].map((value) => formatMetric(value))).toEqual(["20,240,115", "−20,240,115", "4,100,000,000"]));

  test("NaN and infinities have a text too", () => expect([...formatDistinct([NaN, Infinity, NaN]).values()]).toEqual(["NaN", "∞"]));

  test("in a column of results, and nowhere else", () => {
    const runs = [run({ acc: 0.99991 }), run({ acc: 0.99992 }), run({ acc: "x" }), run({})];
    expect([...textsOf(runs, "summary.acc").values()]).toEqual(["0.99991", "0.99992"]);
    expect(textsOf(runs, "config.acc").size).toBe(0);
  });
});

describe("numbers of a column", () => {
  test("an integer is never rounded and no fraction reads as a whole", () => {
    const values = [1, 0.99995, 0.999999, 1234567, 12345678, 20240115123456, 1e15, 0.5, 2.00001, -0.99999, 12345678.5, NaN, Infinity];
    const found = distinctTexts(values);
    const texts = values.map((value) => found.get(value));
    expect(texts).toEqual(["1", "0.99995", "0.999999", "1,234,567", "12345678", "20240115123456", "1000000000000000", "0.5", "2.00001", "−0.99999", "1.23456785e7", "NaN", "∞"]);
  });

  test("alone as well as beside others", () => {
    expect(distinctTexts([0.99995]).get(0.99995)).toBe("0.99995");
    expect(distinctTexts([999999.96]).get(999999.96)).toBe("999,999.96");
  });

  test("two that differ never look alike", () => {
    let seed = 7;
    const next = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const values = Array.from({ length: 3000 }, () => (next() - 0.5) * 10 ** Math.round(next() * 24 - 8)).flatMap((one) => [one, one * (1 + 2 ** -50), Math.round(one)]);
    const distinct = new Set(values.map((one) => (Object.is(one, -0) ? 0 : one)));
    expect(new Set(distinctTexts(distinct).values()).size).toBe(distinct.size);
  });
});

test("labels of an axis differ however far out it is", () => {
  for (const [from, step] of [[1e9, 1], [1e12, 1], [20240115, 0.25]] as const) {
    const labels = Array.from({ length: 6 }, (_, i) => formatAxis(from + i * step, step));
    expect(new Set(labels).size).toBe(6);
  }
});
