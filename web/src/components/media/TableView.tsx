/** A logged table: its first rows; the whole of it can be downloaded. */

import { fileUrl } from "../../api/client";
import { formatCount, formatValue } from "../../pure/format";
import { parseExact } from "../../pure/json";
import { ErrorState } from "../basics";
import { useText } from "./useText";

const SHOWN_ROWS = 200;

interface Body {
  columns: string[];
  data: unknown[][];
}

function parse(text: string): Body | null {
  try {
    const body = parseExact(text) as Body;
    return Array.isArray(body.columns) && Array.isArray(body.data) && body.data.every(Array.isArray) ? body : null;
  } catch {
    return null;
  }
}

export function TableView({ runId, url, rows }: { runId: string; url: string; rows: number }) {
  const { text, error } = useText(url);
  if (error) return <ErrorState error={error} compact />;
  if (text === null) return <p class="muted">Loading {formatCount(rows)} rows …</p>;
  const body = parse(text);
  if (!body) return <p class="muted">This table's file is damaged.</p>;
  return (
    <div class="media-table">
      <table>
        <thead>
          <tr>
            {body.columns.map((name, at) => (
              <th key={at} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.data.slice(0, SHOWN_ROWS).map((cells, at) => (
            <tr key={at}>
              {cells.map((cell, column) => (
                <td key={column} class={typeof cell === "number" || typeof cell === "bigint" ? "num" : ""}>
                  <Cell runId={runId} value={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows > SHOWN_ROWS && (
        <p class="muted">
          The first {SHOWN_ROWS} of {formatCount(rows)} rows.{" "}
          <a href={url} download={url.split("/").pop()}>
            Download all
          </a>
        </p>
      )}
    </div>
  );
}

function Cell({ runId, value }: { runId: string; value: unknown }) {
  const media = value as { _type?: unknown; file?: unknown; text?: unknown } | null;
  if (media && typeof media === "object" && typeof media.file === "string") {
    const url = fileUrl(runId, media.file);
    if (media._type === "image" || media._type === "figure") return <img src={url} alt="" loading="lazy" />;
    if (media._type === "audio") return <audio src={url} controls preload="none" />;
    return <a href={url}>{String(media._type)}</a>;
  }
  return <>{formatValue(media && typeof media === "object" && typeof media.text === "string" ? media.text : value)}</>;
}
