/** What is wrong with a filter, below the box that it stands in. */

import type { ApiError } from "../api/error";

const SHOWN_BEFORE = 44;

/** What is wrong, and the query with a mark under the character that shows it. */
export function FilterError({ error, query }: { error: ApiError; query: string }) {
  const chars = Array.from(query); // a character of the viewer's is one here, also where JavaScript counts two
  const at = error.position;
  const first = at === null ? 0 : Math.max(0, at - SHOWN_BEFORE);
  return (
    <div id="filter-error" class="filter-error" role="alert">
      {at !== null && (
        <pre aria-hidden="true">
          {first > 0 ? "…" : ""}
          {chars.slice(first).join("")}
          {"\n"}
          {" ".repeat(at - first + (first > 0 ? 1 : 0))}
          <b class="caret">^</b>
        </pre>
      )}
      <p>{[error.detail, error.hint].filter(Boolean).join(" ")}</p>
    </div>
  );
}
