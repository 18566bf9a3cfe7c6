/** Nested values as a table of dotted names, with a search where there are many. */

import { useState } from "preact/hooks";
import { formatValue } from "../pure/format";
import { toJson } from "../pure/json";
import { Code, CopyButton } from "./basics";

export function KeyValues({ title, entries, empty, copy, code }: { title: string; entries: readonly [string, unknown][]; empty: string; copy: unknown; code?: string }) {
  const [search, setSearch] = useState("");
  const shown = search ? entries.filter(([key, value]) => `${key} ${formatValue(value)}`.toLowerCase().includes(search.toLowerCase())) : entries;
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>{title}</h2>
        <span class="count num">{entries.length}</span>
        <span class="spacer" />
        {entries.length > 12 && <input class="input small" type="text" aria-label={`Search ${title.toLowerCase()}`} placeholder="Search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />}
        {entries.length > 0 && <CopyButton text={() => toJson(copy, 2)} label={`Copy ${title.toLowerCase()} as JSON`} />}
      </div>
      {entries.length === 0 ? (
        <div class="panel-empty">
          <p>{empty}</p>
          {code && <Code text={code} />}
        </div>
      ) : (
        <table class="kv">
          <tbody>
            {shown.map(([key, value]) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td class={typeof value === "number" || typeof value === "bigint" ? "num" : ""}>
                  {formatValue(value)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
