/** Names of metrics: how they are grouped, and which of them a filter lets through. Pure. */

import { byName } from "./order";

export interface MetricGroup {
  name: string;
  metrics: string[];
}

/** Group metrics by what stands before their first slash; those without one come first. */
export function groupMetrics(names: readonly string[]): MetricGroup[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const slash = name.indexOf("/");
    const group = slash > 0 ? name.slice(0, slash) : "";
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return [...groups]
    .map(([name, metrics]) => ({ name, metrics: metrics.sort(byName) }))
    .sort((a, b) => (a.name === "" ? -1 : b.name === "" ? 1 : byName(a.name, b.name)));
}

/** What the recorder samples of the machine, as against what the script logs. */
export const isSystem = (name: string): boolean => name.startsWith("system/");

/** A search that is taken as a regular expression, or literally where it is none. */
export function metricFilter(text: string): { test: (name: string) => boolean; literal: boolean } {
  if (!text) return { test: () => true, literal: false };
  try {
    const pattern = new RegExp(text, "i");
    return { test: (name) => pattern.test(name), literal: false };
  } catch {
    const lower = text.toLowerCase();
    return { test: (name) => name.toLowerCase().includes(lower), literal: true };
  }
}
