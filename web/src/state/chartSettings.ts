/** What a person set for single charts, by their first metric; kept on this machine. */

import { own } from "../pure/own";
import { preference } from "./prefs";

export interface ChartSetting {
  pinned?: boolean;
  hidden?: boolean;
  /** How many columns it takes, 2 or more, and how high it is, px, where it is not as the others. */
  columns?: number;
  height?: number;
  /** The range of y that was chosen. */
  y?: [number, number];
  /** The metric that it is drawn over; "" for the axis of all charts, though its script names another metric. */
  along?: string;
  /** Other metrics that are drawn in it. */
  more?: string[];
}

/** Of so many charts, the latest ones, settings are kept. */
const MAX_KEPT = 2000;

/** How a chart is saved by one click: as it was the last time. */
export type SavedAs = "png" | "svg" | "csv";
export const savedAs = preference<SavedAs>("chartSavedAs", "png");

const settings = preference<Readonly<Record<string, ChartSetting>>>("chartSettings", {});
/** The charts in the order that was chosen by moving them; those that are not in it follow in their own. */
export const chartOrder = preference<readonly string[]>("chartOrder", []);

export const settingOf = (metric: string): ChartSetting => own(settings.value, metric) ?? {};

/** Change what is set for a chart; undefined takes something back. */
export function setChart(metric: string, patch: { [Name in keyof ChartSetting]?: ChartSetting[Name] | undefined }): void {
  const next = Object.fromEntries(Object.entries({ ...settingOf(metric), ...patch }).filter(([, value]) => value !== undefined && value !== false));
  const rest = Object.entries(settings.value).filter(([name]) => name !== metric);
  settings.value = Object.fromEntries([...rest, ...(Object.keys(next).length ? [[metric, next as ChartSetting] as const] : [])].slice(-MAX_KEPT));
}

/** Put a chart right before another one of the same list, or behind all for null. shown: the list as it stands. */
export function moveChart(metric: string, before: string | null, shown: readonly string[]): void {
  const moved = shown.filter((name) => name !== metric);
  const at = before === null ? moved.length : moved.indexOf(before);
  moved.splice(at < 0 ? moved.length : at, 0, metric);
  const listed = new Set(shown);
  chartOrder.value = [...chartOrder.value.filter((name) => !listed.has(name)), ...moved].slice(-MAX_KEPT);
}

/** Return the settings and the order as they are, and a function that puts them back. */
export function rememberCharts(): () => void {
  const before = [settings.peek(), chartOrder.peek()] as const;
  return () => {
    [settings.value, chartOrder.value] = before;
  };
}
