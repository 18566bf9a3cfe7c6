/** What the Runs page asks for, as query parameters of the API. Pure. */

export interface RunsQuery {
  project?: string;
  q?: string;
  sort?: string;
  order?: "asc" | "desc";
  archived?: boolean;
  limit?: number;
  cursor?: string;
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

export function runsQuery(query: RunsQuery): string {
  const sorted = query.sort && !(query.sort === "created_at" && (query.order ?? "desc") === "desc");
  return composeQuery({
    project: query.project,
    q: query.q?.trim(),
    sort: sorted ? query.sort : undefined,
    order: sorted ? (query.order ?? "desc") : undefined,
    archived: query.archived,
    limit: query.limit,
    cursor: query.cursor,
  });
}

/** The next sort after a click on a column's head: this way, the other way, back to the newest first. */
export function nextSort(
  current: { sort: string; order: "asc" | "desc" },
  column: string,
  first: "asc" | "desc",
): { sort: string; order: "asc" | "desc" } {
  if (current.sort !== column) return { sort: column, order: first };
  const flipped = first === "asc" ? "desc" : "asc";
  if (current.order === first) return { sort: column, order: flipped };
  return column === "created_at" ? { sort: column, order: first } : { sort: "created_at", order: "desc" };
}
