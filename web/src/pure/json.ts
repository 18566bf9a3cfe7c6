/** JSON as Python writes it: its integers may have more digits than a JavaScript number holds. Pure. */

const UNSAFE_INTEGER = /[:[,]\s*-?\d{16,}(?=\s*[,\]}])/;
/** Where values are the script's own, those of groups among them; all else that is large is a step or a value of a metric. */
const OWN = new Set(["config", "summary", "value"]);

type Reviver = (this: unknown, key: string, value: unknown, context?: { source: string }) => unknown;

const keepDigits: Reviver = (_key, value, context) =>
  typeof value === "number" && !Number.isSafeInteger(value) && context && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;

/** Return what a text holds; integers that a number would round become bigints. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, UNSAFE_INTEGER.test(text) ? (keepDigits as (key: string, value: unknown) => unknown) : undefined);
}

/** Return an answer of the viewer: bigints stand in config and summary alone, and everything else is a number. */
export function parseAnswer(text: string): unknown {
  return UNSAFE_INTEGER.test(text) ? rounded(parseExact(text)) : JSON.parse(text);
}

function rounded(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, OWN.has(key) && !Array.isArray(inner) ? inner : rounded(inner)]));
}

const rawJson = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;

/** Return a value as JSON with all of its digits. */
export const toJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? (rawJson ? rawJson(String(inner)) : String(inner)) : inner), indent);
