import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, unreachable } from "../src/api/error";
import { indexing, listBusy, listError, onAnotherList, REFRESH_EVERY_MS, Renewal } from "../src/state/renewal";
import { lost, returns, stream } from "../src/state/link";
import { baseline, showBaseline } from "../src/state/baseline";
import * as client from "../src/api/client";
import type { LiveSources, Run, RunPage, RunSource } from "../src/api/types";

type Answer = { text: string; sources?: RunSource[] };

/** A question whose answer comes when the test says so. */
function question(): { ask: (signal: AbortSignal) => Promise<Answer>; answer: (text: string) => void; fail: (error: unknown) => void; signal: () => AbortSignal } {
  let signal: AbortSignal;
  let answer!: (told: Answer) => void;
  let fail!: (error: unknown) => void;
  const told = new Promise<Answer>((resolve, reject) => ([answer, fail] = [resolve, reject]));
  return { ask: (given) => ((signal = given), told), answer: (text) => answer({ text }), fail, signal: () => signal };
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
    const both = [renewal.load(false, first.ask, ({ text }) => taken.push(text)), renewal.load(true, second.ask, ({ text }) => taken.push(text))];
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
    const again = vi.fn(() => void renewal.load(true, second.ask, ({ text }) => taken.push(text)));
    const done = renewal.load(true, first.ask, ({ text }) => taken.push(text));
    for (let at = 0; at < 5; at += 1) renewal.afterwards(again);
    expect(first.signal().aborted).toBe(false);
    first.answer("first");
    await done;
    expect(taken).toEqual(["first"]);
    expect(again).toHaveBeenCalledTimes(1);
    const other = question();
    renewal.afterwards(again);
    const newest = renewal.load(true, other.ask, ({ text }) => taken.push(text));
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
    onAnotherList(renewal, reload);
    expect(reload).not.toHaveBeenCalled();
    returns.value += 1;
    expect(reload).toHaveBeenCalledTimes(1);
    lost.value += 1;
    expect(reload).toHaveBeenCalledTimes(2);
  });

  it("hosts that stand as the latest answer said are no reason to ask", async () => {
    const reload = vi.fn();
    const on = vi.spyOn(stream, "on");
    onAnotherList(renewal, reload);
    const hear = on.mock.calls.at(-1)![1] as (told: LiveSources) => void;
    on.mockRestore();
    const stand = (id: string, state: RunSource["state"]): RunSource => ({ id, state }) as RunSource;
    const [here, there, late] = [stand("local", "ready"), stand("gpu-7", "ready"), stand("gpu-7", "late")];
    const answered = async (sources: RunSource[], meanwhile = () => {}) => {
      const done = renewal.load(true, async () => ({ sources }), () => {});
      meanwhile();
      await done;
    };
    // What stands in the answer counts, and what was heard last.
    await answered([here, there], () => [[here], [here, late], [there, here]].forEach((each) => hear({ sources: each })));
    expect(reload).not.toHaveBeenCalled();
    hear({ sources: [here, late] });
    expect(reload).toHaveBeenCalledTimes(1);
    hear({ sources: [here] }); // it is gone
    expect(reload).toHaveBeenCalledTimes(2);
    await answered([here]);
    hear({ sources: [here] });
    expect(reload).toHaveBeenCalledTimes(2);
  });
});

describe("the baseline", () => {
  const run = (name: string): Run => ({ id: "gpu-7:one", name }) as Run;
  const page = (...runs: Run[]): RunPage => ({ runs, sources: [] }) as unknown as RunPage;

  afterEach(() => {
    showBaseline("", []);
    vi.restoreAllMocks();
  });

  it("is what was asked for last, whichever answer comes last", async () => {
    const asked: ((told: RunPage) => void)[] = [];
    vi.spyOn(client, "getRuns").mockImplementation(() => new Promise((resolve) => asked.push(resolve)));
    showBaseline("gpu-7:one", []);
    returns.value += 1; // all may be different now
    expect(asked.length).toBe(2);
    asked[1]!(page(run("as it is")));
    await vi.waitFor(() => expect(baseline.value?.name).toBe("as it is"));
    asked[0]!(page(run("as it was")));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(baseline.value?.name).toBe("as it is");
  });
});
