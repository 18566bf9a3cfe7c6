/** One run as its own page: what it is, its curves, what it printed. */

import { hostOf } from "../pure/columns";
import { own } from "../pure/own";
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { RunDetail } from "../api/types";
import { ChartGrid } from "../charts/ChartGrid";
import type { ChartRun } from "../charts/model";
import { isSystem } from "../pure/metrics";
import { Ago, Bone, Code, CopyButton, Delayed, EmptyState, ErrorState, Fact, StateBadge } from "../components/basics";
import { Icon } from "../components/icons";
import { lazy } from "../components/lazy";
import { Note, Notes } from "../components/Note";
import { RunMenu, editRun } from "../components/RunActions";
import { secondsOf } from "../components/table/cellText";
import { colourOf } from "../pure/colours";
import { formatCount, formatDuration, formatTime } from "../pure/format";
import { RUN_TABS, type RunTab } from "../pure/route";
import { now } from "../state/clock";
import { detail, loadDetail } from "../state/details";
import { useKeys } from "../state/keys";
import { restore } from "../state/actions";
import { stream } from "../state/link";
import { chosenColours } from "../state/looks";
import { go, place, runsHash } from "../state/route";

const ConsolePane = lazy(() => import("../components/console/ConsolePane"), (part) => part.ConsolePane);
const MediaPane = lazy(() => import("../components/media/MediaPane"), (part) => part.MediaPane);
const RunOverview = lazy(() => import("../components/RunOverview"), (part) => part.RunOverview);

const TAB_WORDS: Record<RunTab, string> = { overview: "Overview", charts: "Charts", media: "Media", system: "System", console: "Console" };
const noHighlight = signal<string | null>(null);

export function RunPage({ id, tab }: { id: string; tab: RunTab }) {
  const known = detail(id).value;
  useEffect(() => stream.follow([id]), [id]);
  const run = known.run;
  const params = place.value.params;
  const toTab = (next: RunTab) => go({ page: "run", id, tab: next, params }, "replace");
  useKeys({
    Escape: () => go(runsHash()),
    ...Object.fromEntries(RUN_TABS.map((one, at) => [String(at + 1), () => toTab(one)])),
    e: () => run && editRun(run, "name"),
    "/": () => document.querySelector<HTMLInputElement>(".run-panel .chart-filter input")?.focus(),
  });

  if (!run)
    return (
      <main class="run-page">
        <h1 class="visually-hidden">Run {id}</h1>
        {known.error ? (
          known.error.code === "RUN_NOT_FOUND" ? (
            <EmptyState title="This run is not here">
              <p>
                No run <code>{id}</code> in this storage root; it may have been deleted, or belong to another one. If it comes, it appears by itself.
              </p>
              <a class="button" href={runsHash()}>
                Back to the runs
              </a>
            </EmptyState>
          ) : (
            <ErrorState error={known.error} onRetry={() => void loadDetail(id)} />
          )
        ) : (
          <Delayed>
            <RunBones />
          </Delayed>
        )}
      </main>
    );

  const logged = run.metrics.filter((metric) => !isSystem(metric.name)).length;
  return (
    <main class={`run-page${known.removed ? " is-removed" : ""}`}>
      <Notes>{known.removed && <RemovedNote run={run} gone={known.error?.code === "RUN_NOT_FOUND"} />}</Notes>
      <RunHead run={run} removed={known.removed} />
      <div class="tabs" role="tablist" aria-label="Parts of this run">
        {RUN_TABS.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            id={`tab-${one}`}
            aria-selected={tab === one}
            aria-controls="run-panel"
            tabIndex={tab === one ? 0 : -1}
            onClick={() => toTab(one)}
            onKeyDown={(event) => {
              const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
              if (!by) return;
              event.preventDefault();
              event.stopPropagation();
              const next = RUN_TABS[(RUN_TABS.indexOf(one) + by + RUN_TABS.length) % RUN_TABS.length]!;
              toTab(next);
              document.getElementById(`tab-${next}`)?.focus();
            }}
          >
            {TAB_WORDS[one]}
            {one === "charts" && logged > 0 && <span class="count num">{logged}</span>}
          </button>
        ))}
      </div>
      <div id="run-panel" class={`run-panel panel-${tab}`} role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "overview" && <RunOverview key={id} run={run} />}
        {tab === "charts" && <Charts run={run} />}
        {tab === "media" && <MediaPane key={id} run={run} />}
        {tab === "system" && <Charts run={run} system />}
        {tab === "console" && <ConsolePane key={id} runId={id} running={run.state === "running" && !known.removed} />}
      </div>
    </main>
  );
}

/** That the run was deleted, as soon as that happens and wherever it is done. */
function RemovedNote({ run, gone }: { run: RunDetail; gone: boolean }) {
  const back = (
    <a class="link-button" href={runsHash()}>
      Back to the runs
    </a>
  );
  if (gone)
    return (
      <Note icon="trash" actions={back}>
        This run is not in the storage root any more. What was loaded of it stays on this page.
      </Note>
    );
  return (
    <Note
      icon="trash"
      actions={
        <>
          <button type="button" class="link-button" onClick={() => void restore(run)}>
            Restore
          </button>
          {back}
        </>
      }
    >
      This run is in the bin{run.deleted_at && <>, since <Ago at={run.deleted_at} /></>}. Nothing of it is lost.
    </Note>
  );
}

function RunHead({ run, removed }: { run: RunDetail; removed: boolean }) {
  const live = run.state === "running" && !removed;
  const secs = live || run.state !== "running" ? secondsOf(run, live ? now.value : 0) : run.duration_secs;
  return (
    <header class="run-head">
      <div class="run-title-line">
        <a class="back" href={runsHash()} title="Back to the runs (Esc)" aria-label="Back to the runs">
          <Icon name="chevronLeft" size={14} />
          Runs
        </a>
        <span class="run-colour" style={{ background: `var(--run-${colourOf(run.id)})` }} />
        <h1>{run.name}</h1>
        {removed ? (
          <span class="state-badge">
            <Icon name="trash" size={14} />
            deleted
          </span>
        ) : (
          <StateBadge state={run.state} />
        )}
        <span class="num muted" title={`Started ${formatTime(Date.parse(run.created_at))}`}>
          {formatDuration(secs)}
        </span>
        {run.tags.length > 0 && (
          <span class="run-tags">
            {run.tags.map((tag) => (
              <span key={tag} class="tag" title={tag}>
                {tag}
              </span>
            ))}
          </span>
        )}
        {run.archived && <span class="tag quiet">archived</span>}
        <span class="spacer" />
        <RunMenu run={run} onDeleted={() => place.peek().page === "run" && (place.peek() as { id: string }).id === run.id && go(runsHash())} />
      </div>
      <dl class="facts">
        <Fact name="Project">
          <a class="ellipsis" title={run.project} href={`#/runs?p=${encodeURIComponent(run.project).replaceAll("%2F", "/")}`}>{run.project}</a>
        </Fact>
        {hostOf(run) && (
          <Fact name="Host">
            <span class="ellipsis" title={run.place && run.host && run.host !== run.place ? `It ran on ${run.host}` : undefined}>
              {run.user ? `${run.user}@${hostOf(run)}` : hostOf(run)}
            </span>
          </Fact>
        )}
        {run.git && (
          <Fact name="Git">
            <span class="mono" title={run.git.commit}>
              {run.git.commit.slice(0, 10)}
            </span>
            {run.git.dirty && (
              <span class="warn-text" title="There were changes that were not committed">
                {" "}
                + changes
              </span>
            )}
            <CopyButton text={run.git.commit} label="Copy the commit" />
          </Fact>
        )}
        <Fact name="Started">
          <Ago at={run.created_at} precise />
        </Fact>
        {run.step !== null && <Fact name="Step">{<span class="num">{formatCount(run.step)}</span>}</Fact>}
        <Fact name="Id">
          <span class="mono">{run.id}</span>
          <CopyButton text={run.id} label="Copy the run's id" />
        </Fact>
      </dl>
      {run.note && <p class="run-note">{run.note}</p>}
      {run.exit_reason && run.state !== "finished" && run.state !== "running" && <p class={`run-reason state-${run.state}`}>{run.exit_reason}</p>}
    </header>
  );
}

function Charts({ run, system = false }: { run: RunDetail; system?: boolean }) {
  const chartRuns = useMemo<ChartRun[]>(
    () => [{ id: run.id, name: run.name, createdAt: Date.parse(run.created_at), running: run.state === "running", style: { colour: own(chosenColours.value, run.id) ?? colourOf(run.id), dash: 0 } }],
    [run.id, run.name, run.created_at, run.state, own(chosenColours.value, run.id)],
  );
  const names = run.metrics.map((metric) => metric.name).filter((name) => isSystem(name) === system);
  if (!names.length && system)
    return (
      <EmptyState title="The machine was not sampled">
        <p>{run.state === "running" ? "Processor, memory, disk, network and GPUs appear here about ten seconds after the run has begun." : "This run was too short, or was recorded without system metrics."}</p>
      </EmptyState>
    );
  if (!names.length)
    return (
      <EmptyState title="No metric yet">
        <p>{run.state === "running" ? "Curves appear here with the first value that the program logs." : "This run ended without logging a value."}</p>
        <Code text={'run.log({"train/loss": 0.5})'} />
      </EmptyState>
    );
  return <ChartGrid metrics={names} runs={chartRuns} definitions={run.metric_definitions} highlighted={noHighlight} height={220} usual={system ? "relative" : "step"} />;
}

function RunBones() {
  const box = useRef(null);
  return (
    <div ref={box} class="run-bones" aria-hidden="true">
      <Bone width={220} height={18} />
      <Bone width={420} />
      <div class="chart-area-bones">
        {Array.from({ length: 6 }, (_, index) => (
          <div key={index} class="chart">
            <div class="chart-head">
              <Bone width={90} />
            </div>
            <div class="chart-body" style={{ height: "220px" }} />
          </div>
        ))}
      </div>
    </div>
  );
}
