/** What is said of machines and their GPUs. Pure. */

import type { Gpu, GpuMoment, GpuPart, Machine } from "../api/machines";
import { formatShortDuration, plural } from "./format";

/** Say where work can be started: on which machine how many GPUs are free, the most first; and of how many that is not known now. */
export function whereToStart(machines: readonly Machine[]): string {
  const heard = machines.filter((one) => one.state === "ready");
  const others = machines.length - heard.length;
  if (!heard.length) return "No machine has answered.";
  return freeAmong(heard) + (others ? ` ${plural(others, "machine has", "machines have")} not answered.` : "");
}

function freeAmong(machines: readonly Machine[]): string {
  const free = machines.filter((one) => one.free_gpus + one.free_parts > 0);
  const count = free.reduce((sum, one) => sum + one.free_gpus + one.free_parts, 0);
  if (free.length) return `${free.map((one) => `${freeOf(one)} on ${nameOf(one)}`).join(", ")} ${count === 1 ? "is" : "are"} free.`;
  if (!machines.some((one) => one.gpus.length)) return "No GPU is known on any of these machines.";
  const soon = machines.flatMap((one) => one.gpus).filter((gpu) => gpu.parts === null && gpu.idle_secs !== null).length;
  return soon ? `${plural(soon, "GPU")} without anybody on ${soon === 1 ? "it" : "them"}; free once that was so for a minute.` : "No GPU is free.";
}

const freeOf = ({ free_gpus: gpus, free_parts: parts }: Machine): string =>
  [...(gpus || !parts ? [plural(gpus, "GPU")] : []), ...(parts ? [plural(parts, "part of a GPU", "parts of GPUs")] : [])].join(" and ");

export const nameOf = (machine: Machine): string => machine.node ?? (machine.host || "this machine");

/** As the viewer has it: where more of its memory is taken, a GPU is not idle. */
const FREE_MEMORY_PART = 0.05;

/** Say how a GPU stands, in a few words. */
export function standingOf(gpu: Gpu): { kind: "free" | "idle" | "busy" | "unknown"; text: string } {
  if (gpu.parts?.length) return { kind: gpu.parts.some((one) => one.free) ? "free" : "busy", text: partsText(gpu.parts) };
  if (gpu.free) return { kind: "free", text: `free for ${formatShortDuration(gpu.idle_secs)}` };
  if (gpu.idle_secs !== null) return { kind: "idle", text: `nobody for ${formatShortDuration(gpu.idle_secs)}` };
  if (gpu.processes?.length) return { kind: "busy", text: "" };
  if (gpu.processes === null) return { kind: "unknown", text: "does not tell who is on it" };
  if (gpu.memory_used === null || !gpu.memory_total || gpu.memory_used / gpu.memory_total < FREE_MEMORY_PART) return { kind: "unknown", text: "not told lately" };
  return { kind: "busy", text: "memory taken by nobody who is shown" };
}

function partsText(parts: readonly GpuPart[]): string {
  const free = parts.filter((one) => one.free).length;
  return `${free || "none"} of ${plural(parts.length, "part")} free`;
}

/** Say how an instance of a parted GPU stands. */
export function standingOfPart({ free, idle_secs: idle, process_count: count }: GpuPart): string {
  if (free) return `free for ${formatShortDuration(idle)}`;
  if (idle !== null) return `nobody for ${formatShortDuration(idle)}`;
  return count === null ? "does not tell who is on it" : count ? plural(count, "process", "processes") : "nobody";
}

/** Return how long a Slurm job may still run, from what squeue says. */
export const timeLeft = (left: string): string => (({ UNLIMITED: "no limit", INVALID: "over its time", NOT_SET: "", "N/A": "" }) as Record<string, string>)[left] ?? left;

/** Return the GPUs that a run is on by its processes, and how much memory these have there. */
export function gpusOfRun(machines: readonly Machine[], run: string): { machine: Machine; gpu: Gpu; memory: number | null }[] {
  return machines.flatMap((machine) =>
    machine.gpus.flatMap((gpu) => {
      const mine = (gpu.processes ?? []).filter((one) => one.run === run);
      const memory = mine.every((one) => one.memory !== null) ? mine.reduce((sum, one) => sum + one.memory!, 0) : null;
      return mine.length ? [{ machine, gpu, memory }] : [];
    }),
  );
}

const SECS = 3600;

/** Return how busy a GPU was as an SVG path in a box of this size, the last hour from left to right; empty for nothing. */
export function sparkline(history: readonly GpuMoment[], width: number, height: number): string {
  const points = history.filter(([, busy]) => busy !== null);
  let path = "";
  let before: number | null = null;
  for (const [ago, busy] of points) {
    const x = (width * (1 - Math.min(1, ago / SECS))).toFixed(1);
    const y = (height * (1 - Math.min(100, Math.max(0, busy!)) / 100)).toFixed(1);
    // Where nobody looked for two minutes, nothing is drawn.
    path += `${before !== null && before - ago < 120 ? "L" : "M"}${x} ${y}`;
    before = ago;
  }
  return path;
}
