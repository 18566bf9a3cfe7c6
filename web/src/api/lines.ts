/** The lines of charts, all in one request, and the names of the metrics of many runs. */

import { FrameReader, type EndFrame, type LineFrame } from "../pure/frames";
import { post, read } from "./client";
import type { MetricDefinition, RunState, XAxis } from "./types";

export type Band = "std" | "se" | "ci95" | "minmax" | "quartiles";

export interface LinesQuestion {
  runs: readonly string[];
  charts: readonly { metric: string; runs: readonly number[]; groups?: readonly (readonly number[])[]; along?: string }[];
  x: XAxis;
  points: number;
  from?: number;
  to?: number;
  band?: Band;
  overwritten?: boolean;
}

/** Ask for lines; `onLines` is called with those that are there, as they come. */
export async function getLines(question: LinesQuestion, onLines: (frames: LineFrame[]) => void, signal?: AbortSignal): Promise<EndFrame> {
  const frames = new FrameReader();
  await read("/api/lines", question, (piece) => onLines(frames.push(piece)), signal);
  if (!frames.end) throw new Error("cut off");
  return frames.end;
}

export interface RunHead {
  id: string;
  project: string;
  name: string;
  state: RunState;
  created_at: string;
  deleted_at: string | null;
  /** What it has in the fields that were asked for. */
  path: unknown[];
  metric_definitions: MetricDefinition[];
}

export interface MetricList {
  runs: RunHead[];
  metrics: { name: string; runs: string[] | null }[];
  missing: string[];
  unreadable: { run: string; detail: string }[];
}

export const getMetrics = (runs: readonly string[], by: readonly string[], signal?: AbortSignal) => post<MetricList>("/api/metrics", { runs, by }, signal);
