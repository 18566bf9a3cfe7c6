/** The values of one step, each as what it is. Nothing of them is markup of this page; HTML is shown in a sandbox. */

import { fileUrl } from "../../api/client";
import type { MediaItem } from "../../api/types";
import { formatDistinct, formatDuration, formatExact, formatMetric } from "../../pure/format";
import { bars, type MediaKind } from "../../pure/media";
import { ErrorState } from "../basics";
import { Picture, Sound, Video } from "./Player";
import { TableView } from "./TableView";
import { useText } from "./useText";

interface Props {
  runId: string;
  kind: MediaKind;
  items: readonly MediaItem[];
  label: string;
}

export function MediaItems({ runId, kind, items, label }: Props) {
  return (
    <div class={`media-items${items.length > 1 ? " several" : ""}`}>
      {items.map((item, at) => (
        <figure key={item.file ?? at} class="media-item">
          <Item runId={runId} kind={kind} item={item} label={item.caption ?? label} />
          {item.caption && <figcaption>{item.caption}</figcaption>}
        </figure>
      ))}
    </div>
  );
}

function Item({ runId, kind, item, label }: { runId: string; kind: MediaKind; item: MediaItem; label: string }) {
  const url = item.file ? fileUrl(runId, item.file) : null;
  if (kind === "histogram") return <HistogramView item={item} label={label} />;
  if (kind === "text") return item.file ? <LongText url={url!} /> : <pre class="media-text">{item.text}</pre>;
  if (!url) return <p class="muted">This value has no file.</p>;
  const moving = /\.(gif|webp)$/.test(item.file!);
  if (kind === "image" || (kind === "video" && moving) || (kind === "figure" && item.format !== "plotly"))
    return <Picture url={url} label={label} size={item.width && item.height ? { width: item.width, height: item.height } : {}} />;
  if (kind === "video") return <Video url={url} label={label} />;
  if (kind === "audio")
    return (
      <>
        <Sound url={url} label={label} />
        {item.duration_secs !== undefined && <span class="muted num">{formatDuration(item.duration_secs)}</span>}
      </>
    );
  if (kind === "table") return <TableView runId={runId} url={url} rows={item.rows ?? 0} />;
  if (kind === "html") return <Page url={url} label={label} />;
  return (
    <p class="muted">
      An interactive plotly figure. <a href={url} download={item.file!.split("/").pop()}>Download its JSON</a>
    </p>
  );
}

function HistogramView({ item, label }: { item: MediaItem; label: string }) {
  const shapes = bars(item.edges, item.counts);
  if (!shapes.length) return <p class="muted">This histogram holds no values.</p>;
  const low = shapes[0]!.low;
  const high = shapes[shapes.length - 1]!.high;
  const total = shapes.reduce((sum, bar) => sum + bar.count, 0);
  const ends = formatDistinct([low, high]);
  return (
    <div class="histogram">
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" role="img" aria-label={`${label}: ${formatMetric(total)} values from ${ends.get(low)} to ${ends.get(high)}`}>
        {shapes.map((bar, at) => (
          <rect key={at} x={bar.x} y={1 - bar.height} width={bar.width} height={bar.height}>
            <title>{`${formatExact(bar.low)} to ${formatExact(bar.high)}: ${formatExact(bar.count)}`}</title>
          </rect>
        ))}
      </svg>
      <div class="histogram-axis num muted">
        <span title={formatExact(low)}>{ends.get(low)}</span>
        <span>{formatMetric(total)} values</span>
        <span title={formatExact(high)}>{ends.get(high)}</span>
      </div>
    </div>
  );
}

function LongText({ url }: { url: string }) {
  const { text, error } = useText(url);
  if (error) return <ErrorState error={error} compact />;
  return <pre class="media-text">{text ?? "…"}</pre>;
}

/** A page of HTML without scripts, and without access to anything of this one. */
function Page({ url, label }: { url: string; label: string }) {
  const { text, error } = useText(url);
  if (error) return <ErrorState error={error} compact />;
  return text === null ? null : <iframe class="media-page" sandbox="" srcDoc={text} title={label} />;
}
