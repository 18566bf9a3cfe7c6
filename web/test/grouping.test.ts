import { describe, expect, it } from "vitest";
import type { Run } from "../src/api/types";
import { groupPath, groupRuns, pathKey, valueKey } from "../src/pure/grouping";
import { joinKeys, splitKeys } from "../src/pure/keyList";

const run = (id: string, config: Record<string, unknown>, more: Partial<Run> = {}): Run =>
  ({ id, project: "p", name: id, tags: [], config, summary: {}, group: "", job_type: "", ...more }) as Run;

const groupsOf = (runs: Run[], keys: string[]) => groupRuns(runs.map((one) => [one.id, groupPath(one, keys)] as const), keys);

describe("groups", () => {
  it("holds numbers and the texts that say them together, and nothing else", () => {
    expect(valueKey("1e-3")).toBe(valueKey(0.001));
    expect(valueKey("9007199254740993")).toBe(valueKey(9007199254740993n));
    expect(valueKey("9007199254740993")).not.toBe(valueKey(9007199254740992));
    const apart = [1, true, "one", [1], null, 2, "1a"].map(valueKey);
    expect(new Set(apart).size).toBe(apart.length);
  });

  it("puts runs together by all of the fields", () => {
    const runs = [
      run("a", { lr: 0.1, opt: { name: "adam" } }),
      run("b", { lr: "0.1", opt: { name: "adam" } }),
      run("c", { lr: 0.1, opt: { name: "sgd" } }),
      run("d", {}),
    ];
    const groups = groupsOf(runs, ["config.lr", "config.opt.name"]);
    expect(groups.map((group) => group.ids)).toEqual([["a", "b"], ["c"], ["d"]]);
    expect(groups[0]!.label).toBe("lr 0.1 · opt.name adam");
    expect(groups[0]!.key).toBe(pathKey([0.1, "adam"]));
    expect(groupsOf(runs, [])).toMatchObject([{ ids: ["a", "b", "c", "d"] }]);
  });

  it("takes the tags of a run as a whole, whatever their order", () => {
    const runs = [run("a", {}, { tags: ["x", "y"] }), run("b", {}, { tags: ["y", "x"] }), run("c", {}, { tags: ["x"] }), run("d", {})];
    expect(groupsOf(runs, ["tags"]).map((group) => group.ids)).toEqual([["a", "b"], ["c"], ["d"]]);
  });
});

describe("a list of keys", () => {
  it("comes back as it was, commas and backslashes included", () => {
    for (const keys of [[], ["state"], ["config.a,b", "config.\\", "min.x\\,y", "tags"]]) expect(splitKeys(joinKeys(keys))).toEqual(keys);
    expect(splitKeys("state,config.lr")).toEqual(["state", "config.lr"]);
  });
});
