/** The hosts in the sidebar: each with its state and how many runs it has, connected by one click, one or all. */

import type { SavedConnection } from "../api/remote-types";
import type { RunSource } from "../api/types";
import { wordOrQuoted } from "../pure/filterTerms";
import { formatCount } from "../pure/format";
import { awayText, isAbsent, PLACE_WORDS, type PlaceState } from "../pure/places";
import { formatTarget } from "../pure/target";
import { slowNow } from "../state/clock";
import { isRemote } from "../state/link";
import { goingTo } from "../state/remote/going";
import { hostLabel, hosts, hostsInPlace, isSame, targetOf } from "../state/remote/hosts";
import { isUnderWay, joiningOf, type Joining } from "../state/remote/joining";
import { connectHost, connectHosts, giveUpHost, goToHost } from "../state/remote/opening";
import { questionOf, stateOf } from "../state/remote/places";
import { sessionsOf } from "../state/remote/status";
import { go, param, place, setParams } from "../state/route";
import { absentAt, clocks, forgetSources, sources } from "../state/sources";
import { toastError } from "../state/toasts";
import { Icon } from "./icons";

export function HostDot({ state }: { state: PlaceState }) {
  return <span class={`dot dot-${state}`} role="img" aria-label={PLACE_WORDS[state]} title={PLACE_WORDS[state]} />;
}

/** Below the projects: the saved hosts, and those whose runs are shown without that. */
export function Hosts() {
  if (isRemote.value || (!hosts.value.length && sources.value.length < 2)) return null;
  return (
    <>
      <HostsHead />
      <div class="sidebar-list hosts">
        {hostsInPlace.value.map((one) => (
          <SavedHost key={formatTarget(targetOf(one))} one={one} />
        ))}
        {unsaved().map((source) => (
          <UnsavedHost key={source.id} source={source} />
        ))}
      </div>
    </>
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
  const targets = hosts.value.map(targetOf);
  const known = new Set(targets.flatMap((target) => sessionsOf(target).map((session) => session.sessionId)));
  const saved = new Set(targets.flatMap(absentAt));
  return sources.value.filter((one) => (isAbsent(one) ? !saved.has(one) : one.session_id !== null && !known.has(one.session_id)));
}

const forget = (those: readonly RunSource[]) => void forgetSources(those).catch(toastError);

function UnsavedHost({ source }: { source: RunSource }) {
  const absent = isAbsent(source);
  return (
    <HostRow
      label={source.host}
      state={absent ? "idle" : source.state === "ready" ? "running" : "reconnecting"}
      source={source}
      onDrop={absent ? () => forget([source]) : undefined}
      dropLabel={`No longer show the runs of ${source.host}`}
    />
  );
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
  const absent = source ? [] : absentAt(target);
  const seen = absent.map((each) => `\n${awayText(each, slowNow.value)}`).join("");
  const hint = note ? `${note}${joining?.phase === "failed" ? "\nOpen it to see what can be done" : ": choose one"}` : `Connect ${formatTarget(target)}: its runs come among these${seen}`;
  return (
    <HostRow
      label={hostLabel(one)}
      state={shown}
      source={state === "asks" ? undefined : source}
      title={source || state === "asks" ? title : hint}
      note={note}
      onOpen={source ? () => goToHost(one) : () => connectHost(one)}
      seen={absent}
      onDrop={joining ? () => giveUpHost(target) : absent.length ? () => forget(absent) : undefined}
      dropLabel={joining ? (note ? `Dismiss what is said of ${hostLabel(one)}` : `Give up connecting ${hostLabel(one)}`) : `No longer show the runs of ${hostLabel(one)}`}
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
  /** What is shown of its runs while it is not connected. */
  seen?: readonly RunSource[];
  onOpen?: () => void;
  onDrop?: (() => void) | undefined;
  dropLabel?: string;
}

/** A host whose runs are here shows them alone; any other one is opened. */
function HostRow({ label, state, source, title, note, seen = [], onOpen, onDrop, dropLabel }: HostRowProps) {
  const term = source && `host:${wordOrQuoted(source.host)}`;
  const chosen = term !== undefined && place.value.page === "runs" && param("q") === term;
  const away = source && source.state !== "ready" ? awayText(source, slowNow.value) : "";
  const clock = source ? clocks.value.get(source.id) : undefined;
  const below = note || (clock ? `its clock is ${clock.text}` : "");
  const counted = (source ? [source] : seen).filter((one) => one.same_as === null);
  const runs = counted.reduce((sum, one) => sum + one.runs, 0);
  const show = () => (place.value.page === "runs" ? setParams({ q: chosen ? "" : term!, sel: "", but: "" }, "push") : go(`#/runs?q=${encodeURIComponent(term!)}`));
  return (
    <div class="sidebar-host">
      <button type="button" class={`sidebar-row${away || (!source && seen.length) ? " away" : ""}${below ? " noted" : ""}${onDrop ? " stoppable" : ""}`} title={source ? `${chosen ? "Show all runs" : `Show the runs of ${label}`}${away ? `\n${away}` : ""}` : title} aria-current={chosen ? "true" : undefined} onClick={source ? show : onOpen}>
        <HostDot state={state} />
        <span class="sidebar-name">
          {label}
          {below && <small class="sidebar-note">{below}</small>}
        </span>
        {state === "asks" && (
          <span class="sidebar-asks" aria-hidden="true">
            {PLACE_WORDS.asks}
          </span>
        )}
        {counted.length > 0 && <span class="count num">{formatCount(runs)}</span>}
      </button>
      {source && onOpen && (
        <button type="button" class="icon-button sidebar-open" aria-label={`Open the page of ${label}`} title={title} onClick={onOpen}>
          <Icon name="expand" size={12} />
        </button>
      )}
      {onDrop && (
        <button type="button" class="icon-button sidebar-stop" aria-label={dropLabel} title={dropLabel} onClick={onDrop}>
          <Icon name="close" size={12} />
        </button>
      )}
    </div>
  );
}
