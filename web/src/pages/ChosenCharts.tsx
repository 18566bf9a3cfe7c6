/** The curves of the chosen runs, and what is to be said of the choice. */

import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ChartGrid } from "../charts/ChartGrid";
import type { ChartGroup, ChartRun } from "../charts/model";
import { Bone, Code, Delayed, EmptyState, ErrorState } from "../components/basics";
import { Note, Notes } from "../components/Note";
import { formatCount, plural } from "../pure/format";
import { apart, parted } from "../pure/names";
import { isSystem } from "../pure/metrics";
import { restore } from "../state/actions";
import { groupBy, groupLines } from "../state/grouping";
import { headsOf } from "../state/heads";
import { stream, unfollowed } from "../state/link";
import { hiddenRuns, setHidden, stylesOf } from "../state/looks";
import { listBusy } from "../state/renewal";
import { setParams } from "../state/route";

export const NEWEST = 5;
/** As many as the viewer follows. */
const MAX_DRAWN = 1000;

interface Props {
  /** What is to be drawn; not all of it need be there. */
  ids: readonly string[];
  /** How many runs were chosen. */
  chosen: number;
  /** Whether nobody chose, and these are the first of the list. */
  byDefault: boolean;
  highlighted: Signal<string | null>;
}

export function ChosenCharts({ ids: wanted, chosen, byDefault, highlighted }: Props) {
  const ids = wanted.length > MAX_DRAWN ? wanted.slice(0, MAX_DRAWN) : wanted;
  const idsKey = ids.join(" ");
  useEffect(() => stream.follow(ids), [idsKey]);
  const keys = groupBy();
  const known = headsOf(ids, keys);
  const styles = stylesOf(ids);
  const told = apart(known.flatMap(({ run }) => run ?? []));
  const chartRuns: ChartRun[] = known.flatMap(({ run }, index) =>
    run
      ? {
          id: run.id,
          name: run.name,
          apart: told.get(run.id),
          createdAt: Date.parse(run.created_at),
          running: run.state === "running",
          style: styles.get(ids[index]!)!,
        }
      : [],
  );
  const runs = useStable(chartRuns);
  const metrics = useStable([...new Set(known.flatMap((head) => [...head.metrics].filter((name) => !isSystem(name))))].sort());
  const definitions = useStable(known.flatMap(({ run }) => run?.metric_definitions ?? []));
  const groups = useStable(keys.length ? grouped(chartRuns, keys) : null);
  const waiting = known.some((one) => !one.run && !one.error);
  const missing = ids.filter((_, at) => known[at]!.error?.code === "RUN_NOT_FOUND");
  const deleted = ids.filter((_, at) => known[at]!.removed && !missing.includes(ids[at]!));
  const unread = known.filter((one) => one.error && one.error.code !== "RUN_NOT_FOUND" && !one.run);
  const notes = (
    <Notes>
      <Selection ids={wanted} chosen={chosen} drawn={ids.length} missing={missing} deleted={deleted} />
      {unread.length > 0 && (
        <Note title={unread[0]!.error!.detail}>
          {formatCount(unread.length)} of {plural(ids.length, "run")} cannot be read right now, and {unread.length === 1 ? "is" : "are"} not drawn until then.
        </Note>
      )}
    </Notes>
  );
  const broken = unread[0]?.error;

  const bones = (
    <Delayed>
      <ChartAreaBones />
    </Delayed>
  );
  const toDefault = (
    <button type="button" class="button" onClick={() => setParams({ sel: "" })}>
      Show the {keys.length ? "first groups" : `newest ${NEWEST}`}
    </button>
  );
  if (ids.length === 0 && byDefault && listBusy.value) return bones;
  if (ids.length === 0)
    return (
      <EmptyState title="No run chosen">
        <p>Choose runs with the squares in the table, or with the x key, to compare their curves here.</p>
        {toDefault}
      </EmptyState>
    );
  if (ids.every((id) => hiddenRuns.value.has(id)))
    return (
      <EmptyState title="All chosen runs are hidden from charts">
        <button type="button" class="button" onClick={() => setHidden(ids, false)}>
          Show them
        </button>
      </EmptyState>
    );
  if (metrics.length === 0) {
    if (broken) return <ErrorState error={broken} />;
    if (waiting) return bones;
    return (
      <>
        {notes}
        {chartRuns.length > 0 ? (
          <EmptyState title="Nothing to draw yet">
            <p>These runs have logged no metric so far; curves appear with the first one.</p>
            <Code text={'run.log({"train/loss": 0.5})'} />
          </EmptyState>
        ) : (
          <EmptyState title="None of the selected runs is here">
            <p>They may have been deleted, or belong to another storage root. One that comes is drawn by itself.</p>
            {toDefault}
          </EmptyState>
        )}
      </>
    );
  }
  return (
    <>
      {notes}
      <ChartGrid metrics={metrics} runs={runs} groups={groups} definitions={definitions} highlighted={highlighted} />
      {byDefault && <p class="chart-foot muted">{shownUnasked(ids.length, groups?.length)} of the list; choose others with the squares.</p>}
    </>
  );
}

const shownUnasked = (runs: number, groups = 0) =>
  groups ? `The first ${groups === 1 ? "group" : plural(groups, "group")} (${plural(runs, "run")})` : runs === 1 ? "The first run" : `The first ${runs}`;

/** Return the groups of these runs as lines with a band. */
function grouped(runs: readonly ChartRun[], keys: readonly string[]): ChartGroup[] {
  const groups = groupLines(runs.map((run) => run.id), keys);
  const named = groups.map(({ key, label, ids, style }) => ({ id: key, name: `${label} (${ids.length})`, runs: ids, style }));
  const parts = parted(new Set(named.map((group) => group.name)));
  return named.map((group) => ({ ...group, apart: { before: "", after: "", parts: parts.get(group.name) ?? [] } }));
}

/** Return the value as it was where the new one says the same, so that what depends on it is not made anew. */
function useStable<T>(value: T): T {
  const kept = useRef(value);
  const text = JSON.stringify(value);
  const before = useRef(text);
  if (before.current !== text) {
    before.current = text;
    kept.current = value;
  }
  return kept.current;
}

interface SelectionProps {
  ids: readonly string[];
  chosen: number;
  drawn: number;
  missing: readonly string[];
  deleted: readonly string[];
}

/** What of the selection is not as it was chosen, and how to put that right. */
function Selection({ ids, chosen, drawn, missing, deleted }: SelectionProps) {
  const silent = unfollowed.value.filter((id) => ids.includes(id)).length;
  const drop = (some: readonly string[]) => {
    const left = ids.filter((id) => !some.includes(id));
    setParams({ sel: left.length ? left.join(",") : "none" });
  };
  const dropButton = (some: readonly string[]) => (
    <button type="button" class="link-button" onClick={() => drop(some)}>
      Drop {some.length === 1 ? "it" : "them"}
    </button>
  );
  return (
    <>
      {missing.length > 0 && missing.length < ids.length && (
        <Note actions={dropButton(missing)}>
          {formatCount(missing.length)} of the {formatCount(ids.length)} selected runs {missing.length === 1 ? "is" : "are"} not here.
        </Note>
      )}
      {deleted.length > 0 && (
        <Note
          icon="trash"
          actions={
            <>
              <button type="button" class="link-button" onClick={() => deleted.forEach((id) => void restore({ id }))}>
                Restore
              </button>
              {dropButton(deleted)}
            </>
          }
        >
          {ids.length === 1 ? "The selected run is" : `${formatCount(deleted.length)} of the ${formatCount(ids.length)} selected runs ${deleted.length === 1 ? "is" : "are"}`} in the bin.
        </Note>
      )}
      {chosen > drawn && (
        <Note>
          The first {formatCount(drawn)} of the {formatCount(chosen)} selected runs are drawn.
        </Note>
      )}
      {silent > 0 && (
        <Note>
          {formatCount(silent)} of the selected runs {silent === 1 ? "is" : "are"} drawn as when the page was loaded: no more are followed live.
        </Note>
      )}
    </>
  );
}

function ChartAreaBones() {
  return (
    <div class="chart-area-bones" aria-hidden="true">
      {Array.from({ length: 4 }, (_, index) => (
        <div key={index} class="chart">
          <div class="chart-head">
            <Bone width={90} />
          </div>
          <div class="chart-body" style={{ height: "190px" }} />
        </div>
      ))}
    </div>
  );
}
