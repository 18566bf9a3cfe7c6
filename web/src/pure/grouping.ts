/** Which runs belong together, by what they have in common in up to three fields. Pure. */

import type { Run } from "../api/types";
import { formatValue } from "./format";
import { hostOf, lookUp } from "./columns";
import { toJson } from "./json";

export const MAX_LEVELS = 3;
export const PLAIN_GROUP_KEYS = ["project", "tags", "group", "job_type", "state", "host", "user"] as const;

const WORDS: Record<string, string> = { project: "Project", tags: "Tags", group: "Group", job_type: "Job type", state: "State", host: "Host", user: "User" };
/** What a field is called. */
export const groupWord = (key: string): string => WORDS[key] ?? key.replace(/^config\./, "");

export const isGroupKey = (key: string): boolean => key.startsWith("config.") || (PLAIN_GROUP_KEYS as readonly string[]).includes(key);

/** What runs are grouped by, by its name in the URL: `config.lr`, `tags`, `project`; null where a run has nothing there. */
export function groupValue(run: Run, key: string): unknown {
  if (key.startsWith("config.")) return lookUp(run.config, key.slice(7)) ?? null;
  if (key === "tags") return run.tags.length ? [...run.tags].sort().join(", ") : null;
  if (key === "host") return hostOf(run) || null;
  return (run as unknown as Record<string, unknown>)[key] || null;
}

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
const WHOLE = /^\s*[+-]?\d+\s*$/;

/** Return a text that is the same for values that are: 0.001 and "1e-3" are one number, true and 1 are not. */
export function valueKey(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "bigint") return `n${value}`;
  if (typeof value === "number") return `n${value}`;
  if (typeof value === "string" && WHOLE.test(value)) return `n${BigInt(value.trim().replace(/^\+/, ""))}`;
  if (typeof value === "string" && NUMBER.test(value)) return `n${Number(value)}`;
  return typeof value === "string" ? `t${value}` : `j${toJson(value)}`;
}

export interface RunGroup {
  /** The same for the same values, whichever runs are there. */
  key: string;
  values: readonly unknown[];
  /** Its values as a person reads them: `lr 0.01 · adam`. */
  label: string;
  ids: string[];
}

export const pathKey = (values: readonly unknown[]): string => JSON.stringify(values.map(valueKey));

export const groupLabel = (keys: readonly string[], values: readonly unknown[]): string =>
  values.map((value, at) => (keys[at]!.startsWith("config.") ? `${keys[at]!.slice(7)} ${formatValue(value)}` : formatValue(value))).join(" · ");

/** Return what a run has in the fields that runs are grouped by, outermost first. */
export const groupPath = (run: Run, keys: readonly string[]): unknown[] => keys.map((key) => groupValue(run, key));

/** Return the groups of runs, in the order in which their first runs stand. paths: see `groupPath`. */
export function groupRuns(paths: readonly (readonly [string, readonly unknown[]])[], keys: readonly string[]): RunGroup[] {
  const groups = new Map<string, RunGroup>();
  for (const [id, values] of paths) {
    const key = pathKey(values);
    const known = groups.get(key);
    if (known) known.ids.push(id);
    else groups.set(key, { key, values, label: groupLabel(keys, values), ids: [id] });
  }
  return [...groups.values()];
}
