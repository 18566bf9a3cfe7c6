import { describe, expect, test } from "vitest";
import { byWhat, connectorSentence } from "../src/pure/connector";

describe("what carries a connection", () => {
  test("is told at once only where it is the person's own ssh", () => {
    expect(["ssh", "paramiko", null, undefined].map(byWhat)).toEqual(["by your ssh", "", "", ""]);
  });

  test("is told in a sentence wherever it is known", () => {
    expect(["ssh", "paramiko", null, undefined].map(connectorSentence)).toEqual(["Connected by your ssh; the log says why.", "Connected by Paramiko.", null, null]);
  });
});
