import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, unreachable } from "../src/api/error";
import { indexing, listBusy, listError, onAnotherList, REFRESH_EVERY_MS, Renewal } from "../src/state/renewal";
import { lost, returns } from "../src/state/link";

/** A question whose answer comes when the test says so. */
function question(): { ask: (signal: AbortSignal) => Promise<string>; answer: (text: string) => void; fail: (error: unknown) => void; signal: () => AbortSignal } {
  let signal: AbortSignal;
  let answer!: (text: string) => void;
  let fail!: (error: unknown) => void;
  const told = new Promise<string>((resolve, reject) => ([answer, fail] = [resolve, reject]));
  return { ask: (given) => ((signal = given), told), answer, fail, signal: () => signal };
}

describe("the list of runs is asked for anew", () => {
  const refreshed = vi.fn();
  let renewal: Renewal;

  beforeEach(() => {
    vi.useFakeTimers();
    refreshed.mockClear();
    renewal = new Renewal(refreshed);
    [listBusy.value, listError.value, indexing.value] = [false, null, null];
  });
  afterEach(() => {
    renewal.stop();
    vi.useRealTimers();
  });

  it("a newer question takes the place of an older one, whichever is answered first", async () => {
    const taken: string[] = [];
    const [first, second] = [question(), question()];
    const both = [renewal.load(false, first.ask, (text) => taken.push(text)), renewal.load(true, second.ask, (text) => taken.push(text))];
    expect(first.signal().aborted).toBe(true);
    expect(listBusy.value).toBe(true);
    second.answer("second");
    first.answer("first");
    await Promise.all(both);
    expect(taken).toEqual(["second"]);
    expect(listBusy.value).toBe(false);
  });

  it("hosts that come and go all the time keep no answer from being taken", async () => {
    const taken: string[] = [];
    const [first, second] = [question(), question()];
    const again = vi.fn(() => void renewal.load(true, second.ask, (text) => taken.push(text)));
    const done = renewal.load(true, first.ask, (text) => taken.push(text));
    for (let at = 0; at < 5; at += 1) renewal.afterwards(again);
    expect(first.signal().aborted).toBe(false);
    first.answer("first");
    await done;
    expect(taken).toEqual(["first"]);
    expect(again).toHaveBeenCalledTimes(1);
    const other = question();
    renewal.afterwards(again);
    const newest = renewal.load(true, other.ask, (text) => taken.push(text));
    other.answer("other");
    await newest;
    expect(again).toHaveBeenCalledTimes(1);
    renewal.afterwards(again);
    expect(again).toHaveBeenCalledTimes(2);
    expect(taken).toEqual(["first", "other"]);
  });

  it("what fails is told, but for a quiet one that found no viewer", async () => {
    const refused = new ApiError("INVALID_QUERY", "It is no query.", "", 400);
    for (const [quietly, error, told] of [[true, unreachable(), null], [true, refused, refused], [false, unreachable(), "VIEWER_UNREACHABLE"]] as const) {
      const asked = question();
      const done = renewal.load(quietly, asked.ask, () => expect.unreachable());
      asked.fail(error);
      await done;
      expect(typeof told === "string" ? listError.value?.code : listError.value).toBe(told);
      listError.value = null;
    }
  });

  it("however much changes, it is asked once in a while, and not beside a question", async () => {
    const asked = question();
    const done = renewal.load(true, asked.ask, () => {});
    renewal.soon();
    vi.advanceTimersByTime(10 * REFRESH_EVERY_MS);
    expect(refreshed).not.toHaveBeenCalled();
    asked.answer("");
    await done;
    const again = question();
    const next = renewal.load(true, again.ask, () => {});
    again.answer("");
    await next;
    for (let at = 0; at < 5; at += 1) renewal.soon();
    vi.advanceTimersByTime(REFRESH_EVERY_MS - 1);
    expect(refreshed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(refreshed).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(10 * REFRESH_EVERY_MS);
    expect(refreshed).toHaveBeenCalledTimes(1);
  });

  it("a first reading goes on by being asked, until somebody looks at something else", async () => {
    const asked = question();
    const done = renewal.load(true, asked.ask, () => (indexing.value = { done: 1, total: 2 }));
    asked.answer("");
    await done;
    vi.advanceTimersByTime(REFRESH_EVERY_MS);
    expect(refreshed).toHaveBeenCalledTimes(1);
    renewal.soon();
    renewal.stop();
    vi.advanceTimersByTime(10 * REFRESH_EVERY_MS);
    expect(refreshed).toHaveBeenCalledTimes(1);
  });

  it("all is asked for once the viewer is back, and once the stream has lost something", () => {
    const reload = vi.fn();
    onAnotherList(reload);
    expect(reload).not.toHaveBeenCalled();
    returns.value += 1;
    expect(reload).toHaveBeenCalledTimes(1);
    lost.value += 1;
    expect(reload).toHaveBeenCalledTimes(2);
  });
});
