/** What a chart shows, in the words of the page: runs and groups of them, and the lines that they become. */

import type { LineStyle } from "../pure/colours";
import type { Apart } from "../pure/names";
import type { Context, LineSpec } from "../state/lines/lines";
import type { ChartView } from "./view";

export interface ChartRun {
  id: string;
  name: string;
  /** What tells it from the others that bear its name. */
  apart?: Apart | undefined;
  /** In ms. */
  createdAt: number;
  /** Whether it may grow. */
  running: boolean;
  style: LineStyle;
}

/** Runs that are drawn as one line with its band. */
export interface ChartGroup {
  id: string;
  name: string;
  apart?: Apart | undefined;
  runs: readonly string[];
  style: LineStyle;
}

/** One line of a chart, and how it is called there. */
export interface ShownLine {
  id: string;
  /** The run whose line it is; null for a group. */
  run: string | null;
  name: string;
  apart: Apart | undefined;
  /** Where several metrics are in the chart. */
  metric: string;
  style: LineStyle;
  group: boolean;
  spec: LineSpec;
}

const DASH_COUNT = 4;

/** Return the lines of a chart: each metric of each run, or of each group where there are groups. */
export function linesShown(metrics: readonly string[], runs: readonly ChartRun[], groups: readonly ChartGroup[] | null): ShownLine[] {
  const running = new Map(runs.map((run) => [run.id, run]));
  return metrics.flatMap((metric, at): ShownLine[] => {
    const id = (owner: string) => (metrics.length > 1 ? `${owner}\n${metric}` : owner);
    const style = ({ colour, dash }: LineStyle): LineStyle => ({ colour, dash: (dash + at) % DASH_COUNT });
    if (groups)
      return groups.map((group) => ({
        id: id(group.id),
        run: null,
        name: group.name,
        apart: group.apart,
        metric,
        style: style(group.style),
        group: true,
        spec: { metric, run: null, group: group.runs, createdAt: 0, running: group.runs.some((one) => running.get(one)?.running === true) },
      }));
    return runs.map((run) => ({
      id: id(run.id),
      run: run.id,
      name: run.name,
      apart: run.apart,
      metric,
      style: style(run.style),
      group: false,
      spec: { metric, run: run.id, group: null, createdAt: run.createdAt, running: run.running },
    }));
  });
}

export const contextOf = (view: ChartView, along: string | null): Context => ({
  axis: along === null ? view.axis : "step",
  along,
  band: view.band,
  overwritten: view.overwritten,
});

/** Return a metric's step metric, as the runs' scripts define it; null where they do not, or do not agree. */
export function stepMetricOf(metric: string, definitions: readonly { name: string; step_metric: string | null }[]): string | null {
  const own = definitions.filter((one) => one.name === metric);
  const fitting = own.length ? own : longest(definitions.filter((one) => one.name.includes("*") && fits(metric, one.name)));
  const found = new Set(fitting.map((one) => one.step_metric));
  const [only] = found;
  return found.size === 1 && only && only !== metric ? only : null;
}

/** Of patterns, the longest say the most. */
function longest<T extends { name: string }>(patterns: readonly T[]): T[] {
  const length = Math.max(0, ...patterns.map((one) => one.name.length));
  return patterns.filter((one) => one.name.length === length);
}

function fits(name: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(name);
}
