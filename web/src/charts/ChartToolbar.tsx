/** The settings that all charts share. */

import { FilterField } from "../components/FilterField";
import { Icon } from "../components/icons";
import { Popover } from "../components/overlay";
import type { XAxis } from "../api/types";
import { formatSmoothing, MOST, type SmoothingKind } from "../pure/smoothing";
import { setParams } from "../state/route";
import { describeXShort } from "./Tooltip";
import { AXES, BANDS, setSwitch, setZoom, type ChartView } from "./view";

const KINDS: readonly { value: SmoothingKind; label: string; says: string }[] = [
  { value: "ema", label: "EMA", says: "exponential moving average" },
  { value: "mean", label: "Mean", says: "running mean" },
  { value: "gaussian", label: "Gauss", says: "Gaussian" },
];
const FIRST: Record<SmoothingKind, number> = { ema: 0.6, mean: 0.02, gaussian: 0.01 };

interface Props {
  view: ChartView;
  shown: number;
  all: number;
  usual: XAxis;
  /** Whether groups are drawn as one line each. */
  grouped: boolean;
  legend: boolean;
  onLegend: (shown: boolean) => void;
  hiddenCharts: number;
  onShowHidden: () => void;
}

export function ChartToolbar({ view, shown, all, usual, grouped, legend, onLegend, hiddenCharts, onShowHidden }: Props) {
  const { smoothing } = view;
  const setSmoothing = (kind: SmoothingKind, amount: number) => setParams({ smooth: formatSmoothing({ kind, amount }) });
  const says = KINDS.find((one) => one.value === smoothing.kind)!.says;
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
      <label class="slider" title={`Smoothing by ${says}, over the shown range; raw values stay behind it`}>
        <span>Smooth</span>
        <input
          type="range"
          min="0"
          max={MOST[smoothing.kind]}
          step={MOST[smoothing.kind] / 100}
          aria-label={`Smoothing, ${says}`}
          value={smoothing.amount}
          onInput={(event) => setSmoothing(smoothing.kind, Number(event.currentTarget.value))}
        />
        <output class="num">{smoothing.kind === "ema" ? smoothing.amount.toFixed(2) : `${Number((smoothing.amount * 100).toPrecision(2))} %`}</output>
      </label>
      <button type="button" class="toggle" aria-pressed={view.log} onClick={() => setSwitch("log", !view.log)}>
        Log y
      </button>
      {grouped && (
        <label class="band-choice" title={BANDS.find((one) => one.value === view.band)!.says}>
          <span class="visually-hidden">Band of a group</span>
          <select class="select" value={view.band} aria-label="Band of a group" onChange={(event) => setParams({ band: event.currentTarget.value === "std" ? "" : event.currentTarget.value })}>
            {BANDS.map((one) => (
              <option key={one.value} value={one.value} title={one.says}>
                {one.label}
              </option>
            ))}
          </select>
        </label>
      )}
      <Popover label="More chart settings" buttonClass="button small" button={<>More</>} align="right">
        {() => (
          <div class="chart-settings">
            <fieldset>
              <legend>Smoothing</legend>
              <div class="segmented" role="radiogroup" aria-label="Kind of smoothing">
                {KINDS.map((one) => (
                  <button
                    key={one.value}
                    type="button"
                    role="radio"
                    title={one.says}
                    aria-checked={smoothing.kind === one.value}
                    onClick={() => setSmoothing(one.value, smoothing.amount > 0 ? FIRST[one.value] : one.value === "ema" ? 0 : FIRST[one.value])}
                  >
                    {one.label}
                  </button>
                ))}
              </div>
            </fieldset>
            <Switch label="Logarithmic x" on={view.logX} set={(on) => setSwitch("logx", on)} disabled={view.axis === "time"} />
            <Switch label="Cut outliers off" hint="y reaches over all but 1 % of the values at either end" on={view.cut} set={(on) => setSwitch("cut", on)} />
            <Switch label="Show overwritten steps" hint="what a resumed run logged before it went back" on={view.overwritten} set={(on) => setSwitch("all", on)} />
            <Switch label="Legend" on={legend} set={onLegend} />
            {hiddenCharts > 0 && (
              <button type="button" class="button small" onClick={onShowHidden}>
                Show {hiddenCharts} hidden {hiddenCharts === 1 ? "chart" : "charts"}
              </button>
            )}
            <p class="muted">Drag to zoom, Shift to move, double click to see everything. Ctrl and the wheel zoom, too. Click to pin the values. Drag along the labels of y to choose its range.</p>
          </div>
        )}
      </Popover>
      {view.zoom && (
        <button type="button" class="chip num" onClick={() => setZoom(null)} title="Show everything again (double click in a chart)">
          {describeXShort(view.zoom[0], view.axis)} – {describeXShort(view.zoom[1], view.axis)}
          <Icon name="close" size={12} />
        </button>
      )}
    </div>
  );
}

function Switch({ label, hint, on, set, disabled = false }: { label: string; hint?: string; on: boolean; set: (on: boolean) => void; disabled?: boolean }) {
  return (
    <label class="switch-row">
      <input type="checkbox" checked={on} disabled={disabled} onChange={(event) => set(event.currentTarget.checked)} />
      <span>
        {label}
        {hint && <small class="muted">{hint}</small>}
      </span>
    </label>
  );
}
