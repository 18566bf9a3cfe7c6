/** What the Runs page asks for, as query parameters of the API. Pure. */

export type Order = "asc" | "desc";

export interface SortKey {
  /** The server's name of the field: `created_at`, `config.lr`, `min.loss`. */
  key: string;
  order: Order;
}

export interface RunsQuery {
  project?: string;
  q?: string;
  sorts?: readonly SortKey[];
  /** Only archived runs, or only others; all where it is left out. */
  archived?: boolean;
  deleted?: boolean;
  limit?: number;
  cursor?: string;
  /** Values of metrics that each run is sent with: `min.loss`. */
  columns?: readonly string[];
}

/** Return `a=1&b=2`, leaving out what is empty; a list repeats its name. */
export function composeQuery(params: Record<string, string | number | boolean | undefined | null | readonly string[]>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(params)) {
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) {
      if (one === undefined || one === null || one === "" || one === false) continue;
      parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`);
    }
  }
  return parts.join("&");
}

const NEWEST: readonly SortKey[] = [{ key: "created_at", order: "desc" }];

export const isNewestFirst = (sorts: readonly SortKey[] | undefined): boolean => !sorts?.length || (sorts.length === 1 && sorts[0]!.key === "created_at" && sorts[0]!.order === "desc");

/** Return which runs are meant, as parameters. utcOffset: minutes by which this clock is ahead of UTC, for dates. */
export function filterParams(query: RunsQuery, utcOffset = 0): Record<string, string | number | boolean | undefined> {
  const dated = /created|finished/i.test(query.q ?? "");
  return { project: query.project, q: query.q?.trim(), archived: query.archived === false ? "false" : query.archived, deleted: query.deleted || undefined, utc_offset: dated && utcOffset ? utcOffset : undefined };
}

export function sortParams(query: RunsQuery): Record<string, readonly string[] | undefined> {
  if (isNewestFirst(query.sorts)) return {};
  return { sort: query.sorts!.map((one) => one.key), order: query.sorts!.map((one) => one.order) };
}

export function runsQuery(query: RunsQuery, utcOffset = 0): string {
  return composeQuery({ ...filterParams(query, utcOffset), ...sortParams(query), column: query.columns ?? [], limit: query.limit, cursor: query.cursor });
}

/** Return the sort that the URL's parameters name, the newest first where they name none. */
export function parseSorts(keys: readonly string[], orders: string): readonly SortKey[] {
  const ways = orders.split(",");
  const sorts = [...new Set(keys)].map((key, at): SortKey => ({ key, order: ways[at] === "asc" ? "asc" : "desc" }));
  return sorts.length ? sorts.slice(0, 8) : NEWEST;
}

/**
 * Return the sort after a click on a column's head: this way, the other way, back to the newest first. With `add`, the
 * column is added behind those that are sorted by, turned round, or taken out.
 */
export function nextSorts(current: readonly SortKey[], key: string, first: Order, add = false): readonly SortKey[] {
  const known = current.find((one) => one.key === key);
  const flipped: Order = first === "asc" ? "desc" : "asc";
  if (add) {
    if (!known) return isNewestFirst(current) ? [{ key, order: first }] : [...current, { key, order: first }].slice(-8);
    const next = known.order === first ? current.map((one): SortKey => (one.key === key ? { key, order: flipped } : one)) : current.filter((one) => one.key !== key);
    return next.length ? next : NEWEST;
  }
  if (!known || current.length > 1) return [{ key, order: first }];
  if (known.order === first) return [{ key, order: flipped }];
  return key === "created_at" ? [{ key, order: first }] : NEWEST;
}

/** The same of a table that is sorted by one column at a time. */
export function nextSort(current: { sort: string; order: Order }, column: string, first: Order): { sort: string; order: Order } {
  const [next] = nextSorts([{ key: current.sort, order: current.order }], column, first);
  return { sort: next!.key, order: next!.order };
}
