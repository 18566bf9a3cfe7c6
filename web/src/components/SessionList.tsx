/** The sessions: what each shows and carries, and what can be done about it. */

import { useState } from "preact/hooks";
import "./SessionList.css";
import { stopViewer } from "../api/remote";
import type { Session } from "../api/remote-types";
import { Icon } from "./icons";
import { useKeptFocus } from "./keptFocus";
import { SessionLog } from "./SessionLog";
import { HostDot } from "./SidebarHosts";
import { byWhat, connectorSentence } from "../pure/connector";
import { formatDuration } from "../pure/format";
import { now } from "../state/clock";
import { begin, emptyLogin, flow, leaveFor, openHost } from "../state/remote/flow";
import { hostLabel, isSame, savedFor } from "../state/remote/hosts";
import { questionOf, stateOfSession } from "../state/remote/places";
import { showQuestion } from "../state/remote/questions";
import { fallbacksOf, lookAtLink, sessions } from "../state/remote/status";
import { toast, toastError } from "../state/toasts";
import { PathEnd } from "./PathEnd";

export function SessionList() {
  const list = sessions.value;
  if (!list.length) return null;
  return (
    <section class="remote-section" aria-label="Sessions">
      <header>
        <h2>Sessions</h2>
        <span class="count num">{list.length}</span>
      </header>
      {list.map((session) => (
        <SessionRow key={session.sessionId} session={session} />
      ))}
    </section>
  );
}

/** Whether the page is this viewer's own, and only files are read over there. */
const isServedHere = (session: Session): boolean => session.mode === "agent" || session.mode === "sftp";

function SessionRow({ session }: { session: Session }) {
  const [open, setOpen] = useState(session.status === "failed");
  const [stopping, setStopping] = useState(false);
  const target = { username: session.username, host: session.host, port: session.sshPort };
  const state = stateOfSession(session, target);
  const question = state === "asks" ? questionOf(target) : undefined;
  const passedOver = fallbacksOf(session.fallbacks);
  const reasons = passedOver.map((one) => (one.backend ? `${one.backend}: ${one.reason}` : one.reason)).join("\n");
  const way = byWhat(session.connector);
  const carried = connectorSentence(session.connector, session.connectorReason);
  const alive = session.status === "running" || session.status === "reconnecting" || session.status === "starting";
  const uptime = session.startedAt && alive ? (now.value - session.startedAt) / 1000 : session.uptimeSeconds;
  const error = typeof session.error === "string" ? session.error : session.error ? [session.error.message, session.error.code].filter(Boolean).join(" · ") : null;
  // A failed start shows its log until the person decides otherwise: here, or beside its stages while those are on show.
  const [logChoice, setLogChoice] = useState<boolean | null>(null);
  const beside = flow.value !== null && isSame(flow.value.target, target);
  const logOpen = logChoice ?? (session.status === "failed" && !beside);
  const row = useKeptFocus<HTMLDivElement>();
  const stop = () => {
    if (stopping) return;
    setStopping(true);
    stopViewer(session.sessionId)
      .then(() => toast(`Stopped the viewer on ${label}.`), toastError)
      .finally(() => setStopping(false));
  };
  const url = safeUrl(session.url);
  const known = savedFor(target);
  const logIn = () => (known ? openHost(known) : begin(target, emptyLogin()));
  const host = known ? hostLabel(known) : session.host;
  const label = session.node ? `${session.node} through ${host}` : host;
  return (
    <div ref={row} class="session-row" role="group" tabIndex={-1} aria-label={`Session on ${label}`} data-status={session.status}>
      <HostDot state={state} />
      <span class="two-lines">
        <strong class="ellipsis">{label}</strong>
        <small class="ellipsis">
          {question ? `${question.hop} asks you` : state === "asks" ? "waits for you to log in" : session.status}
          {state !== "asks" && session.status === "reconnecting" && session.linkLostAt ? ` for ${formatDuration((now.value - session.linkLostAt) / 1000)}` : ""}
          {session.reconnects > 0 ? `, reconnected ${session.reconnects} ×` : ""}
          {session.status === "running" && way && `, ${way}`}
        </small>
      </span>
      <span class="two-lines">
        <PathEnd path={session.remoteRoot} />
        <small class="ellipsis">
          {isServedHere(session) ? session.mode : (session.condaEnv ?? "")}
          {session.runicornVersion ? ` · runicorn ${session.runicornVersion}` : ""}
        </small>
      </span>
      <span class="two-lines">
        <span class="ellipsis" title={reasons ? `Passed over:\n${reasons}` : "What carries the connection"}>
          {isServedHere(session) ? "no tunnel" : (session.tunnelBackend ?? "–")}
          {passedOver.length > 0 && <span class="warn-text"> *</span>}
        </span>
        <small class="num">{session.localPort ? `port ${session.localPort}` : ""}</small>
      </span>
      <span class="muted num" title="Running for">
        {formatDuration(uptime)}
      </span>
      <span class="row-actions">
        {url && session.status === "running" && (
          <a class="button small" href={url} onClick={(event) => (event.preventDefault(), leaveFor(url))}>
            Open
          </a>
        )}
        {question && (
          <button type="button" class="button small primary" title={`Answer what ${question.hop} asks`} onClick={() => showQuestion(question.id)}>
            Answer
          </button>
        )}
        {state === "asks" && !question && (
          <>
            <button type="button" class="button small primary" title="Log in to this host; the session then comes back on its address" onClick={logIn}>
              Log in
            </button>
            <button type="button" class="button small" title="Repeat the login as it was, once" onClick={() => void lookAtLink(session.sessionId, true)}>
              Try again
            </button>
          </>
        )}
        {state === "reconnecting" && (
          <button type="button" class="button small" title="Do not wait for the next attempt" onClick={() => void lookAtLink(session.sessionId)}>
            Try now
          </button>
        )}
        {alive && (
          <button type="button" class="button small" aria-disabled={stopping} onClick={stop}>
            Stop
          </button>
        )}
        <button type="button" class={`button small${logOpen ? " pressed" : ""}`} aria-expanded={logOpen} onClick={() => setLogChoice(!logOpen)}>
          Log
        </button>
        <button type="button" class="icon-button" aria-expanded={open} aria-label="Details" title="Details" onClick={() => setOpen(!open)}>
          <Icon name={open ? "chevronDown" : "chevronRight"} size={14} />
        </button>
      </span>
      {(open || error || logOpen) && (
        <div class="session-more">
          {error && <p class="session-error">{error}</p>}
          {open && (
            <>
              {url && alive && (
                <p>
                  <a href={url}>{url}</a>
                  {session.remotePid ? <span class="muted"> · process {session.remotePid} on the server</span> : null}
                  {session.remotePort ? <span class="muted"> · its port {session.remotePort}</span> : null}
                </p>
              )}
              {carried && <p class="muted">{carried}</p>}
              {passedOver.map((one) => (
                <p key={one.backend} class="muted">
                  {one.backend && <strong>{one.backend}</strong>} passed over: {one.reason}
                </p>
              ))}
            </>
          )}
          {logOpen && <SessionLog session={session} label={`Log of the session on ${label}`} />}
        </div>
      )}
    </div>
  );
}

/** Return the address if it is one of this machine's, else null. */
function safeUrl(url: string): string | null {
  return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/.test(url ?? "") ? url : null;
}
