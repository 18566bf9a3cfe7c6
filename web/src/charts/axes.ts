/** Axes as uPlot draws them: where their labels stand, and what these say. */

import type uPlot from "uplot";
import { axisLabels, formatDuration, logLabels } from "../pure/format";
import { token } from "../state/theme";

/** What x counts; `number` is another metric. */
export type XKind = "step" | "time" | "relative" | "number";

const WHOLE_STEPS = [1, 2, 5].flatMap((lead) => Array.from({ length: 16 }, (_, power) => lead * 10 ** power)).sort((a, b) => a - b);
const RELATIVE_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
  172800, 432000, 864000, 1728000,
];

const isPowerOfTen = (value: number): boolean => {
  const power = Math.log10(value);
  return Math.abs(power - Math.round(power)) < 1e-9;
};

/** Of a logarithmic axis with many labels, the powers of ten stay. */
const fewer = (_u: uPlot, splits: number[]) => splits.map((value) => (isPowerOfTen(value) || splits.length < 6 ? value : null));

function xLabels(splits: number[], kind: XKind, log: boolean): string[] {
  if (log && kind !== "time") return logLabels(splits) as string[];
  if (kind !== "relative") return axisLabels(splits) as string[];
  return splits.map((value) => (value === 0 ? "0" : value < 0 ? `−${formatDuration(-value)}` : formatDuration(value)));
}

/** Return both axes in the page's colours. */
export function axes(kind: XKind, logX: boolean, logY: boolean): uPlot.Axis[] {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const base = { stroke: token("--text-muted"), font, ticks: { show: false }, gap: 6 };
  return [
    {
      ...base,
      size: 22,
      space: 64,
      grid: { show: false },
      border: { show: true, stroke: token("--hairline-strong"), width: 1 },
      ...(kind === "time" ? {} : { values: (_u: uPlot, splits: number[]) => xLabels(splits, kind, logX) }),
      ...(logX ? { filter: fewer } : kind === "step" ? { incrs: WHOLE_STEPS } : kind === "relative" ? { incrs: RELATIVE_STEPS } : {}),
    },
    {
      ...base,
      size: (_u: uPlot, values: string[] | null) => Math.max(44, Math.max(0, ...(values ?? []).map((text) => text?.length ?? 0)) * 6.4 + 12),
      space: 28,
      grid: { stroke: token("--chart-grid"), width: 1 },
      values: (_u: uPlot, splits: number[]) => (logY ? logLabels(splits) : axisLabels(splits)) as string[],
      ...(logY ? { filter: fewer } : {}),
    },
  ];
}
