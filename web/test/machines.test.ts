import { describe, expect, test } from "vitest";
import type { Gpu, Machine } from "../src/api/machines";
import { gpusOfRun, sparkline, standingOf, standingOfPart, timeLeft, whereToStart } from "../src/pure/machines";

const gpu = (more: Partial<Gpu> = {}): Gpu => ({
  index: 0,
  id: "GPU-0",
  name: "H100",
  busy_percent: 0,
  memory_used: 0,
  memory_total: 80 * 2 ** 30,
  temperature_c: 30,
  power_w: 70,
  free: false,
  idle_secs: null,
  parts: null,
  processes: [],
  history: [],
  ...more,
});

const machine = (host: string, gpus: Gpu[]): Machine => ({
  id: host || "local",
  host,
  node: null,
  node_job: null,
  state: "ready",
  error: null,
  age_secs: 0,
  clock_ahead_secs: null,
  free_parts: gpus.flatMap((one) => one.parts ?? []).filter((one) => one.free).length,
  free_gpus: gpus.filter((one) => one.free).length,
  gpus,
  gpus_by: "nvml",
  gpus_error: null,
  memory_available: 1,
  memory_total: 2,
  load: [0, 0, 0],
  cpus: 2,
  usable_cpus: 2,
  disks: [],
  disks_error: null,
  jobs: null,
  jobs_error: null,
});

const free = gpu({ free: true, idle_secs: 90 });
const idle = gpu({ idle_secs: 12 });
const busy = gpu({ processes: [{ pid: 1, user: "anna", name: "python", memory: 5, run: "a", run_name: "run a" }] });

const part = (more: object = {}) => ({ id: "MIG-0", name: "1g.10gb", memory_used: 0, memory_total: 10 * 2 ** 30, process_count: 0, free: false, idle_secs: null, ...more });
const parted = gpu({ idle_secs: 90, parts: [part({ free: true, idle_secs: 90 }), part({ process_count: 2 }), part({ idle_secs: 5 }), part({ process_count: null })] });

const away = (host: string, gpus: Gpu[]): Machine => ({ ...machine(host, gpus), state: "away" });
const waiting = (host: string): Machine => ({ ...machine(host, []), state: "waiting" });

describe("where to start", () => {
  test.each([
    [[machine("gpu-7", [free, free, busy]), machine("", [free])], "2 GPUs on gpu-7, 1 GPU on this machine are free."],
    [[machine("gpu-7", [free])], "1 GPU on gpu-7 is free."],
    [[machine("gpu-7", [busy, idle])], "1 GPU without anybody on it; free once that was so for a minute."],
    [[machine("gpu-7", [busy])], "No GPU is free."],
    [[machine("", [])], "No GPU is known on any of these machines."],
    [[machine("gpu-7", [parted])], "1 part of a GPU on gpu-7 is free."],
    [[machine("gpu-7", [parted, parted, free])], "1 GPU and 2 parts of GPUs on gpu-7 are free."],
    [[machine("gpu-7", [gpu({ idle_secs: 90, parts: [part({ process_count: 1 })] })])], "No GPU is free."],
    [[away("gpu-7", [busy]), waiting("gpu-8")], "No machine has answered."],
    [[machine("gpu-7", [busy]), waiting("gpu-8")], "No GPU is free. 1 machine has not answered."],
    [[away("gpu-7", []), machine("", [free]), waiting("gpu-8")], "1 GPU on this machine is free. 2 machines have not answered."],
  ])("%#", (machines, said) => expect(whereToStart(machines)).toBe(said));
});

test.each([
  ["1-02:03:04", "1-02:03:04"],
  ["UNLIMITED", "no limit"],
  ["INVALID", "over its time"],
  ["N/A", ""],
])("of a job's time, %s is left", (left, said) => expect(timeLeft(left)).toBe(said));

describe("how a GPU stands", () => {
  test.each([
    [free, "free", "free for 1m"],
    [idle, "idle", "nobody for 12s"],
    [busy, "busy", ""],
    [gpu({ processes: null }), "unknown", "does not tell who is on it"],
    [gpu(), "unknown", "not told lately"],
    [gpu({ memory_used: 70 * 2 ** 30 }), "busy", "memory taken by nobody who is shown"],
  ])("%#", (one, kind, text) => expect(standingOf(one)).toEqual({ kind, text }));
});

test("a run's GPUs are those that its processes are on, with their memory", () => {
  const two = gpu({ id: "GPU-1", processes: [...busy.processes!, { ...busy.processes![0]!, pid: 2, memory: 7 }] });
  const unknown = gpu({ id: "GPU-2", processes: [{ ...busy.processes![0]!, memory: null }] });
  const found = gpusOfRun([machine("", [busy, free, two, unknown])], "a");
  expect(found.map(({ gpu: one, memory }) => [one.id, memory])).toEqual([
    ["GPU-0", 5],
    ["GPU-1", 12],
    ["GPU-2", null],
  ]);
});

test("a sparkline has a gap where nobody looked, and says nothing of what is not told", () => {
  expect(sparkline([[3600, 0, 0], [3570, 100, 0], [1800, 50, 0], [1770, null, 0], [1740, 50, 0]], 120, 20)).toBe("M0.0 20.0L1.0 0.0M60.0 10.0L62.0 10.0");
  expect(sparkline([[3, null, 0.5]], 120, 20)).toBe("");
});

test("the parts of a GPU stand each for itself", () => {
  expect(parted.parts!.map(standingOfPart)).toEqual(["free for 1m", "2 processes", "nobody for 5s", "does not tell who is on it"]);
  expect(standingOf(parted)).toEqual({ kind: "free", text: "1 of 4 parts free" });
  expect(standingOf(gpu({ idle_secs: 90, parts: [part({ process_count: 1 })] }))).toEqual({ kind: "busy", text: "none of 1 part free" });
});
