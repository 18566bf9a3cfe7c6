import { describe, expect, test } from "vitest";
import { awayText, clockText, PLACE_WORDS, placeState, sessionState, type PlaceState, type SessionFacts } from "../src/pure/places";

const of = (status: SessionFacts["status"], needsPerson = false): SessionFacts => ({ status, needsPerson });

describe("a place", () => {
  const cases: [string, readonly SessionFacts[], boolean, boolean, PlaceState][] = [
    ["of which nothing is known is not connected", [], false, false, "idle"],
    ["with a connection is connected", [], false, true, "connected"],
    ["asks as soon as a login there asks, before there is any connection", [], true, false, "asks"],
    ["asks although a session runs there, since somebody waits for the answer", [of("running")], true, true, "asks"],
    ["asks while its session waits for somebody to log in", [of("reconnecting", true)], false, false, "asks"],
    ["is reconnecting while its session tries by itself", [of("reconnecting")], false, false, "reconnecting"],
    ["tells of the session that runs before all others", [of("failed"), of("starting"), of("reconnecting"), of("running")], false, true, "running"],
    ["tells of one that waits for somebody before one that runs", [of("running"), of("reconnecting", true)], false, true, "asks"],
    ["tells of a failed start although the connection is there", [of("failed")], false, true, "failed"],
    ["does not tell of what was stopped", [of("stopped"), of("stopping")], false, true, "connected"],
  ];
  test.each(cases)("%s", (_, sessions, asked, connected, state) => expect(placeState(sessions, asked, connected)).toBe(state));
});

describe("a session", () => {
  test("asks while its own login does", () => {
    expect(sessionState(of("starting"), true)).toBe("asks");
    expect(sessionState(of("reconnecting"), true)).toBe("asks");
    expect(sessionState(of("reconnecting", true), false)).toBe("asks");
  });

  test("that runs or has ended is asked nothing, whatever else is logged in to its host", () => {
    for (const status of ["running", "stopping", "stopped", "failed"] as const) {
      expect(sessionState(of(status), true)).toBe(status);
      expect(sessionState(of(status, true), false)).toBe(status);
    }
  });

  test("and its place tell the same where there is but one", () => {
    for (const status of ["starting", "running", "reconnecting", "failed"] as const)
      for (const needsPerson of [false, true]) expect(placeState([of(status, needsPerson)], false, true)).toBe(sessionState(of(status, needsPerson), false));
  });
});

test("each state has words of its own", () => {
  expect(PLACE_WORDS.asks).toBe("asks you");
  expect(new Set(Object.values(PLACE_WORDS)).size).toBe(Object.keys(PLACE_WORDS).length);
});

test("rows that are not as they are now say why, and how old they are", () => {
  const of = (change: object) => awayText({ id: "gpu-7-1", host: "gpu-7", state: "away", as_of: "2026-11-20T10:00:00Z", session_id: "s", ...change }, Date.parse("2026-11-20T13:00:00Z"));
  expect(of({})).toBe("gpu-7 is away; this is from 3 h ago");
  expect(of({ state: "late" })).toBe("gpu-7 has not answered yet; this is from 3 h ago");
  expect(of({ session_id: null })).toBe("gpu-7 is not connected; this is from 3 h ago");
  expect(of({ id: "local", host: "", session_id: null, as_of: null })).toBe("This machine is away");
});

test("a clock that is not as this machine's is told, with which way it is wrong", () => {
  expect([7200, -61, 4, -4.9, 0, null].map(clockText)).toEqual(["2 h ahead of this machine's", "1 m 1 s behind this machine's", "", "", "", ""]);
});
