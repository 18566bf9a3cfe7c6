/** What may come next in a filter that somebody types: names of fields, or values of the one before. Pure. */

import { METRIC_KINDS } from "./columns";
import { fieldText } from "./filterTerms";

export type Typing =
  | { kind: "name"; from: number; typed: string }
  | { kind: "value"; from: number; typed: string; field: string };

const FIELD = `(?:(?:config|summary|${METRIC_KINDS.join("|")})\\.(?:"(?:[^"\\\\]|\\\\.)*"|[^\\s"=<>!~()]+)|[a-z_]+)`;
const VALUE = new RegExp(`(?:^|[\\s(])(${FIELD})\\s*(?:==|!=|<=|>=|=|<|>)\\s*("?)((?<=")[^"]*|[^\\s"()]*)$`, "i");
const COLON = /(?:^|[\s(])(tag|state):("?)((?<=")[^"]*|[^\s"()]*)$/i;
const NAME = /(?:^|[\s(])([^\s"()=<>!~]*)$/;

const unquoted = (field: string): string => field.replace(/\."((?:[^"\\]|\\.)*)"$/, (_, key: string) => `.${key.replace(/\\(.)/g, "$1")}`);

/** Return what is being typed before the caret, or null within a quoted text. */
export function typingAt(text: string, caret: number): Typing | null {
  const before = text.slice(0, caret);
  const colon = COLON.exec(before);
  if (colon) return { kind: "value", from: caret - colon[3]!.length - colon[2]!.length, typed: colon[3]!, field: colon[1]!.toLowerCase() === "tag" ? "tags" : "state" };
  const value = VALUE.exec(before);
  if (value) return { kind: "value", from: caret - value[3]!.length - value[2]!.length, typed: value[3]!, field: unquoted(value[1]!) };
  const name = NAME.exec(before);
  return name ? { kind: "name", from: caret - name[1]!.length, typed: name[1]! } : null;
}

const PLAIN = ["name", "project", "state", "created", "duration", "finished", "step", "tags", "note", "group", "job_type", "host", "user", "id", "archived"];

export interface Names {
  config: readonly string[];
  summary: readonly string[];
  metrics: readonly string[];
}

const MOST = 12;

/** Return the names of fields that what is typed may become, those that begin with it first. */
export function nameChoices(typed: string, names: Names): string[] {
  if (!typed) return [];
  const wanted = typed.toLowerCase();
  const kind = METRIC_KINDS.find((one) => wanted.startsWith(`${one}.`));
  const all = [
    ...PLAIN,
    "tag:",
    ...names.config.map((key) => `config.${key}`),
    ...names.summary.map((key) => `summary.${key}`),
    ...(kind ? [kind] : METRIC_KINDS).flatMap((one) => names.metrics.map((key) => `${one}.${key}`)),
  ];
  const rank = (name: string) => {
    const lower = name.toLowerCase();
    if (lower.startsWith(wanted)) return 0;
    return lower.slice(lower.indexOf(".") + 1).startsWith(wanted) ? 1 : 2;
  };
  const holds = (name: string) => name.includes(wanted) || (kind !== undefined && name.startsWith(`${kind}.`) && name.slice(kind.length).includes(wanted.slice(kind.length + 1)));
  const hits = all.filter((name) => name.toLowerCase() !== wanted && holds(name.toLowerCase()));
  return hits
    .map((name, at) => ({ name, at, rank: rank(name) }))
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .slice(0, MOST)
    .map(({ name }) => fieldText(name));
}

/** Return text and caret after a choice was taken. */
export function taken(text: string, caret: number, typing: Typing, choice: string): { text: string; caret: number } {
  const rest = text.slice(caret).replace(/^[^\s"()=<>!~]*"?/, "");
  const joined = choice.endsWith(":") || /^\s/.test(rest) ? choice : `${choice} `;
  return { text: text.slice(0, typing.from) + joined + rest, caret: typing.from + joined.length };
}
