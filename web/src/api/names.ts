/** What people call servers, and what the viewer says that it means. */

import { request, SLOW_TIMEOUT_MS } from "./client";

/** One server on the way; the last one is the host itself, as it is dialled. */
export interface Hop {
  host: string;
  port: number;
  username: string;
}

/** What a person typed for a server, as their own ssh config has it. */
export interface Meant extends Hop {
  connection_id: string;
  private_key_path: string | null;
  jumps: string[] | null;
  hops: Hop[];
  proxy_command: string | null;
  resolved_by: string | null;
}

/** The names that the person's ssh config has. */
export const sshNames = () => request<{ names: string[] }>("GET", "/api/remote/names");

/** What a text means that was typed for a server; nothing is sent to anybody. */
export const resolve = (typed: string, signal?: AbortSignal) => request<Meant>("POST", "/api/remote/resolve", { body: { typed }, signal, timeoutMs: SLOW_TIMEOUT_MS });
