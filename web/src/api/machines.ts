/** What machines have to offer: GET /api/machines. */

import { request } from "./client";

export interface GpuProcess {
  pid: number;
  /** null where the machine shows us nothing of it. */
  user: string | null;
  name: string;
  /** Bytes. */
  memory: number | null;
  /** The run that it records, by its address. */
  run: string | null;
  run_name: string | null;
}

export interface GpuPart {
  id: string;
  name: string;
  memory_used: number | null;
  memory_total: number | null;
  process_count: number | null;
  free: boolean;
  idle_secs: number | null;
}

/** A look at a GPU: seconds ago, busy percent, taken part of its memory. */
export type GpuMoment = readonly [ago: number, busy: number | null, memory: number | null];

export interface Gpu {
  index: number;
  id: string;
  name: string;
  busy_percent: number | null;
  memory_used: number | null;
  memory_total: number | null;
  temperature_c: number | null;
  power_w: number | null;
  /** Never so where it is parted. */
  free: boolean;
  /** For how long nobody has been seen on it; null while somebody is. */
  idle_secs: number | null;
  parts: GpuPart[] | null;
  /** null where it does not tell. */
  processes: GpuProcess[] | null;
  history: GpuMoment[];
}

export interface Disk {
  root: string;
  free: number | null;
  total: number | null;
  error: string | null;
}

export interface Job {
  id: string;
  state: string;
  nodes: string;
  gres: string;
  left: string;
  name: string;
  run: string | null;
  run_name: string | null;
}

export interface Machine {
  id: string;
  /** What a person calls it; empty for this one. */
  host: string;
  /** The node behind that host which it is, and the job through which it is reached. */
  node: string | null;
  node_job: string | null;
  state: "ready" | "waiting" | "away";
  error: string | null;
  age_secs: number | null;
  clock_ahead_secs: number | null;
  free_gpus: number;
  /** How many instances of parted GPUs (MIG). */
  free_parts: number;
  gpus: Gpu[];
  gpus_by: string | null;
  gpus_error: string | null;
  memory_available: number | null;
  memory_total: number | null;
  load: number[] | null;
  cpus: number | null;
  usable_cpus: number | null;
  disks: Disk[];
  disks_error: string | null;
  jobs: Job[] | null;
  jobs_error: string | null;
}

export const getMachines = async (signal?: AbortSignal): Promise<Machine[]> => (await request<{ machines: Machine[] }>("GET", "/api/machines", { signal })).machines;
