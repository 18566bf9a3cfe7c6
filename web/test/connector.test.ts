import { describe, expect, test } from "vitest";
import { byWhat, connectorSentence } from "../src/pure/connector";

describe("what carries a connection", () => {
  test("is told at once only where it is the person's own ssh", () => {
    expect(["ssh", "paramiko", null, undefined].map(byWhat)).toEqual(["by your ssh", "", "", ""]);
  });

  test("is told in a sentence wherever it is known", () => {
    expect(connectorSentence("ssh", "your ssh config names a PKCS11Provider for gpu-7")).toBe("Connected by your ssh: your ssh config names a PKCS11Provider for gpu-7.");
    expect(["ssh", "paramiko", null, undefined].map((each) => connectorSentence(each))).toEqual(["Connected by your ssh.", "Connected by Paramiko.", null, null]);
  });
});
