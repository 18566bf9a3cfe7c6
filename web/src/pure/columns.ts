/** Columns of the table of runs: what they are called, how they read a run, which ones are shown at first. Pure. */

import type { Run } from "../api/types";
import { formatDistinct } from "./format";
import { toJson } from "./json";

export interface Column {
  /** As in the URL: `state`, `config.lr`, `summary.acc`. */
  key: string;
  label: string;
  /** The server's name for sorting by it, or null. */
  sort: string | null;
  firstOrder: "asc" | "desc";
  width: number;
  numeric: boolean;
}

const FIXED: readonly Column[] = [
  { key: "state", label: "State", sort: "state", firstOrder: "asc", width: 68, numeric: false },
  { key: "created", label: "Created", sort: "created_at", firstOrder: "desc", width: 92, numeric: false },
  { key: "duration", label: "Duration", sort: "duration_secs", firstOrder: "desc", width: 92, numeric: true },
  { key: "project", label: "Project", sort: "project", firstOrder: "asc", width: 130, numeric: false },
  { key: "step", label: "Step", sort: null, firstOrder: "desc", width: 76, numeric: true },
  { key: "tags", label: "Tags", sort: null, firstOrder: "asc", width: 130, numeric: false },
  { key: "host", label: "Host", sort: null, firstOrder: "asc", width: 110, numeric: false },
  { key: "note", label: "Note", sort: null, firstOrder: "asc", width: 160, numeric: false },
];

export const FIXED_KEYS: readonly string[] = FIXED.map((column) => column.key);

export function columnOf(key: string): Column | null {
  const fixed = FIXED.find((column) => column.key === key);
  if (fixed) return fixed;
  const summary = key.startsWith("summary.");
  if (!summary && !key.startsWith("config.")) return null;
  const name = key.slice(key.indexOf(".") + 1);
  return { key, label: name, sort: key, firstOrder: summary ? "desc" : "asc", width: Math.min(140, Math.max(72, name.length * 7 + 26)), numeric: true };
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

export function valueOf(run: Run, key: string): unknown {
  const dot = key.indexOf(".");
  const group = key.slice(0, dot);
  return group === "config" ? lookUp(run.config, key.slice(7)) : group === "summary" ? lookUp(run.summary, key.slice(8)) : undefined;
}

/** Return the texts of a column of results, which tell its values apart; of every other column, where values are whole, none. */
export function shortTexts(runs: readonly Run[], key: string): ReadonlyMap<number, string> {
  if (!key.startsWith("summary.")) return NONE;
  return formatDistinct(runs.map((run) => valueOf(run, key)).filter((value): value is number => typeof value === "number"));
}

const NONE: ReadonlyMap<number, string> = new Map();

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

/** Return nested values as dotted keys in order: {a: {b: 1}} gives [["a.b", 1]]. Lists stay whole. */
export function flatten(object: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(object).flatMap(([key, value]): [string, unknown][] => {
    const path = prefix ? `${prefix}.${key}` : key;
    if (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length)
      return flatten(value as Record<string, unknown>, path);
    return [[path, value]];
  });
}
