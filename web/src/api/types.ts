/** The wire's shapes of runs and what belongs to them, as the viewer sends them. Those of everything over SSH: remote-types. */

import type { WireNumber } from "../pure/format";

/** A group as the viewer sends it; those one deeper follow theirs. stats: runs with a number, mean, standard deviation. */
export interface WireGroup {
  depth: number;
  value: unknown;
  count: number;
  stats: ([number, number | string, number | string | null] | null)[];
}

export type RunState = "running" | "finished" | "failed" | "killed" | "preempted" | "unknown";

export interface Run {
  /** By which it is asked for: of a run on another machine, `SOURCE:ID`. */
  id: string;
  /** Where it is read. */
  source?: string;
  /** What the machine is called that it is read on; empty for this one. */
  place?: string;
  project: string;
  name: string;
  state: RunState;
  created_at: string;
  finished_at: string | null;
  heartbeat_at: string | null;
  duration_secs: number | null;
  tags: string[];
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
  note: string | null;
  group: string;
  job_type: string;
  archived: boolean;
  /** When it was put into the bin; null outside of it. */
  deleted_at: string | null;
  host: string | null;
  user: string | null;
  step: number | null;
  exit_reason: string | null;
  /** The values of metrics that the list was asked for, by column: `min.loss`. */
  stats?: Record<string, WireNumber>;
}

export interface MetricInfo {
  name: string;
  count: number;
  last: WireNumber;
  min: WireNumber;
  max: WireNumber;
  last_step: number | null;
}

export interface FileInfo {
  path: string;
  size: number;
  mtime: number | string | null;
}

export interface RunDetail extends Run {
  metric_definitions: MetricDefinition[];
  metrics: MetricInfo[];
  argv?: string[] | string | null;
  cwd?: string | null;
  python?: string | null;
  git?: { commit: string; dirty?: boolean; branch?: string } | null;
  pid?: number | null;
  packages?: Record<string, string> | string[] | null;
  gpus?: unknown;
  /** Where stdout and stderr went, if to files: with the output of C code and child programs. */
  output_files?: string[];
  files?: FileInfo[];
  /** How often something was left out, by its kind. */
  warnings?: Record<string, number>;
  skipped_records?: number;
}

export interface RunPatch {
  name?: string;
  tags?: string[];
  note?: string;
  archived?: boolean;
}

/** Where runs come from: this machine's root, or that of a host with an open session. as_of: when its runs were last seen. */
export interface RunSource {
  id: string;
  host: string;
  connection_id: string | null;
  root: string;
  mode: string | null;
  session_id: string | null;
  state: "ready" | "late" | "away";
  as_of: string | null;
  error: string | null;
  runs: number;
  same_as: string | null;
  /** How much the clock that its runs are recorded by is ahead of this machine's, in s; null where that is not told. */
  clock_ahead_secs: number | null;
}

export interface RunPage {
  runs: Run[];
  total: number;
  next_cursor: string | null;
  projects: { project: string; count: number }[];
  columns: { config: string[]; summary: string[]; metrics?: string[] };
  /** Null, or how far the first reading of a big storage root has come. */
  indexing?: { done: number; total: number } | null;
  /** Null, or one sentence on what keeps runs of this root from being shown. */
  problem?: string | null;
  sources?: RunSource[];
}

/** Groups, depth first, and those runs of theirs that were asked for. */
export interface RunGroups extends Omit<RunPage, "next_cursor"> {
  groups: WireGroup[];
  /** The ids of the runs of the first groups, whole ones. */
  first: string[];
}

/** What is changed about some runs; what is left out, or null, stays. */
export interface BulkChange {
  ids: readonly string[];
  add_tags?: readonly string[];
  remove_tags?: readonly string[];
  archived?: boolean | null;
  deleted?: boolean | null;
}

/** undo: what takes the changes back. */
export interface BulkAnswer {
  changed: Run[];
  failed: { run: string; code: string; detail: string }[];
  undo: BulkChange[];
}

export type XAxis = "step" | "time" | "relative";

/** What a script said of a metric, or of all whose names fit a pattern such as val/*. */
export interface MetricDefinition {
  name: string;
  step_metric: string | null;
  summary: string[];
  goal: string | null;
  hidden: boolean;
}

export interface ConsolePiece {
  text: string;
  from: number;
  to: number;
  size: number;
}

/** Where a line of the console begins: its byte, and how many lines are before it. */
export interface ConsolePlace {
  from: number;
  line: number;
}

/** A line that matches; start and end are the first match in it as a terminal shows it. */
export interface ConsoleMatch {
  offset: number;
  line: number;
  start: number;
  end: number;
}

/** total: matching lines up to `counted`, at least so many unless it is complete; lines: of the whole, up to there. */
export interface ConsoleFound {
  matches: ConsoleMatch[];
  next: ConsolePlace | null;
  total: number;
  counted: ConsolePlace;
  complete: boolean;
  unfinished: boolean;
  lines: number;
  size: number;
}

/** What begins at an offset was written at its time (ms since 1970), or up to the next one's; told up to byte `to`. */
export interface ConsoleTimes {
  kept: boolean;
  offsets: number[];
  times: number[];
  to: number;
  first: number | null;
  last: number | null;
  at: number | null;
}

/** One line of a run's events; what it holds depends on its type. */
export interface RunEvent {
  type: string;
  time?: unknown;
  step?: unknown;
  key?: unknown;
  items?: unknown;
  title?: unknown;
  text?: unknown;
  level?: unknown;
  action?: unknown;
  name?: unknown;
  version?: unknown;
}

/** One value logged besides numbers; its file lies below the run's folder. */
export interface MediaItem {
  file?: string;
  caption?: string;
  text?: string;
  width?: number;
  height?: number;
  duration_secs?: number;
  format?: string;
  rows?: number;
  edges?: unknown;
  counts?: unknown;
}

export interface EventsPiece {
  events: RunEvent[];
  from: number;
  to: number;
  size: number;
}

/** One version of an artifact. run: what the run that logged it is asked for by, and run_name what it is called. */
export interface ArtifactVersion {
  version: string;
  type: string;
  description: string;
  metadata: Record<string, unknown>;
  digest: string;
  size: number;
  file_count: number;
  created_at: string;
  run: string | null;
  run_name: string | null;
  step: number | null;
}

/** id: what it is asked for by. source: where it is read; place: what that machine is called, empty for this one. */
export interface ArtifactPlace {
  id: string;
  source: string;
  place: string;
  name: string;
}

/** aliases: which version each means, `latest` among them. */
export interface ArtifactOverview extends ArtifactPlace {
  versions: number;
  latest: ArtifactVersion;
  aliases: Record<string, string>;
}

/** Whose artifacts could not be told. host: empty for this machine. error: null where it only has not answered yet. */
export interface UnreadSource {
  source: string;
  host: string;
  error: string | null;
}

export interface ArtifactList {
  artifacts: ArtifactOverview[];
  unread: UnreadSource[];
}

/** versions: the newest first. */
export interface Artifact extends ArtifactPlace {
  versions: ArtifactVersion[];
  aliases: Record<string, string>;
}

export interface ArtifactFile {
  path: string;
  size: number;
  sha256: string;
}

export interface ArtifactFiles extends ArtifactVersion, ArtifactPlace {
  files: ArtifactFile[];
}

export interface Health {
  status: string;
  version: string;
  root: string;
  session_id: string | null;
  remote: null | {
    host: string;
    username?: string;
    target?: string;
    tunnel?: string | null;
    connector?: string | null;
    rtt_ms?: number | null;
    started_at?: number | null;
    manage_url?: string | null;
  };
}

// --- live -------------------------------------------------------------------------------------------------------

export interface LiveEventLines {
  run: string;
  file: string;
  events: RunEvent[];
  from: number;
  to: number;
}

export interface LiveRuns {
  runs: Run[];
  removed: string[];
  /** More changed than are told here. */
  more?: boolean;
}

/** Which sources there are now, and how they stand: `late` are those whose files do not answer now. */
export interface LiveSources {
  sources: { id: string; state: RunSource["state"] }[];
}

export interface LivePoints {
  run: string;
  metrics: Record<string, { step: number[]; time: number[]; value: WireNumber[] }>;
}

export interface LiveConsole {
  run: string;
  from: number;
  to: number;
  text: string;
}

/** Which of the runs asked for are not followed: those not there (yet), and those beyond the number that can be. */
export interface LiveFollowing {
  missing: string[];
  left_out: string[];
}

/** Another file lies in the place of this one, and begins anew: what was sent of it before is void. */
export interface LiveReplaced {
  run: string;
  file: string;
}

/** A part of a file that was left out because this client was too far behind. */
export interface LiveGap {
  run: string;
  file: string;
  from: number;
  to: number;
}
