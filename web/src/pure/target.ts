/** `user@host:port` as a person types it: parse, complain, print. Pure. */

export interface Target {
  username: string;
  host: string;
  port: number;
}

export type ParsedTarget = { ok: true; target: Target } | { ok: false; reason: string };

const wrong = (reason: string): ParsedTarget => ({ ok: false, reason });

/** Parse `user@host`, `user@host:port`, `user@[v6]:port`, `user@v6` or `ssh://user@host:port`. */
export function parseTarget(text: string): ParsedTarget {
  let rest = text.trim().replace(/^ssh:\/\//i, "").replace(/\/$/, "").replace(/^ssh\s+/, "");
  if (!rest) return wrong("Type the server as user@host, or user@host:port.");
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(rest)) return wrong("A server's name is one line.");
  const at = rest.lastIndexOf("@");
  if (at < 0) return wrong("The user name is missing: type user@host.");
  const username = rest.slice(0, at);
  rest = rest.slice(at + 1);
  if (!username) return wrong("The user name before the @ is missing.");
  if (/\s/.test(rest) || /^\s|\s$/.test(username)) return wrong("A host holds no blanks.");
  if (username.startsWith("-")) return wrong("A user name does not start with a dash.");
  const split = splitPort(rest);
  if (typeof split === "string") return wrong(split);
  const { host, port } = split;
  if (!host) return wrong("The host after the @ is missing.");
  if (host.startsWith("-")) return wrong("A host does not start with a dash.");
  return { ok: true, target: { username, host, port } };
}

function splitPort(text: string): { host: string; port: number } | string {
  if (text.startsWith("[")) {
    const close = text.indexOf("]");
    if (close < 0) return "The closing ] of the IPv6 address is missing.";
    const host = text.slice(1, close);
    const tail = text.slice(close + 1);
    if (!/^[0-9a-fA-F:.]+(%[\w.-]+)?$/.test(host)) return "Between [ and ] stands an IPv6 address.";
    if (tail === "") return { host, port: 22 };
    if (!tail.startsWith(":")) return "After ] comes :port, or nothing.";
    const port = parsePort(tail.slice(1));
    return port === null ? PORT_REASON : { host, port };
  }
  const colons = text.split(":").length - 1;
  if (colons === 0) return { host: text, port: 22 };
  if (colons > 1) return { host: text, port: 22 }; // a bare IPv6 address; a port would need brackets
  const [host = "", digits = ""] = text.split(":");
  const port = parsePort(digits);
  return port === null ? PORT_REASON : { host, port };
}

export const PORT_REASON = "A port is a number from 1 to 65535.";

/** Return the port that `text` names, or null if it names none. */
export function parsePort(text: string): number | null {
  if (!/^\d{1,5}$/.test(text.trim())) return null;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : null;
}

const bracketed = (host: string) => (host.includes(":") ? `[${host}]` : host);

/** Return `user@host`, with the port where it is not 22. */
export function formatTarget({ username, host, port }: Target): string {
  return `${username}@${bracketed(host)}${port === 22 ? "" : `:${port}`}`;
}

/** Return the way to a server in words, "via login.hpc as alice, then gpu-7 as alice". */
export function wayInWords(hops: readonly { host: string; username: string }[], command: string | null): string {
  const named = hops.map(({ host, username }) => `${host} as ${username}`);
  const steps = [...(command ? [`by ${command.split(" ")[0]}`] : []), ...named.slice(0, -1).map((one) => `via ${one}`)];
  const last = named.at(-1) ?? "";
  return steps.length ? `${steps.join(", ")}, then ${last}` : last;
}

/** Whether `id` (as the viewer names a connection) means this target. */
export function sameTarget(id: string, { username, host, port }: Target): boolean {
  return id === `${username}@${host}:${port}` || id === `${username}@${bracketed(host)}:${port}`;
}
