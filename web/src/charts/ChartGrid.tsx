/** Charts of many metrics in sections, which can be moved, pinned, hidden and enlarged. */

import { signal, type Signal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { MetricDefinition, XAxis } from "../api/types";
import { Icon } from "../components/icons";
import { Dialog } from "../components/overlay";
import { sourceOf } from "../pure/address";
import { arrange, type Section } from "../pure/arrange";
import { columnsOf, roomIn, type GridRoom } from "../pure/chartSize";
import { metricFilter } from "../pure/metrics";
import { chartOrder, moveChart, setChart, settingOf } from "../state/chartSettings";
import { foldedGroups, preference } from "../state/prefs";
import { param, setParams } from "../state/route";
import { Chart } from "./Chart";
import { ChartPlace } from "./ChartPlace";
import { NearChart } from "./NearChart";
import { ChartToolbar } from "./ChartToolbar";
import { stepMetricOf, type ChartGroup, type ChartRun } from "./model";
import { chartView, setZoom } from "./view";

interface GridProps {
  metrics: readonly string[];
  runs: readonly ChartRun[];
  /** Runs that become one line each; null where each run is a line. */
  groups?: readonly ChartGroup[] | null;
  /** What the runs' scripts said of their metrics. */
  definitions?: readonly MetricDefinition[];
  highlighted: Signal<string | null>;
  height?: number;
  /** The axis when the URL names none. */
  usual?: XAxis;
}

const ownHighlight = signal<string | null>(null);
const legendShown = preference("legend", false);
const NO_DEFINITIONS: readonly MetricDefinition[] = [];
const HEIGHT = 190;

export function ChartGrid({ metrics, runs, groups = null, definitions = NO_DEFINITIONS, highlighted = ownHighlight, height = HEIGHT, usual = "step" }: GridProps) {
  const view = chartView(usual);
  const filter = param("metrics");
  const [enlarged, setEnlarged] = useState<string | null>(null);
  const namesKey = metrics.join("\n");
  const stepMetrics = useMemo(() => new Map(metrics.map((name) => [name, stepMetricOf(name, definitions)])), [namesKey, definitions]);
  const alongOf = (metric: string): string | null => {
    const chosen = settingOf(metric).along;
    if (chosen !== undefined) return chosen && metrics.includes(chosen) ? chosen : null;
    const defined = stepMetrics.get(metric) ?? null;
    return defined !== null && metrics.includes(defined) && view.axis === "step" ? defined : null;
  };
  const matcher = metricFilter(filter);
  const kept = metrics.filter(matcher.test);
  const { sections, hidden } = arrange(kept, {
    isPinned: (metric) => settingOf(metric).pinned === true,
    isHidden: (metric) => settingOf(metric).hidden === true || (settingOf(metric).hidden === undefined && definitions.some((one) => one.hidden && one.name === metric)),
    order: chartOrder.value,
    axes: new Set([...stepMetrics.values()].filter((name): name is string => name !== null)),
  });
  const [grid, room] = useRoom();
  const folded = foldedGroups.value;
  const toggle = (name: string) => {
    foldedGroups.value = folded.includes(name) ? folded.filter((one) => one !== name) : [...folded, name];
  };
  const toolbar = (
    <ChartToolbar
      view={view}
      shown={kept.length}
      all={metrics.length}
      usual={usual}
      sources={new Set([...runs.map((run) => run.id), ...(groups ?? []).flatMap((group) => group.runs)].map(sourceOf))}
      grouped={groups !== null}
      legend={legendShown.value}
      onLegend={(shown) => (legendShown.value = shown)}
      hiddenCharts={hidden.length}
      onShowHidden={() => hidden.forEach((metric) => setChart(metric, { hidden: undefined }))}
    />
  );
  const shared = { runs, groups, view, all: metrics, onZoom: setZoom, highlighted };

  return (
    <section class="chart-area" aria-label="Charts">
      {toolbar}
      <div class="chart-scroll">
        <div ref={grid} class="chart-grid">
          {sections.map((section) => (
            <ChartSection key={`${section.kind} ${section.name}`} section={section} lone={sections.length === 1} closed={folded.includes(section.name)} height={height} room={room} onToggle={() => toggle(section.name)}>
              {(metric, ownHeight, handle) => (
                <NearChart
                  key={metric}
                  metric={metric}
                  {...shared}
                  {...(section.kind === "section" && section.name ? { title: metric.slice(section.name.length + 1) } : {})}
                  along={alongOf(metric)}
                  siblings={section.metrics}
                  onExpand={() => setEnlarged(metric)}
                  height={ownHeight}
                  legend={legendShown.value}
                  handle={handle}
                />
              )}
            </ChartSection>
          ))}
        </div>
        {kept.length === 0 && metrics.length > 0 && (
          <p class="quiet-note">
            No metric matches <code>{filter}</code>.{" "}
            <button type="button" class="link-button" onClick={() => setParams({ metrics: "" })}>
              Clear the filter
            </button>
          </p>
        )}
        {kept.length > 0 && !sections.length && (
          <p class="quiet-note">
            All charts are hidden.{" "}
            <button type="button" class="link-button" onClick={() => hidden.forEach((metric) => setChart(metric, { hidden: undefined }))}>
              Show them
            </button>
          </p>
        )}
      </div>
      {enlarged && (
        <Dialog title={enlarged} width={1280} onClose={() => setEnlarged(null)}>
          <div class="chart-large">
            {toolbar}
            <Chart metric={enlarged} {...shared} along={alongOf(enlarged)} siblings={[]} height={Math.max(320, Math.min(560, innerHeight - 300))} large legend />
          </div>
        </Dialog>
      )}
    </section>
  );
}

interface SectionProps {
  section: Section;
  /** Whether it is the only one. */
  lone: boolean;
  closed: boolean;
  onToggle: () => void;
  /** How high charts are of which nobody said more, px. */
  height: number;
  /** Of the grid in which all sections stand. */
  room: GridRoom;
  children: (metric: string, height: number, handle: preact.ComponentChildren) => preact.ComponentChildren;
}

/** A section and its charts, as wide as these need it to be: small ones stand beside each other. */
function ChartSection({ section, lone, closed, onToggle, height, room, children }: SectionProps) {
  const dragged = useRef<string | null>(null);
  const [target, setTarget] = useState<string | null>(null);
  // While a chart is drawn wider; only what comes of it in the end is remembered.
  const [stretched, setStretched] = useState<{ metric: string; columns: number } | null>(null);
  const { name, metrics } = section;
  const columns = columnsOf(
    metrics.map((metric) => (stretched?.metric === metric ? stretched.columns : settingOf(metric).columns)),
    room,
  );
  const drop = (onto: string) => {
    const moved = dragged.current;
    dragged.current = null;
    setTarget(null);
    if (!moved || moved === onto) return;
    const [from, to] = [metrics.indexOf(moved), metrics.indexOf(onto)];
    moveChart(moved, from < to ? (metrics[to + 1] ?? null) : onto, metrics);
  };
  return (
    <section class="chart-group" style={{ gridColumn: `span ${columns}`, "--columns": columns }}>
      {(name || !lone) && (
        <button type="button" class="group-head" title={name} aria-expanded={!closed} onClick={onToggle}>
          <Icon name={closed ? "chevronRight" : "chevronDown"} size={12} />
          <span class="ellipsis">{name || "metrics"}</span>
          <span class="count">{metrics.length}</span>
        </button>
      )}
      {!closed && (
        <div class="chart-places">
          {metrics.map((metric) => (
            <ChartPlace
              key={metric}
              metric={metric}
              usual={height}
              room={room}
              target={target === metric}
              onStretch={(wide) => setStretched(wide === null ? null : { metric, columns: wide })}
              onDragOver={(event) => {
                if (dragged.current === null) return;
                event.preventDefault();
                setTarget(metric);
              }}
              onDrop={(event) => {
                event.preventDefault();
                drop(metric);
              }}
            >
              {(ownHeight) =>
                children(
                  metric,
                  ownHeight,
                  metrics.length > 1 && (
                    <span
                      class="chart-handle"
                      draggable
                      title="Drag to move this chart"
                      aria-hidden="true"
                      onDragStart={(event) => {
                        dragged.current = metric;
                        event.dataTransfer?.setData("text/plain", metric);
                      }}
                      onDragEnd={() => {
                        dragged.current = null;
                        setTarget(null);
                      }}
                    />
                  ),
                )
              }
            </ChartPlace>
          ))}
        </div>
      )}
    </section>
  );
}

/** Return what a grid is to be marked with, and the room in it. */
function useRoom(): [preact.RefObject<HTMLDivElement | null>, GridRoom] {
  const grid = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState<GridRoom>({ width: 1, gap: 0, columns: 1 });
  useLayoutEffect(() => {
    const box = grid.current;
    if (!box) return;
    const look = () => {
      const style = getComputedStyle(box);
      const next = roomIn(box.clientWidth, parseFloat(style.getPropertyValue("--chart-width")), parseFloat(style.columnGap) || 0);
      setRoom((now) => (now.columns === next.columns && now.width === next.width ? now : next));
    };
    look();
    const size = new ResizeObserver(look);
    size.observe(box);
    return () => size.disconnect();
  }, []);
  return [grid, room];
}
