/** Where can I start, and who is where: the GPUs, disks, memory and jobs of this machine and of those that are connected. */

import { useEffect } from "preact/hooks";
import type { Gpu, GpuProcess, Job, Machine } from "../api/machines";
import { Delayed, EmptyState, ErrorState, TableBones } from "../components/basics";
import { Icon } from "../components/icons";
import { NodeFolders } from "../components/NodeFolders";
import { formatBytes, formatDuration, formatMemory, formatNumber, plural } from "../pure/format";
import { sparkline, standingOf, standingOfPart, timeLeft, whereToStart } from "../pure/machines";
import { clockText } from "../pure/places";
import { askMachines, lookAtMachines, machines, machinesError } from "../state/machines";
import { runHash } from "../state/route";
import "./MachinesPage.css";

export function MachinesPage() {
  useEffect(lookAtMachines, []);
  const all = machines.value;
  const error = machinesError.value;
  return (
    <main class="machines-page">
      <h1 class="visually-hidden">Machines</h1>
      {!all && error ? (
        <ErrorState error={error} onRetry={askMachines} />
      ) : !all ? (
        <Delayed>
          <TableBones rows={8} widths={[120, 200, 90, 90]} />
        </Delayed>
      ) : !all.length ? (
        <EmptyState title="Nothing is known of machines here">
          <p>This viewer has no remote support.</p>
        </EmptyState>
      ) : (
        <>
          <p class="where-to-start" role="status">
            <strong>Where can I start?</strong> {whereToStart(all)}
          </p>
          {all.map((machine) => (
            <MachineCard key={machine.id} machine={machine} />
          ))}
          {all.length === 1 && (
            <p class="muted machines-hint">
              Hosts stand here once they are connected: choose one <a href="#/remote">at Remote</a>, or among the runs at the left.
            </p>
          )}
        </>
      )}
    </main>
  );
}

function MachineCard({ machine }: { machine: Machine }) {
  const { host, node, state, error, gpus, gpus_error: gpusError, disks_error: disksError, jobs_error: jobsError } = machine;
  const name = node ?? (host || "This machine");
  const clock = clockText(machine.clock_ahead_secs);
  return (
    <section class={`machine${state === "away" ? " away" : ""}`} aria-label={name}>
      <header class="machine-head">
        <h2>
          <span class={`dot ${state === "away" ? "dot-failed" : state === "ready" ? "dot-ok" : "dot-starting"}`} />
          {name}
        </h2>
        {node !== null && (
          <span class="muted">
            through job <span class="num">{machine.node_job}</span> on {host || "this machine"}
          </span>
        )}
        {gpus.length > 0 && (
          <span class={machine.free_gpus + machine.free_parts ? "machine-free" : "muted"}>
            <span class="num">{machine.free_gpus}</span> of {plural(gpus.length, "GPU")}
            {machine.free_parts > 0 && (
              <>
                {" and "}
                <span class="num">{machine.free_parts}</span> {machine.free_parts === 1 ? "part" : "parts"}
              </>
            )}{" "}
            free
          </span>
        )}
        <Room machine={machine} />
        {state !== "ready" && machine.age_secs !== null && <span class="muted">as of {formatDuration(Math.round(machine.age_secs))} ago</span>}
      </header>
      {error && <Trouble text={error} />}
      {gpusError && <Trouble text={gpusError} />}
      {disksError && <Trouble text={disksError} />}
      {clock && <Trouble text={`Its clock is ${clock}.`} />}
      {gpus.length > 0 ? (
        <ul class="gpus">
          {gpus.map((gpu) => (
            <GpuRow key={gpu.id || gpu.index} gpu={gpu} />
          ))}
        </ul>
      ) : (
        state === "ready" && !gpusError && <p class="muted machine-none">No GPU is known here.</p>
      )}
      {jobsError && <Trouble text={jobsError} />}
      {machine.jobs && machine.jobs.length > 0 && <Jobs jobs={machine.jobs} />}
      {node !== null && <NodeFolders machine={machine} />}
    </section>
  );
}

function Room({ machine }: { machine: Machine }) {
  const { load, cpus, usable_cpus: usable, memory_available: available, memory_total: total, disks } = machine;
  return (
    <span class="machine-room">
      {load && (
        <span title={`Load of 1, 5 and 15 minutes: ${load.map((one) => one.toFixed(2)).join(", ")}`}>
          load <span class="num">{load[0]!.toFixed(1)}</span>
          {cpus !== null && <span class="muted"> of {usable !== null && usable < cpus ? `${usable} of ${cpus}` : cpus} cores</span>}
        </span>
      )}
      {available !== null && total !== null && (
        <span title="Memory that programs can still have">
          memory <span class="num">{formatMemory(available)}</span>
          <span class="muted"> of {formatMemory(total)} free</span>
        </span>
      )}
      {disks.map((disk) => (
        <span key={disk.root} title={disk.root} class={disk.total && disk.free !== null && disk.free / disk.total < 0.05 ? "scarce" : ""}>
          disk{" "}
          {disk.free === null ? (
            <span class="muted">{disk.error}</span>
          ) : (
            <>
              <span class="num">{formatBytes(disk.free)}</span>
              <span class="muted"> of {formatBytes(disk.total)} free</span>
            </>
          )}{" "}
          <span class="mono muted disk-root">{disk.root}</span>
        </span>
      ))}
    </span>
  );
}

const WIDTH = 120;
const HEIGHT = 20;

function GpuRow({ gpu }: { gpu: Gpu }) {
  const standing = standingOf(gpu);
  const part = gpu.memory_used !== null && gpu.memory_total ? gpu.memory_used / gpu.memory_total : null;
  return (
    <li class={`gpu gpu-${standing.kind}`} aria-label={`GPU ${gpu.index}`}>
      <span class="gpu-name" title={`${gpu.name} ${gpu.id}`}>
        <span class="num gpu-index">{gpu.index}</span> <span class="ellipsis">{gpu.name}</span>
      </span>
      <svg class="gpu-spark" width={WIDTH} height={HEIGHT} viewBox={`0 -1 ${WIDTH} ${HEIGHT + 2}`} role="img" aria-label="How busy it was in the last hour">
        <path d={sparkline(gpu.history, WIDTH, HEIGHT)} />
      </svg>
      <span class="gpu-busy num" title="How much of the time something ran on it">
        {gpu.busy_percent === null ? <span class="muted">n/a</span> : `${formatNumber(gpu.busy_percent)} %`}
      </span>
      <span class="gpu-memory">
        <span class="bar" aria-hidden="true">
          <span style={{ width: `${100 * (part ?? 0)}%` }} />
        </span>
        <span class="num">
          {formatMemory(gpu.memory_used)} <span class="muted">of {formatMemory(gpu.memory_total)}</span>
        </span>
      </span>
      <span class="gpu-heat num muted">
        {gpu.temperature_c !== null && `${formatNumber(gpu.temperature_c)} °C`}
        {gpu.power_w !== null && ` ${Math.round(gpu.power_w)} W`}
      </span>
      <span class="gpu-who">
        {standing.text && <span class={`gpu-standing ${standing.kind}`}>{standing.text}</span>}
        {gpu.processes?.map((one) => <Who key={one.pid} process={one} />)}
      </span>
      {gpu.parts && gpu.parts.length > 0 && (
        <ul class="gpu-parts">
          {gpu.parts.map((one, at) => (
            <li key={one.id + at} class="muted">
              {one.name || "instance"} · <span class="num">{formatMemory(one.memory_used)}</span> of {formatMemory(one.memory_total)}
              {" · "}
              <span class={one.free ? "gpu-standing free" : ""}>{standingOfPart(one)}</span>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function Who({ process }: { process: GpuProcess }) {
  const memory = process.memory === null ? "" : `, ${formatMemory(process.memory)}`;
  return (
    <span class="gpu-process" title={`process ${process.pid}${process.name ? `, ${process.name}` : ""}${memory}`}>
      {process.user ?? <span class="muted">hidden</span>}
      {process.run ? (
        <a class="ellipsis" href={runHash(process.run)}>
          {process.run_name}
        </a>
      ) : (
        <span class="muted ellipsis">{process.name || `pid ${process.pid}`}</span>
      )}
    </span>
  );
}

function Jobs({ jobs }: { jobs: readonly Job[] }) {
  return (
    <table class="jobs">
      <caption>Your Slurm jobs</caption>
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">State</th>
          <th scope="col">Node</th>
          <th scope="col">Left</th>
          <th scope="col">Run</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.id}>
            <td>
              <span class="num">{job.id}</span> {job.name}
            </td>
            <td>{job.state.toLowerCase()}</td>
            <td>{job.nodes || <span class="muted">none yet</span>}</td>
            <td class="num">{timeLeft(job.left)}</td>
            <td>{job.run ? <a href={runHash(job.run)}>{job.run_name}</a> : ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const Trouble = ({ text }: { text: string }) => (
  <p class="machine-trouble">
    <Icon name="warning" size={14} /> {text}
  </p>
);
