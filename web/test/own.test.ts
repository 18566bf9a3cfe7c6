import { expect, test } from "vitest";
import { own } from "../src/pure/own";

test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("%s is nothing unless it was put there", (name) => {
  expect(own({}, name)).toBeUndefined();
  expect(own({ ...{}, [name]: 1 }, name)).toBe(1);
});
