/** Charts of many metrics in groups, with the settings that they share. */

import { signal, type Signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { Dialog } from "../components/overlay";
import { FilterField } from "../components/FilterField";
import { Icon } from "../components/icons";
import type { XAxis } from "../api/types";
import { parseZoom, formatZoom } from "../pure/route";
import { foldedGroups } from "../state/prefs";
import { param, setParams } from "../state/route";
import { Chart, describeXShort, type ChartRun, type ChartView } from "./Chart";
import { groupMetrics, metricFilter } from "../pure/metrics";
import type { Range } from "./scale";

const AXES: readonly { value: XAxis; label: string }[] = [
  { value: "step", label: "Step" },
  { value: "relative", label: "Relative" },
  { value: "time", label: "Time" },
];

/** Return the charts' settings as the URL has them. */
export function chartView(usual: XAxis = "step"): ChartView {
  const axis = AXES.find((one) => one.value === param("x"))?.value ?? usual;
  const smoothing = Number(param("smooth"));
  return {
    axis,
    log: param("log") === "1",
    smoothing: Number.isFinite(smoothing) ? Math.min(0.99, Math.max(0, smoothing)) : 0,
    zoom: parseZoom(param("zoom")),
  };
}

const setZoom = (window: Range | null) => setParams({ zoom: formatZoom(window) });

export function ChartToolbar({ view, shown, all, usual = "step" }: { view: ChartView; shown: number; all: number; usual?: XAxis }) {
  return (
    <div class="toolbar chart-toolbar" role="toolbar" aria-label="Chart settings">
      <FilterField label="Filter metrics" name="metrics" shown={shown} all={all} />
      <div class="segmented" role="radiogroup" aria-label="Horizontal axis">
        {AXES.map((one) => (
          <button
            key={one.value}
            type="button"
            role="radio"
            aria-checked={view.axis === one.value}
            onClick={() => setParams({ x: one.value === usual ? "" : one.value, zoom: "" })}
          >
            {one.label}
          </button>
        ))}
      </div>
      <label class="slider" title="Smoothing: a moving average over the shown range; raw values stay behind it">
        <span>Smooth</span>
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          aria-label="Smoothing"
          value={view.smoothing}
          onInput={(event) => setParams({ smooth: event.currentTarget.value === "0" ? "" : event.currentTarget.value })}
        />
        <output class="num">{view.smoothing.toFixed(2)}</output>
      </label>
      <button type="button" class="toggle" aria-pressed={view.log} onClick={() => setParams({ log: view.log ? "" : "1" })}>
        Log y
      </button>
      {view.zoom && (
        <button type="button" class="chip num" onClick={() => setZoom(null)} title="Show everything again (double click in a chart)">
          {describeXShort(view.zoom[0], view.axis)} – {describeXShort(view.zoom[1], view.axis)}
          <Icon name="close" size={12} />
        </button>
      )}
    </div>
  );
}

interface GridProps {
  metrics: readonly string[];
  runs: readonly ChartRun[];
  highlighted: Signal<string | null>;
  height?: number;
  /** The axis when the URL names none. */
  usual?: XAxis;
}

const ownHighlight = signal<string | null>(null);

export function ChartGrid({ metrics, runs, highlighted = ownHighlight, height, usual = "step" }: GridProps) {
  const view = chartView(usual);
  const filter = param("metrics");
  const [enlarged, setEnlarged] = useState<string | null>(null);
  const namesKey = metrics.join("\n");
  const { groups, shown } = useMemo(() => {
    const matcher = metricFilter(filter);
    const kept = metrics.filter(matcher.test);
    return { groups: groupMetrics(kept), shown: kept.length };
  }, [namesKey, filter]);
  const folded = foldedGroups.value;
  const toggle = (name: string) => {
    foldedGroups.value = folded.includes(name) ? folded.filter((one) => one !== name) : [...folded, name];
  };

  return (
    <section class="chart-area" aria-label="Charts">
      <ChartToolbar view={view} shown={shown} all={metrics.length} usual={usual} />
      <div class="chart-scroll">
        {groups.map((group) => {
          const closed = folded.includes(group.name);
          return (
            <section key={group.name} class={`chart-group${closed ? " closed" : ""}`} style={{ "--n": Math.min(group.metrics.length, 4) }}>
              {(group.name || groups.length > 1) && (
                <button type="button" class="group-head" title={group.name} aria-expanded={!closed} onClick={() => toggle(group.name)}>
                  <Icon name={closed ? "chevronRight" : "chevronDown"} size={12} />
                  <span class="ellipsis">{group.name || "metrics"}</span>
                  <span class="count">{group.metrics.length}</span>
                </button>
              )}
              {!closed && (
                <div class="chart-grid">
                  {group.metrics.map((metric) => (
                    <Chart
                      key={metric}
                      metric={metric}
                      runs={runs}
                      view={view}
                      onZoom={setZoom}
                      highlighted={highlighted}
                      onExpand={() => setEnlarged(metric)}
                      {...(height ? { height } : {})}
                    />
                  ))}
                </div>
              )}
            </section>
          );
        })}
        {shown === 0 && metrics.length > 0 && (
          <p class="quiet-note">
            No metric matches <code>{filter}</code>.{" "}
            <button type="button" class="link-button" onClick={() => setParams({ metrics: "" })}>
              Clear the filter
            </button>
          </p>
        )}
      </div>
      {enlarged && (
        <Dialog title={enlarged} width={1280} onClose={() => setEnlarged(null)}>
          <div class="chart-large">
            <ChartToolbar view={view} shown={shown} all={metrics.length} usual={usual} />
            <Chart metric={enlarged} runs={runs} view={view} onZoom={setZoom} highlighted={highlighted} height={Math.max(320, Math.min(560, innerHeight - 260))} />
          </div>
        </Dialog>
      )}
    </section>
  );
}
