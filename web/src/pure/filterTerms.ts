/** Terms of a filter that a click on a cell makes. Pure. */

import type { Run } from "../api/types";
import { formatExact, formatValue } from "./format";
import { hostOf, valueOf } from "./columns";
import { toJson } from "./json";

const PLAIN_WORD = /^[^\s"=<>!()~:]+$/;

const quote = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** Return a field as a query names it: `config.lr`, `config."my key"`. */
export function fieldText(key: string): string {
  const dot = key.indexOf(".");
  if (dot < 0 || PLAIN_WORD.test(key)) return key;
  return `${key.slice(0, dot + 1)}${quote(key.slice(dot + 1))}`;
}

export const wordOrQuoted = (text: string): string => (PLAIN_WORD.test(text) && !/^(and|or|not|ago)$/i.test(text) ? text : quote(text));

/** Return what the query language compares a value with. */
export function valueText(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return formatExact(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return wordOrQuoted(value);
  return quote(toJson(value));
}

export interface TermChoice {
  label: string;
  term: string;
}

const day = (iso: string): string => {
  const at = new Date(iso);
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
};

const onlyAndNot = (shown: string, term: string): TermChoice[] => [
  { label: `Only ${shown}`, term },
  { label: `Not ${shown}`, term: `not ${term}` },
];

const LONGEST = 40;
const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** Return the filters that a cell offers: only this, not this, and of numbers and times, from here on. */
export function termsOf(run: Run, key: string): TermChoice[] {
  if (key === "state") return onlyAndNot(run.state, `state:${run.state}`);
  if (key === "tags") return run.tags.flatMap((tag) => onlyAndNot(short(tag), `tag:${wordOrQuoted(tag)}`));
  if (key === "created")
    return [...onlyAndNot(day(run.created_at), `created = ${day(run.created_at)}`), { label: "This day and later", term: `created >= ${day(run.created_at)}` }, { label: "Earlier", term: `created < ${day(run.created_at)}` }];
  if (key === "duration") {
    const secs = run.duration_secs === null ? null : String(Math.round(run.duration_secs));
    return secs === null ? [] : [{ label: "At least as long", term: `duration >= ${secs}` }, { label: "At most as long", term: `duration <= ${secs}` }];
  }
  if (key === "host" && hostOf(run)) return onlyAndNot(short(hostOf(run)), `host:${wordOrQuoted(hostOf(run))}`);
  const own = key.includes(".");
  const value = own ? valueOf(run, key) : (run as unknown as Record<string, unknown>)[key];
  const field = fieldText(key);
  if (value === undefined || value === null || value === "")
    return own ? [{ label: "Only runs without it", term: `not ${field} ~ ^` }, { label: "Only runs with it", term: `${field} ~ ^` }] : [];
  const text = valueText(value);
  const found: TermChoice[] = [
    { label: `Only ${short(formatValue(value))}`, term: `${field} = ${text}` },
    { label: `Not ${short(formatValue(value))}`, term: `not ${field} = ${text}` },
  ];
  if (typeof value === "number" || typeof value === "bigint") found.push({ label: "At least", term: `${field} >= ${text}` }, { label: "At most", term: `${field} <= ${text}` });
  return found;
}

/** Return the filter with one more term; what was there holds as a whole. */
export function withTerm(query: string, term: string): string {
  const before = query.trim();
  if (!before) return term;
  if (before === term || before.endsWith(` and ${term}`)) return before;
  return /(^|[\s)])or([\s(]|$)/i.test(before.replace(/"(?:[^"\\]|\\.)*"/g, '""')) ? `(${before}) and ${term}` : `${before} and ${term}`;
}
