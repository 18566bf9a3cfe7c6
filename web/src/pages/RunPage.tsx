/** One run as its own page: what it is, its curves, what it printed. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { fileUrl } from "../api/client";
import type { RunDetail } from "../api/types";
import type { ChartRun } from "../charts/Chart";
import { ChartGrid } from "../charts/ChartGrid";
import { Ago, Bone, Code, CopyButton, Delayed, EmptyState, ErrorState, StateBadge } from "../components/basics";
import { ConsolePane } from "../components/ConsolePane";
import { Icon } from "../components/icons";
import { RunMenu, editRun } from "../components/RunActions";
import { secondsOf } from "../components/RunTable";
import { colourOf } from "../pure/colours";
import { flatten } from "../pure/columns";
import { formatBytes, formatCount, formatDuration, formatNumber, formatTime, formatValue, fromWire, plural } from "../pure/format";
import { RUN_TABS, type RunTab } from "../pure/route";
import { now } from "../state/clock";
import { detail, loadDetail } from "../state/details";
import { useKeys } from "../state/keys";
import { stream } from "../state/link";
import { go, place, runHash, runsHash } from "../state/route";

const TAB_WORDS: Record<RunTab, string> = { overview: "Overview", charts: "Charts", console: "Console" };
const noHighlight = signal<string | null>(null);

export function RunPage({ id, tab }: { id: string; tab: RunTab }) {
  const known = detail(id).value;
  useEffect(() => stream.follow([id]), [id]);
  const run = known.run;
  const params = place.value.params;
  const toTab = (next: RunTab) => go({ page: "run", id, tab: next, params }, "replace");
  useKeys({
    Escape: () => go(runsHash()),
    "1": () => toTab("overview"),
    "2": () => toTab("charts"),
    "3": () => toTab("console"),
    e: () => run && editRun(run, "name"),
  });

  if (!run)
    return (
      <main class="run-page">
        {known.error ? (
          known.error.code === "RUN_NOT_FOUND" ? (
            <EmptyState title="This run is not here">
              <p>
                No run <code>{id}</code> in this storage root; it may have been deleted, or belong to another one.
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

  return (
    <main class="run-page">
      <RunHead run={run} />
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
            {one === "charts" && run.metrics.length > 0 && <span class="count num">{run.metrics.length}</span>}
          </button>
        ))}
      </div>
      <div id="run-panel" class={`run-panel panel-${tab}`} role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "overview" ? <Overview run={run} /> : tab === "charts" ? <Charts run={run} /> : <ConsolePane key={id} runId={id} running={run.state === "running"} />}
      </div>
    </main>
  );
}

function RunHead({ run }: { run: RunDetail }) {
  const secs = secondsOf(run, run.state === "running" ? now.value : 0);
  return (
    <header class="run-head">
      <div class="run-title-line">
        <a class="back" href={runsHash()} title="Back to the runs (Esc)" aria-label="Back to the runs">
          <Icon name="chevronLeft" size={14} />
          Runs
        </a>
        <span class="run-colour" style={{ background: `var(--run-${colourOf(run.id)})` }} />
        <h1>{run.name}</h1>
        <StateBadge state={run.state} />
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
        <RunMenu run={run} onDeleted={() => go(runsHash())} />
      </div>
      <dl class="facts">
        <Fact name="Project">
          <a class="ellipsis" title={run.project} href={`#/runs?p=${encodeURIComponent(run.project).replaceAll("%2F", "/")}`}>{run.project}</a>
        </Fact>
        {run.host && (
          <Fact name="Host">
            <span class="ellipsis">{run.user ? `${run.user}@${run.host}` : run.host}</span>
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

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div class="fact">
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

function Charts({ run }: { run: RunDetail }) {
  const chartRuns = useMemo<ChartRun[]>(
    () => [{ id: run.id, name: run.name, createdAt: Date.parse(run.created_at), style: { colour: colourOf(run.id), dash: 0 } }],
    [run.id, run.name, run.created_at],
  );
  const names = run.metrics.map((metric) => metric.name);
  if (!names.length)
    return (
      <EmptyState title="No metric yet">
        <p>{run.state === "running" ? "Curves appear here with the first value that the program logs." : "This run ended without logging a value."}</p>
        <Code text={'run.log({"train/loss": 0.5})'} />
      </EmptyState>
    );
  return <ChartGrid metrics={names} runs={chartRuns} highlighted={noHighlight} height={220} />;
}

function Overview({ run }: { run: RunDetail }) {
  const config = flatten(run.config ?? {});
  const metricNames = new Set(run.metrics.map((metric) => metric.name));
  const own = flatten(run.summary ?? {}).filter(([name]) => !metricNames.has(name));
  return (
    <div class="overview">
      <div class="overview-column">
        <KeyValues title="Config" entries={config} empty="The script set no config." copy={run.config} code={'rn.init(config={"lr": 0.01})'} />
        {own.length > 0 && <KeyValues title="Summary" entries={own} empty="" copy={run.summary} />}
        <MetricsTable run={run} />
      </div>
      <div class="overview-column">
        <Metadata run={run} />
        <Files run={run} />
        <Packages packages={run.packages} />
      </div>
    </div>
  );
}

function KeyValues({ title, entries, empty, copy, code }: { title: string; entries: readonly [string, unknown][]; empty: string; copy: unknown; code?: string }) {
  const [search, setSearch] = useState("");
  const shown = search ? entries.filter(([key, value]) => `${key} ${formatValue(value)}`.toLowerCase().includes(search.toLowerCase())) : entries;
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>{title}</h2>
        <span class="count num">{entries.length}</span>
        <span class="spacer" />
        {entries.length > 12 && <input class="input small" type="text" aria-label={`Search ${title.toLowerCase()}`} placeholder="Search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />}
        {entries.length > 0 && <CopyButton text={() => JSON.stringify(copy, null, 2)} label={`Copy ${title.toLowerCase()} as JSON`} />}
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
                <td class={typeof value === "number" ? "num" : ""} title={typeof value === "number" ? String(value) : undefined}>
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

function MetricsTable({ run }: { run: RunDetail }) {
  const metrics = [...run.metrics].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const cell = (value: Parameters<typeof fromWire>[0]) => {
    const number = fromWire(value);
    return <td class={`num${Number.isNaN(number) ? " bad" : ""}`}>{number === undefined ? "–" : formatNumber(number)}</td>;
  };
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>Metrics</h2>
        <span class="count num">{metrics.length}</span>
      </div>
      {metrics.length === 0 ? (
        <p class="panel-empty">No metric has been logged.</p>
      ) : (
        <table class="kv metrics">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Last</th>
              <th scope="col">Min</th>
              <th scope="col">Max</th>
              <th scope="col">Points</th>
            </tr>
          </thead>
          <tbody>
            {metrics.map((metric) => (
              <tr key={metric.name}>
                <th scope="row">
                  <a href={runHash(run.id, "charts", { metrics: `^${escapeRegex(metric.name)}$` })}>{metric.name}</a>
                </th>
                {cell(metric.last)}
                {cell(metric.min)}
                {cell(metric.max)}
                <td class="num">{formatCount(metric.count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const escapeRegex = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function Metadata({ run }: { run: RunDetail }) {
  const command = Array.isArray(run.argv) ? run.argv.map(quote).join(" ") : (run.argv ?? "");
  const gpus = describeGpus(run.gpus);
  const rows: [string, ComponentChildren][] = [
    ["Created", formatTime(Date.parse(run.created_at))],
    ["Finished", run.finished_at ? formatTime(Date.parse(run.finished_at)) : null],
    ["Last sign of life", run.state === "running" && run.heartbeat_at ? <Ago at={run.heartbeat_at} precise /> : null],
    ["Host", run.host],
    ["User", run.user],
    ["Process", run.pid ? <span class="num">{run.pid}</span> : null],
    ["Python", run.python],
    ["GPUs", gpus],
    ["Folder", run.cwd ? <PathLine text={run.cwd} label="Copy the folder" /> : null],
    ["Command", command ? <PathLine text={command} label="Copy the command" /> : null],
    ["Commit", run.git ? <PathLine text={run.git.commit} label="Copy the commit" /> : null],
  ];
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>Metadata</h2>
      </div>
      <table class="kv meta">
        <tbody>
          {rows
            .filter(([, value]) => value !== null && value !== undefined && value !== "")
            .map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
        </tbody>
      </table>
      {run.skipped_records ? <p class="panel-note warn-text">{plural(run.skipped_records, "damaged record")} passed over while reading.</p> : null}
    </section>
  );
}

const PathLine = ({ text, label }: { text: string; label: string }) => (
  <span class="path-line">
    <span class="mono wrap">{text}</span>
    <CopyButton text={text} label={label} />
  </span>
);

const quote = (part: string): string => (/^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`);

function describeGpus(gpus: unknown): string | null {
  if (!Array.isArray(gpus) || !gpus.length) return null;
  const names = gpus.map((gpu) => (typeof gpu === "string" ? gpu : String((gpu as { name?: unknown })?.name ?? JSON.stringify(gpu))));
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, amount]) => (amount > 1 ? `${amount} × ${name}` : name)).join(", ");
}

function Files({ run }: { run: RunDetail }) {
  const files = run.files ?? [];
  if (!files.length) return null;
  const total = files.reduce((sum, file) => sum + file.size, 0);
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>Files</h2>
        <span class="count num">{files.length}</span>
        <span class="spacer" />
        <span class="muted num">{formatBytes(total)}</span>
      </div>
      <table class="kv files">
        <tbody>
          {files.map((file) => (
            <tr key={file.path}>
              <th scope="row">
                <a href={fileUrl(run.id, file.path)} download={file.path.split("/").pop()}>
                  {file.path}
                </a>
              </th>
              <td class="num">{formatBytes(file.size)}</td>
              <td class="muted">
                <Ago at={typeof file.mtime === "number" ? file.mtime * 1000 : file.mtime} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Packages({ packages }: { packages: RunDetail["packages"] }) {
  const list: [string, unknown][] = Array.isArray(packages)
    ? packages.map((line) => {
        const [name = "", version = ""] = String(line).split("==");
        return [name, version];
      })
    : Object.entries(packages ?? {});
  return list.length ? <KeyValues title="Packages" entries={list} empty="" copy={packages} /> : null;
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
