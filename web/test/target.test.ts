import { describe, expect, test } from "vitest";
import { formatTarget, parsePort, parseTarget, sameTarget, wayInWords } from "../src/pure/target";

describe("a server as it is typed", () => {
  test.each([
    ["me@gpu", "me", "gpu", 22],
    ["me@gpu:2222", "me", "gpu", 2222],
    [" me@gpu.lab.example:22 ", "me", "gpu.lab.example", 22],
    ["ssh://me@gpu:2200/", "me", "gpu", 2200],
    ["ssh me@gpu", "me", "gpu", 22],
    ["me@[::1]:2222", "me", "::1", 2222],
    ["me@[fe80::1%eth0]", "me", "fe80::1%eth0", 22],
    ["me@2001:db8::7", "me", "2001:db8::7", 22],
    ["corp\\me@gpu", "corp\\me", "gpu", 22],
    ["me@corp@gpu", "me@corp", "gpu", 22],
    ["Jane Doe@gpu", "Jane Doe", "gpu", 22],
    ["alice@corp#gpu-7:22@bastion", "alice@corp#gpu-7:22", "bastion", 22],
  ])("%s", (text, username, host, port) => {
    expect(parseTarget(text)).toEqual({ ok: true, target: { username, host, port } });
  });

  test.each([
    ["", "user@host"],
    ["gpu", "user name"],
    ["@gpu", "user name"],
    ["me@", "host"],
    ["me@gpu:0", "1 to 65535"],
    ["me@gpu:65536", "1 to 65535"],
    ["me@gpu:", "1 to 65535"],
    ["me@gpu:22x", "1 to 65535"],
    ["me@-oProxyCommand=x", "dash"],
    ["-l@gpu", "dash"],
    ["me @gpu", "blanks"],
    ["me@gp u", "blanks"],
    ["me@gpu\u0000", "one line"],
    ["me@[::1", "]"],
    ["me@[gpu]:22", "IPv6"],
    ["me@[::1]22", ":port"],
  ])("%j is refused with a reason", (text, reason) => {
    const parsed = parseTarget(text);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.reason).toContain(reason);
  });

  test("is printed so that it parses to the same again", () => {
    for (const target of [
      { username: "me", host: "gpu", port: 22 },
      { username: "me", host: "gpu", port: 2222 },
      { username: "me", host: "::1", port: 22 },
      { username: "me", host: "2001:db8::7", port: 8022 },
    ])
      expect(parseTarget(formatTarget(target))).toEqual({ ok: true, target });
  });
});

test("the way is told in words", () => {
  const hops = ["login.hpc", "inner", "gpu-7"].map((host) => ({ host, username: "alice", port: 22 }));
  expect(wayInWords(hops, null)).toBe("via login.hpc as alice, via inner as alice, then gpu-7 as alice");
  expect(wayInWords(hops.slice(2), null)).toBe("gpu-7 as alice");
  expect(wayInWords(hops.slice(2), "nc gpu-7 22")).toBe("by nc, then gpu-7 as alice");
});

test("ports", () => {
  expect(["1", "65535", " 22 "].map(parsePort)).toEqual([1, 65535, 22]);
  expect(["0", "65536", "", "1e3", "-1", "22.0"].map(parsePort)).toEqual([null, null, null, null, null, null]);
});

test("a connection id means a target with or without brackets", () => {
  const target = { username: "me", host: "::1", port: 22 };
  expect(sameTarget("me@::1:22", target)).toBe(true);
  expect(sameTarget("me@[::1]:22", target)).toBe(true);
  expect(sameTarget("me@gpu:22", target)).toBe(false);
});
