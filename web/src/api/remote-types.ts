/** The wire's shapes of everything over SSH, as the viewer sends them: connections, sessions, keys, files there. */

import type { Question } from "./questions";
import type { SessionStatus } from "./session-states";

export interface Connection {
  key: string;
  host: string;
  port: number;
  username: string;
  connected: boolean;
}

export interface Session {
  sessionId: string;
  localPort: number | null;
  remotePort: number | null;
  remoteRoot: string;
  status: SessionStatus;
  url: string;
  host: string;
  sshPort: number;
  username: string;
  connectionId: string;
  /** The node of a job behind the host on which the folder lies, and that job. */
  node?: string | null;
  nodeJob?: string | null;
  condaEnv: string | null;
  remotePid: number | null;
  startedAt: number | null;
  uptimeSeconds: number | null;
  isActive: boolean;
  /** What carries its connection: "paramiko" or "ssh". */
  connector?: string | null;
  /** Why it is "ssh". */
  connectorReason?: string | null;
  /** What reads over there; null until that is known. */
  mode?: "viewer" | "agent" | "sftp" | null;
  tunnelBackend: string | null;
  fallbacks: unknown;
  runicornVersion: string | null;
  error: null | string | { code?: string; message?: string };
  /** It waits for somebody to connect, or to ask for its login to be repeated. */
  needsPerson?: boolean;
  reconnects: number;
  linkLostAt: number | null;
  /** How many lines its log has had; a change tells that there are new ones. */
  logNext?: number;
}

/** at: ms since 1970. */
export interface LogLine {
  at: number;
  text: string;
}

export interface SessionLogPiece {
  session_id: string;
  lines: LogLine[];
  next: number;
}

export type StageState = "pending" | "running" | "done" | "failed" | "skipped";

export interface Stage {
  name: string;
  state: StageState;
  secs: number | null;
  detail: string | null;
}

export interface Progress {
  connectionId: string;
  stages: Stage[];
  error: null | { code: string; detail: unknown; hint?: string };
  log: string[];
}

export interface RemoteStatus {
  connections: Connection[];
  viewer_sessions: Session[];
  /** Those that ended, until the next start on their host. */
  ended_sessions?: Session[];
  connection_count: number;
  viewer_session_count: number;
  progress?: Progress[];
  questions?: Question[];
}

/** A folder of a server that holds runs. kind: `runicorn` or `tensorboard`. */
export interface StorageCandidate {
  path: string;
  kind: string;
  runs: number;
}

export interface Credentials {
  password?: string | null;
  private_key?: string | null;
  private_key_path?: string | null;
  passphrase?: string | null;
  use_agent?: boolean;
  /** The hosts on the way, first one first; [] for none, null where the person's ssh config has the say. */
  jumps?: string[] | null;
}

export interface ConnectBody extends Credentials {
  /** The id of the attempt, to give it up by. */
  attempt: string;
  /** The server's questions are answered in this page. */
  interactive: boolean;
  host: string;
  port: number;
  username: string;
}

/** What is to read over there; see docs/reference/modes.md. */
export type Mode = "auto" | "viewer" | "agent" | "sftp";

export interface StartBody extends ConnectBody {
  remote_root: string;
  local_port: number | null;
  remote_port: number | null;
  conda_env: string | null;
  mode: Mode;
  node?: string;
  node_job?: string;
}

export interface HostKey {
  host: string;
  port: number;
  known_hosts_host: string;
  key_type: string;
  fingerprint_sha256: string;
  public_key: string;
  reason: "unknown" | "changed" | string;
  expected_fingerprint_sha256?: string | null;
  expected_public_key?: string | null;
  /** The file of the person's own that holds this very key for this host. */
  known_in?: string;
  /** The authority in that file that certified the key, where the file does not hold the key itself. */
  certified_by?: { key_type: string; fingerprint_sha256: string; key_id: string };
  /** The one that holds another key for it. */
  contradicted_in?: string;
}

export interface KnownHost {
  host: string;
  port: number;
  known_hosts_host: string;
  key_type: string;
  key_base64: string;
  fingerprint_sha256: string;
}

export interface Environment {
  name: string;
  type: string;
  python_version: string | null;
  path: string;
  is_default: boolean;
  runicorn_version: string | null;
  error: string | null;
}

export interface RemoteConfig {
  condaEnv: string;
  pythonVersion: string | null;
  runicornVersion: string | null;
  defaultStorageRoot: string;
  storageRootExists: boolean;
  suggestedRemotePort: number | null;
  connectionId: string;
}

/** A connection as it is kept; fields that this page does not know are carried along untouched. */
export interface SavedConnection {
  name?: string;
  host: string;
  port: number;
  username: string;
  authMethod?: string;
  privateKeyPath?: string | null;
  remoteRoot?: string | null;
  condaEnv?: string | null;
  localPort?: number | null;
  remotePort?: number | null;
  jumps?: string[] | null;
  /** "agent" or "sftp" where the folder was read by that. */
  mode?: string | null;
  lastUsedAt?: number | null;
  [other: string]: unknown;
}

export interface RemoteItem {
  name: string;
  is_dir: boolean;
  size: number | null;
  mtime: number | null;
}

export interface RemoteListing {
  path: string;
  items: RemoteItem[];
  truncated: boolean;
}
