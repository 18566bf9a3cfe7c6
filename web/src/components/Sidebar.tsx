/** Left of everything: projects as a tree with their counts, and below them the saved hosts. */

import { useEffect, useMemo } from "preact/hooks";
import { formatCount } from "../pure/format";
import type { SavedConnection } from "../api/remote-types";
import type { RunSource } from "../api/types";
import { wordOrQuoted } from "../pure/filterTerms";
import { awayText, PLACE_WORDS, type PlaceState } from "../pure/places";
import { formatTarget } from "../pure/target";
import { projectTree, visibleNodes } from "../pure/tree";
import { foldedProjects } from "../state/prefs";
import { goingTo } from "../state/remote/going";
import { isUnderWay, joiningOf, type Joining } from "../state/remote/joining";
import { connectHost, connectHosts, giveUpHost, goToHost } from "../state/remote/opening";
import { hostLabel, hosts, hostsInPlace, isSame, targetOf } from "../state/remote/hosts";
import { questionOf, stateOf } from "../state/remote/places";
import { startHosts } from "../state/remote/last";
import { sessionsOf } from "../state/remote/status";
import { slowNow } from "../state/clock";
import { go, param, place, setParams } from "../state/route";
import { projects } from "../state/runs";
import { sources } from "../state/sources";
import { health, isRemote } from "../state/link";
import { Icon } from "./icons";

export function HostDot({ state }: { state: PlaceState }) {
  return <span class={`dot dot-${state}`} role="img" aria-label={PLACE_WORDS[state]} title={PLACE_WORDS[state]} />;
}

export function Sidebar() {
  const folded = foldedProjects.value;
  const tree = useMemo(() => projectTree(projects.value), [projects.value]);
  const nodes = visibleNodes(tree, new Set(folded));
  const current = place.value.page === "runs" ? param("p") : "";
  const all = projects.value.reduce((sum, one) => sum + one.count, 0);
  useEffect(() => {
    if (health.value && !isRemote.value) startHosts();
  }, [health.value === null, isRemote.value]);
  const choose = (path: string) => setParams({ p: path, sel: "", but: "", cols: "", pin: "" }, "push");
  const toggle = (path: string) => {
    foldedProjects.value = folded.includes(path) ? folded.filter((one) => one !== path) : [...folded, path];
  };

  return (
    <nav class="sidebar" aria-label="Projects and hosts">
      <h2 class="sidebar-head">Projects</h2>
      <div class="sidebar-list projects">
        <button type="button" class="sidebar-row" aria-current={current === "" ? "true" : undefined} onClick={() => choose("")}>
          <span class="sidebar-name">All runs</span>
          <span class="count num">{formatCount(all)}</span>
        </button>
        {nodes.map((node) => (
          <div key={node.path} class="sidebar-item" style={{ "--depth": node.depth }}>
            {node.children.length > 0 && (
              <button
                type="button"
                class="fold"
                aria-label={`${folded.includes(node.path) ? "Unfold" : "Fold"} ${node.path}`}
                aria-expanded={!folded.includes(node.path)}
                onClick={() => toggle(node.path)}
              >
                <Icon name={folded.includes(node.path) ? "chevronRight" : "chevronDown"} size={12} />
              </button>
            )}
            <button
              type="button"
              class="sidebar-row"
              title={node.path}
              aria-current={current === node.path ? "true" : undefined}
              onClick={() => choose(current === node.path ? "" : node.path)}
            >
              <span class="sidebar-name">{node.name}</span>
              <span class="count num">{formatCount(node.count)}</span>
            </button>
          </div>
        ))}
      </div>
      {!isRemote.value && (hosts.value.length > 0 || sources.value.length > 1) && (
        <>
          <HostsHead />
          <div class="sidebar-list hosts">
            {hostsInPlace.value.map((one) => (
              <SavedHost key={formatTarget(targetOf(one))} one={one} />
            ))}
            {unsaved().map((source) => (
              <HostRow key={source.id} label={source.host} state={source.state === "ready" ? "running" : "reconnecting"} source={source} />
            ))}
          </div>
        </>
      )}
    </nav>
  );
}

const LIVE: readonly PlaceState[] = ["asks", "running", "reconnecting", "starting", "stopping"];

/** Above the hosts: with one click, all that are saved and not connected are. */
function HostsHead() {
  const left = hostsInPlace.value.filter((one) => !LIVE.includes(stateOf(targetOf(one))) && !joiningOf(targetOf(one)));
  return (
    <div class="sidebar-head with-action">
      <h2>Hosts</h2>
      {left.length > 1 && (
        <button type="button" class="link-button" title={`Connect ${left.map(hostLabel).join(", ")}: their runs come among these`} onClick={() => connectHosts(left)}>
          Connect all
        </button>
      )}
    </div>
  );
}

/** What is said of a host that does not go on by itself. */
function noteOf({ phase, error }: Joining): string {
  if (phase === "no_folder") return "no folder yet";
  if (phase === "failed") return error!.detail;
  return "";
}

/** Sources of hosts that are not among the saved ones. */
function unsaved(): RunSource[] {
  const known = new Set(hosts.value.flatMap((one) => sessionsOf(targetOf(one)).map((session) => session.sessionId)));
  return sources.value.filter((one) => one.session_id !== null && !known.has(one.session_id));
}

function SavedHost({ one }: { one: SavedConnection }) {
  const target = targetOf(one);
  const state = stateOf(target);
  const question = questionOf(target);
  const ids = new Set(sessionsOf(target).map((session) => session.sessionId));
  const source = sources.value.find((each) => each.session_id !== null && ids.has(each.session_id));
  const title = question ? `Answer what ${question.hop} asks, to log in as ${formatTarget(target)}` : `${state === "asks" ? "Log in to" : "Open"} ${formatTarget(target)}`;
  const joining = source ? undefined : joiningOf(target);
  const isConnecting = (goingTo.value !== null && isSame(goingTo.value, target)) || (joining !== undefined && isUnderWay(joining));
  const decides = joining?.phase === "host_key" || joining?.phase === "passphrase";
  const note = joining && !question ? noteOf(joining) : "";
  const shown: PlaceState = state === "asks" || decides ? "asks" : isConnecting ? "starting" : joining?.phase === "failed" ? "failed" : state;
  const hint = note ? `${note}${joining?.phase === "failed" ? "\nOpen it to see what can be done" : ": choose one"}` : `Connect ${formatTarget(target)}: its runs come among these`;
  return (
    <HostRow
      label={hostLabel(one)}
      state={shown}
      source={state === "asks" ? undefined : source}
      title={source || state === "asks" ? title : hint}
      note={note}
      onOpen={source ? () => goToHost(one) : () => connectHost(one)}
      onGiveUp={joining && (() => giveUpHost(target))}
      giveUpLabel={note ? `Dismiss what is said of ${hostLabel(one)}` : `Give up connecting ${hostLabel(one)}`}
    />
  );
}

interface HostRowProps {
  label: string;
  state: PlaceState;
  /** Where its runs come from, once they are among those on show. */
  source?: RunSource | undefined;
  title?: string;
  /** Why it does not go on, below its name. */
  note?: string;
  onOpen?: () => void;
  onGiveUp?: (() => void) | undefined;
  giveUpLabel?: string;
}

/** A host whose runs are here shows them alone; any other one is opened. */
function HostRow({ label, state, source, title, note, onOpen, onGiveUp, giveUpLabel }: HostRowProps) {
  const term = source && `host:${wordOrQuoted(source.host)}`;
  const chosen = term !== undefined && place.value.page === "runs" && param("q") === term;
  const away = source && source.state !== "ready" ? awayText(source, slowNow.value) : "";
  const show = () => (place.value.page === "runs" ? setParams({ q: chosen ? "" : term!, sel: "", but: "" }, "push") : go(`#/runs?q=${encodeURIComponent(term!)}`));
  return (
    <div class="sidebar-host">
      <button type="button" class={`sidebar-row${away ? " away" : ""}${note ? " noted" : ""}${onGiveUp ? " stoppable" : ""}`} title={source ? `${chosen ? "Show all runs" : `Show the runs of ${label}`}${away ? `\n${away}` : ""}` : title} aria-current={chosen ? "true" : undefined} onClick={source ? show : onOpen}>
        <HostDot state={state} />
        <span class="sidebar-name">
          {label}
          {note && <small class="sidebar-note">{note}</small>}
        </span>
        {state === "asks" && (
          <span class="sidebar-asks" aria-hidden="true">
            {PLACE_WORDS.asks}
          </span>
        )}
        {source && source.same_as === null && <span class="count num">{formatCount(source.runs)}</span>}
      </button>
      {source && onOpen && (
        <button type="button" class="icon-button sidebar-open" aria-label={`Open the page of ${label}`} title={title} onClick={onOpen}>
          <Icon name="expand" size={12} />
        </button>
      )}
      {onGiveUp && (
        <button type="button" class="icon-button sidebar-stop" aria-label={giveUpLabel} title={giveUpLabel} onClick={onGiveUp}>
          <Icon name="close" size={12} />
        </button>
      )}
    </div>
  );
}
