/** How charts are drawn: what the address says of all of them, and what a person set for one. */

import type { Band } from "../api/lines";
import type { XAxis } from "../api/types";
import { formatZoom, parseZoom } from "../pure/route";
import { parseSmoothing, type Smoothing, type SmoothingKind } from "../pure/smoothing";
import { param, setParams } from "../state/route";
import type { Range } from "./scale";

export interface ChartView {
  axis: XAxis;
  /** Logarithmic axes. */
  log: boolean;
  logX: boolean;
  smoothing: Smoothing;
  zoom: Range | null;
  band: Band;
  /** Whether y is cut to what all but a hundredth of the values at either end reach over. */
  cut: boolean;
  /** Whether steps that a resumed run logged once more are shown as they were first, too. */
  overwritten: boolean;
}

export const AXES: readonly { value: XAxis; label: string }[] = [
  { value: "step", label: "Step" },
  { value: "relative", label: "Relative" },
  { value: "time", label: "Time" },
];

export const BANDS: readonly { value: Band; label: string; says: string }[] = [
  { value: "std", label: "std", says: "mean, one standard deviation to either side" },
  { value: "se", label: "SE", says: "mean, one standard error to either side" },
  { value: "ci95", label: "95 % CI", says: "mean, and its 95 % confidence interval" },
  { value: "minmax", label: "min–max", says: "mean, from the least to the greatest run" },
  { value: "quartiles", label: "quartiles", says: "median, from the first quartile to the third" },
];

export const SMOOTHING_WORDS: Record<SmoothingKind, string> = { ema: "exponential moving average", mean: "running mean", gaussian: "Gaussian" };

const isOn = (name: string) => param(name) === "1";
const onOff = (on: boolean) => (on ? "1" : "");

/** Return the charts' settings as the URL has them. */
export function chartView(usual: XAxis = "step"): ChartView {
  return {
    axis: AXES.find((one) => one.value === param("x"))?.value ?? usual,
    log: isOn("log"),
    logX: isOn("logx"),
    smoothing: parseSmoothing(param("smooth")),
    zoom: parseZoom(param("zoom")),
    band: BANDS.find((one) => one.value === param("band"))?.value ?? "std",
    cut: isOn("cut"),
    overwritten: isOn("all"),
  };
}

export const setZoom = (window: Range | null) => setParams({ zoom: formatZoom(window) });
export const setSwitch = (name: "log" | "logx" | "cut" | "all", on: boolean) => setParams({ [name]: onOff(on), ...(name === "logx" ? { zoom: "" } : {}) });
