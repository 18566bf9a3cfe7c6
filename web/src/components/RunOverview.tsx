/** What is known of one run: its configuration and results, its surroundings, its files, and what it raised alarm for. */

import { addressIn, LOCAL } from "../pure/address";
import { byName } from "../pure/order";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { fileUrl } from "../api/client";
import type { RunDetail, RunEvent } from "../api/types";
import { artifactsOf, type ArtifactUse } from "../pure/artifacts";
import { isSystem } from "../pure/metrics";
import { flatten } from "../pure/columns";
import { formatBytes, formatCount, formatDistinct, formatExact, formatMemory, formatNumber, formatTime, fromWire, plural } from "../pure/format";
import { gpusOfRun, nameOf } from "../pure/machines";
import { alertsOf, eventFiles } from "../pure/media";
import { EventsView } from "../state/events";
import { isRemote } from "../state/link";
import { lookAtMachines, machines } from "../state/machines";
import { artifactHash, runHash } from "../state/route";
import { clocks } from "../state/sources";
import { Ago, CopyButton } from "./basics";
import { Icon } from "./icons";
import { KeyValues } from "./KeyValues";

export function RunOverview({ run }: { run: RunDetail }) {
  const config = flatten(run.config ?? {});
  const metricNames = new Set(run.metrics.map((metric) => metric.name));
  const view = useMemo(() => new EventsView(run.id), [run.id]);
  useEffect(() => view.open(eventFiles(run)), [view]);
  const own = flatten(run.summary ?? {}).filter(([name]) => !metricNames.has(name));
  return (
    <div class="overview">
      <div class="overview-column">
        <Alerts events={view.events.value} />
        <KeyValues title="Config" entries={config} empty="The script set no config." copy={run.config} code={'rn.init(config={"lr": 0.01})'} />
        {own.length > 0 && <KeyValues title="Summary" entries={own} empty="" copy={run.summary} />}
        <MetricsTable run={run} />
      </div>
      <div class="overview-column">
        <Metadata run={run} events={view.events.value} />
        {run.state === "running" && <RunGpus id={run.id} />}
        <Files run={run} />
        <Packages packages={run.packages} />
      </div>
    </div>
  );
}

/** The GPUs that the run is on now, by its processes. */
function RunGpus({ id }: { id: string }) {
  useEffect(() => (isRemote.value ? undefined : lookAtMachines()), []);
  const found = gpusOfRun(machines.value ?? [], id);
  if (!found.length) return null;
  return (
    <section class="panel" aria-label="GPUs">
      <div class="panel-head">
        <h2>GPUs</h2>
        <a href="#/machines">all machines</a>
      </div>
      <ul class="run-gpus">
        {found.map(({ machine, gpu, memory }) => (
          <li key={machine.id + gpu.id}>
            <span class="num">{gpu.index}</span> {gpu.name} on {nameOf(machine)}
            <span class="num muted">
              {gpu.busy_percent !== null && ` · ${formatNumber(gpu.busy_percent)} % busy`} · {formatMemory(memory ?? gpu.memory_used)} of {formatMemory(gpu.memory_total)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Alerts({ events }: { events: readonly RunEvent[] }) {
  const alerts = useMemo(() => alertsOf(events), [events]);
  if (!alerts.length) return null;
  return (
    <section class="panel" aria-label="Alerts">
      <div class="panel-head">
        <h2>Alerts</h2>
        <span class="count num">{alerts.length}</span>
      </div>
      <ul class="alerts">
        {alerts.slice(0, 50).map((alert, at) => (
          <li key={at} class={`alert-${alert.level}`}>
            <Icon name="warning" size={14} />
            <div>
              <p>
                <b>{alert.title}</b> {alert.text}
              </p>
              <p class="muted num">
                {alert.level}
                {alert.step !== null && ` · step ${formatCount(alert.step)}`} · <Ago at={alert.time} />
              </p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function MetricsTable({ run }: { run: RunDetail }) {
  const metrics = run.metrics.filter((metric) => !isSystem(metric.name)).sort((a, b) => byName(a.name, b.name));
  const texts = formatDistinct(metrics.flatMap((metric) => [metric.last, metric.min, metric.max].map(fromWire)).filter((value) => value !== undefined));
  const cell = (value: Parameters<typeof fromWire>[0]) => {
    const number = fromWire(value);
    if (number === undefined) return <td class="num">–</td>;
    return (
      <td class={`num${Number.isNaN(number) ? " bad" : ""}`} title={formatExact(number)}>
        {texts.get(number)}
      </td>
    );
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

function Metadata({ run, events }: { run: RunDetail; events: readonly RunEvent[] }) {
  const { logged, used } = useMemo(() => artifactsOf(events), [events]);
  const command = Array.isArray(run.argv) ? run.argv.map(quote).join(" ") : (run.argv ?? "");
  const clock = clocks.value.get(run.source ?? LOCAL);
  const gpus = describeGpus(run.gpus);
  const rows: [string, ComponentChildren][] = [
    ["Created", formatTime(Date.parse(run.created_at))],
    ["Finished", run.finished_at ? formatTime(Date.parse(run.finished_at)) : null],
    ["Last sign of life", run.state === "running" && run.heartbeat_at ? <Ago at={run.heartbeat_at} precise /> : null],
    ["Clock", clock && `${clock.host}'s, ${clock.text}`],
    ["Group", run.group],
    ["Job type", run.job_type],
    ["Read on", run.place],
    ["Host", run.host],
    ["User", run.user],
    ["Process", run.pid ? <span class="num">{run.pid}</span> : null],
    ["Python", run.python],
    ["GPUs", gpus],
    ["Folder", run.cwd ? <PathLine text={run.cwd} label="Copy the folder" /> : null],
    ["Command", command ? <PathLine text={command} label="Copy the command" /> : null],
    ...(run.output_files ?? []).map((path): [string, ComponentChildren] => [
      "All output",
      <PathLine text={path} label="Copy the path" />,
    ]),
    ["Commit", run.git ? <PathLine text={run.git.commit} label="Copy the commit" /> : null],
    ["Logged artifacts", versionLinks(run, logged)],
    ["Used artifacts", versionLinks(run, used)],
  ];
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>Metadata</h2>
      </div>
      <table class="kv meta">
        <tbody>
          {rows
            .filter(([, value]) => value)
            .map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
        </tbody>
      </table>
      {run.skipped_records ? <p class="panel-note warn-text">{plural(run.skipped_records, "damaged record")} passed over while reading.</p> : null}
      {Object.entries(run.warnings ?? {}).map(([kind, count]) => (
        <p key={kind} class="panel-note warn-text">
          Left out: {kind.replaceAll("-", " ")}, {plural(count, "time")}.
        </p>
      ))}
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

const MAX_VERSIONS = 50;

/** The newest of these versions of the run's own source, and how many there are before; nothing where there are none. */
const versionLinks = ({ source }: RunDetail, versions: readonly ArtifactUse[]): ComponentChildren =>
  versions.length > 0 && (
    <span class="artifact-links">
      {versions.slice(-MAX_VERSIONS).map(({ name, version }) => (
        <a key={`${name} ${version}`} class="mono" href={artifactHash(addressIn(source, name), version)}>
          {name}:{version}
        </a>
      ))}
      {versions.length > MAX_VERSIONS && <span class="muted">and {versions.length - MAX_VERSIONS} before</span>}
    </span>
  );

function Packages({ packages }: { packages: RunDetail["packages"] }) {
  const list: [string, unknown][] = Array.isArray(packages)
    ? packages.map((line) => {
        const [name = "", version = ""] = String(line).split("==");
        return [name, version];
      })
    : Object.entries(packages ?? {});
  return list.length ? <KeyValues title="Packages" entries={list} empty="" copy={packages} /> : null;
}
