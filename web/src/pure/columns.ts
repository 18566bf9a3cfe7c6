/** Columns of the table of runs: what they are called, how they read a run, which ones are shown at first. Pure. */

import type { Run } from "../api/types";
import { toJson } from "./json";
import type { Order } from "./query";

export interface Column {
  /** As in the URL: `state`, `config.lr`, `summary.acc`, `min.loss`. */
  key: string;
  label: string;
  /** The server's name for sorting by it. */
  sort: string;
  firstOrder: Order;
  width: number;
  numeric: boolean;
}

const fixed = (key: string, label: string, width: number, more: Partial<Column> = {}): Column => ({ key, label, sort: key, firstOrder: "asc", width, numeric: false, ...more });

const FIXED: readonly Column[] = [
  fixed("state", "State", 68),
  fixed("created", "Created", 92, { sort: "created_at", firstOrder: "desc" }),
  fixed("duration", "Duration", 92, { sort: "duration_secs", firstOrder: "desc", numeric: true }),
  fixed("project", "Project", 130),
  fixed("step", "Step", 76, { firstOrder: "desc", numeric: true }),
  fixed("tags", "Tags", 130),
  fixed("note", "Note", 160),
  fixed("group", "Group", 110),
  fixed("job_type", "Job type", 100),
  fixed("host", "Host", 110),
  fixed("user", "User", 90),
];

export const NAME_WIDTH = 156;
export const NAME: Column = fixed("name", "Name", NAME_WIDTH);
export const FIXED_KEYS: readonly string[] = FIXED.map((column) => column.key);
export const METRIC_KINDS = ["last", "min", "max", "mean", "best"] as const;

const KIND = new RegExp(`^(${METRIC_KINDS.join("|")})\\.(.+)$`, "s");

/** Return kind and metric of a column such as `min.loss`, or null. */
export function metricOf(key: string): { kind: string; name: string } | null {
  const found = KIND.exec(key);
  return found ? { kind: found[1]!, name: found[2]! } : null;
}

export function columnOf(key: string): Column | null {
  const known = FIXED.find((column) => column.key === key);
  if (known) return known;
  const metric = metricOf(key);
  const own = /^(config|summary)\.(.+)$/s.exec(key);
  if (!metric && !own) return null;
  const label = metric ? `${metric.kind} ${metric.name}` : own![2]!;
  const rises = own?.[1] === "config" || metric?.kind === "min";
  return { key, label, sort: key, firstOrder: rises ? "asc" : "desc", width: Math.min(150, Math.max(72, label.length * 7 + 26)), numeric: true };
}

/** Return the value at a dotted path; a key that itself holds dots is found as well. */
export function lookUp(object: unknown, path: string): unknown {
  if (typeof object !== "object" || object === null) return undefined;
  const record = object as Record<string, unknown>;
  if (Object.hasOwn(record, path)) return record[path];
  for (let dot = path.indexOf("."); dot > 0; dot = path.indexOf(".", dot + 1)) {
    const head = path.slice(0, dot);
    if (!Object.hasOwn(record, head)) continue;
    const found = lookUp(record[head], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The machine that a run is read on, as a person calls it; of this machine's runs, what the one they ran on calls itself. */
export const hostOf = (run: Run): string => run.place || run.host || "";

/** Return what a run has in a column that a script filled: of its config, its summary or a metric. */
export function valueOf(run: Run, key: string): unknown {
  if (key.startsWith("config.")) return lookUp(run.config, key.slice(7));
  if (key.startsWith("summary.")) return lookUp(run.summary, key.slice(8));
  return run.stats && Object.hasOwn(run.stats, key) ? (run.stats[key] ?? undefined) : undefined;
}

const WELCOME_CONFIG = ["lr", "learning_rate", "batch_size", "optimizer", "model"];
const WELCOME_SUMMARY = [/loss/i, /acc|f1|auc|map|bleu|score|reward/i];

/** Return the columns of somebody who has chosen none: state, what differs in config, loss and success, age. */
export function defaultColumns(runs: readonly Run[], keys: { config: readonly string[]; summary: readonly string[] }): string[] {
  const varies = (key: string) => new Set(runs.slice(0, 100).map((run) => toJson(lookUp(run.config, key)))).size > 1;
  const short = keys.config.filter((key) => {
    const sample = runs.map((run) => lookUp(run.config, key)).find((value) => value !== undefined);
    return typeof sample !== "object" && String(sample ?? "").length < 24;
  });
  const rank = (key: string) => {
    const at = WELCOME_CONFIG.indexOf(key.split(".").pop()!.toLowerCase());
    return (varies(key) ? 0 : 100) + (at >= 0 ? at : /seed/i.test(key) ? 60 : 50);
  };
  const config = [...short].sort((a, b) => rank(a) - rank(b)).slice(0, 2);
  const sample = runs.slice(0, 100);
  const share = (key: string) => sample.filter((run) => lookUp(run.summary, key) !== undefined).length / Math.max(1, sample.length);
  // What most runs have, and validation before training where both are as common.
  const rankSummary = (key: string) => Math.round(share(key) * 4) * 2 + (/val|eval|test/i.test(key) ? 1 : 0);
  const summary: string[] = [];
  for (const pattern of WELCOME_SUMMARY) {
    const found = [...keys.summary].filter((key) => pattern.test(key)).sort((a, b) => rankSummary(b) - rankSummary(a))[0];
    if (found && !summary.includes(found)) summary.push(found);
  }
  for (const key of keys.summary) if (summary.length < 2 && !summary.includes(key)) summary.push(key);
  return ["state", ...config.map((key) => `config.${key}`), ...summary.map((key) => `summary.${key}`), "created"];
}

/** Where runs of several machines are on show, a row says where it lives. */
export const withHost = (keys: readonly string[], several: boolean): readonly string[] => {
  if (!several || keys.includes("host")) return keys;
  const behind = keys.indexOf("state") + 1;
  return [...keys.slice(0, behind), "host", ...keys.slice(behind)];
};

/** Return nested values as dotted keys in order: {a: {b: 1}} gives [["a.b", 1]]. Lists stay whole. */
export function flatten(object: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(object).flatMap(([key, value]): [string, unknown][] => {
    const path = prefix ? `${prefix}.${key}` : key;
    if (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length)
      return flatten(value as Record<string, unknown>, path);
    return [[path, value]];
  });
}
