/** Everything that a run logged besides numbers: a card for each key, with a slider over its steps. */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { RunDetail } from "../../api/types";
import { metricFilter } from "../../pure/metrics";
import { formatCount, plural } from "../../pure/format";
import { eventFiles, mediaKeys, type MediaKey } from "../../pure/media";
import { EventsView } from "../../state/events";
import { param } from "../../state/route";
import { Ago, Bone, Code, Delayed, EmptyState, ErrorState } from "../basics";
import { FilterField } from "../FilterField";
import { MediaItems } from "./MediaItems";

export function MediaPane({ run }: { run: RunDetail }) {
  const view = useMemo(() => new EventsView(run.id), [run.id]);
  useEffect(() => view.open(eventFiles(run)), [view]);
  const keys = useMemo(() => mediaKeys(view.events.value), [view.events.value]);
  const filter = param("media");
  const matcher = metricFilter(filter);
  const shown = keys.filter((one) => matcher.test(one.key));

  if (view.error.value) return <ErrorState error={view.error.value} onRetry={() => void view.load(eventFiles(run))} />;
  if (!view.loaded.value)
    return (
      <Delayed>
        <div class="media-grid" aria-hidden="true">
          {Array.from({ length: 4 }, (_, at) => (
            <div key={at} class="media-card">
              <Bone width={120} />
              <Bone width="100%" height={160} />
            </div>
          ))}
        </div>
      </Delayed>
    );
  if (!keys.length)
    return (
      <EmptyState title="No media yet">
        <p>Images, audio, video, text, tables, histograms and figures appear here when the script logs them.</p>
        <Code text={'run.log({"samples": rn.Image(array)})'} />
      </EmptyState>
    );
  return (
    <section class="media-area" aria-label="Media">
      <div class="toolbar chart-toolbar" role="toolbar" aria-label="Media settings">
        <FilterField label="Filter media" name="media" shown={shown.length} all={keys.length} />
        {view.cut.value && <span class="muted">Only the newest are listed; earlier ones are among the files.</span>}
      </div>
      <div class="media-scroll">
        <div class="media-grid">
          {shown.map((one) => (
            <MediaCard key={`${one.kind} ${one.key}`} runId={run.id} media={one} />
          ))}
        </div>
        {!shown.length && (
          <p class="quiet-note">
            Nothing matches <code>{filter}</code>.
          </p>
        )}
      </div>
    </section>
  );
}

function MediaCard({ runId, media }: { runId: string; media: MediaKey }) {
  // Null follows the newest; a step that was chosen stays when more come.
  const [chosen, setChosen] = useState<number | null>(null);
  const last = media.shots.length - 1;
  const at = chosen === null ? last : Math.min(chosen, last);
  const shot = media.shots[at]!;
  const label = `${media.key}, step`;
  return (
    <section class={`media-card kind-${media.kind}`}>
      <header class="media-head">
        <h2 class="ellipsis" title={media.key}>
          {media.key}
        </h2>
        <span class="muted">{media.kind}</span>
        <span class="spacer" />
        <span class="muted">
          <Ago at={shot.time} />
        </span>
      </header>
      <MediaItems runId={runId} kind={media.kind} items={shot.items} label={media.key} />
      <footer class="media-foot">
        {last > 0 ? (
          <input
            type="range"
            min="0"
            max={last}
            step="1"
            value={at}
            aria-label={label}
            aria-valuetext={`step ${shot.step}`}
            onInput={(event) => {
              const next = Number(event.currentTarget.value);
              setChosen(next === last ? null : next);
            }}
          />
        ) : (
          <span class="spacer" />
        )}
        <span class="num muted" title={plural(media.shots.length, "step")}>
          step {formatCount(shot.step)}
        </span>
      </footer>
    </section>
  );
}
