/** The quiet frame around each page: one line on top, the remote strip, and how the link is. */

import { useEffect } from "preact/hooks";
import { byWhat } from "../pure/connector";
import { formatClock, formatDuration } from "../pure/format";
import { now } from "../state/clock";
import { health, isRemote, link, stale, staleSince, stream } from "../state/link";
import { themeChoice } from "../state/prefs";
import { artifactsHash, place, runsHash } from "../state/route";
import { cycleTheme } from "../state/theme";
import { Icon, Mark, type IconName } from "./icons";
import "./Frame.css";

const THEME_ICON: Record<string, IconName> = { system: "auto", light: "sun", dark: "moon" };

export function TopBar({ onSearch, onHelp }: { onSearch: () => void; onHelp: () => void }) {
  const page = place.value.page;
  return (
    <header class="top-bar">
      <a class="brand" href={runsHash()} aria-label="Runicorn, runs">
        <Mark />
        <span>Runicorn</span>
      </a>
      <nav class="top-nav" aria-label="Pages">
        <a href={runsHash()} aria-current={page === "runs" || page === "run" ? "page" : undefined}>
          Runs
        </a>
        <a href={artifactsHash()} aria-current={page === "artifacts" || page === "artifact" ? "page" : undefined}>
          Artifacts
        </a>
        {!isRemote.value && (
          <a href="#/machines" aria-current={page === "machines" ? "page" : undefined}>
            Machines
          </a>
        )}
        {!isRemote.value && (
          <a href="#/remote" aria-current={page === "remote" ? "page" : undefined}>
            Remote
          </a>
        )}
      </nav>
      <span class="spacer" />
      {/* Its words grow and shrink into the spacer: no button moves from under a finger. */}
      {!isRemote.value && <LinkState />}
      <button type="button" class="search-button" onClick={onSearch} aria-keyshortcuts="Control+K">
        <Icon name="search" size={14} />
        <span>Search or jump</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <button type="button" class="icon-button" onClick={cycleTheme} aria-label={`Theme: ${themeChoice.value}`} title={`Theme: ${themeChoice.value}`}>
        <Icon name={THEME_ICON[themeChoice.value] ?? "auto"} />
      </button>
      <button type="button" class="icon-button" onClick={onHelp} aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)">
        <Icon name="help" />
      </button>
    </header>
  );
}

/** Live, or since when not and when the next try is. */
function LinkState() {
  const state = link.value;
  if (state.kind === "refused")
    return (
      <span class="link-state refused" title={[state.error.detail, state.error.hint].filter(Boolean).join(" ")}>
        <span class="live-dot" />
        <span role="status">Not live: the viewer refused the stream ({state.error.code})</span>
        <button type="button" class="link-button" onClick={() => stream.retryNow()}>
          Retry now
        </button>
      </span>
    );
  if (!stale.value) {
    const word = state.kind === "open" ? "live" : state.kind === "paused" ? "paused" : "connecting";
    return (
      <span class={`link-state ${word}`} role="status" title={word === "live" ? "New data appears by itself" : undefined}>
        <span class="live-dot" />
        {word}
      </span>
    );
  }
  const wait = state.kind === "waiting" ? Math.max(0, Math.ceil((state.retryAt - now.value) / 1000)) : 0;
  return (
    <span class="link-state stale">
      <span class="live-dot" />
      <span role="status">No answer since {formatClock(staleSince.value!)}</span>
      <span class="num">{wait > 0 ? `next try in ${wait} s` : "trying now"}</span>
      <button type="button" class="link-button" onClick={() => stream.retryNow()}>
        Retry now
      </button>
    </span>
  );
}

/** Where this page's data comes from, on a viewer that runs on a server. */
export function RemoteStrip() {
  const info = health.value;
  const remote = info?.remote;
  if (!remote) return null;
  const target = remote.target || (remote.username ? `${remote.username}@${remote.host}` : remote.host);
  const since = remote.started_at ? (now.value - remote.started_at) / 1000 : null;
  return (
    <div class={`remote-strip${stale.value ? " stale" : ""}`} role="region" aria-label="Remote server">
      <Icon name="server" size={14} />
      <strong title={target}>{remote.host}</strong>
      <Part title="Storage root on the server">
        <span class="mono">{info.root}</span>
      </Part>
      {since !== null && <Part>running {formatDuration(Math.floor(since))}</Part>}
      {remote.tunnel && <Part title="What carries the connection">{[remote.tunnel, byWhat(remote.connector)].filter(Boolean).join(", ")}</Part>}
      {typeof remote.rtt_ms === "number" && (
        <Part title="Round trip">
          <span class="num">{Math.round(remote.rtt_ms)} ms</span>
        </Part>
      )}
      <span class="spacer" />
      <LinkState />
      {remote.manage_url && (
        <a class="strip-link" href={remote.manage_url}>
          Manage
        </a>
      )}
    </div>
  );
}

const Part = ({ title, children }: { title?: string; children: preact.ComponentChildren }) => (
  <span class="strip-part" title={title}>
    {children}
  </span>
);

const STATE_SIGNS: Record<string, string> = { running: "▶", finished: "✓", failed: "✗", killed: "■", preempted: "‖", unknown: "?" };

/** Keep the window's title and its icon in step with what is shown. */
export function useTitle(title: string, state: string | null, running: boolean): void {
  useEffect(() => {
    const sign = state ? `${STATE_SIGNS[state] ?? ""} ` : "";
    document.title = title ? `${sign}${title} · Runicorn` : "Runicorn";
  }, [title, state]);
  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (!icon) return;
    const wanted = icon.href.replace(/favicon(-running)?\.svg/, running ? "favicon-running.svg" : "favicon.svg");
    if (icon.href !== wanted) icon.href = wanted;
  }, [running]);
}
