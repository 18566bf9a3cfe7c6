/** What is known of one run: its configuration and results, its surroundings, its files, and what it raised alarm for. */

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { fileUrl } from "../api/client";
import type { RunDetail } from "../api/types";
import { isSystem } from "../pure/metrics";
import { flatten } from "../pure/columns";
import { formatBytes, formatCount, formatNumber, formatTime, formatValue, fromWire, plural } from "../pure/format";
import { alertsOf } from "../pure/media";
import { EventsView } from "../state/events";
import { runHash } from "../state/route";
import { Ago, Code, CopyButton } from "./basics";
import { Icon } from "./icons";
import { eventFiles } from "./media/MediaPane";

export function RunOverview({ run }: { run: RunDetail }) {
  const config = flatten(run.config ?? {});
  const metricNames = new Set(run.metrics.map((metric) => metric.name));
  const own = flatten(run.summary ?? {}).filter(([name]) => !metricNames.has(name));
  return (
    <div class="overview">
      <div class="overview-column">
        <Alerts run={run} />
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

function Alerts({ run }: { run: RunDetail }) {
  const view = useMemo(() => new EventsView(run.id), [run.id]);
  useEffect(() => view.open(eventFiles(run)), [view]);
  const alerts = useMemo(() => alertsOf(view.events.value), [view.events.value]);
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
  const metrics = run.metrics.filter((metric) => !isSystem(metric.name)).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
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
    ["Group", run.group],
    ["Job type", run.job_type],
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
