/** The settings of all charts that are changed less often, behind one button. */

import { formatSmoothing, type SmoothingKind } from "../pure/smoothing";
import { setParams } from "../state/route";
import { SMOOTHING_WORDS, setSwitch, type ChartView } from "./view";

const KINDS: readonly { value: SmoothingKind; label: string }[] = [
  { value: "ema", label: "EMA" },
  { value: "mean", label: "Mean" },
  { value: "gaussian", label: "Gauss" },
];
const FIRST: Record<SmoothingKind, number> = { ema: 0.6, mean: 0.02, gaussian: 0.01 };

interface Props {
  view: ChartView;
  legend: boolean;
  onLegend: (shown: boolean) => void;
  hiddenCharts: number;
  onShowHidden: () => void;
}

export function ChartSettings({ view, legend, onLegend, hiddenCharts, onShowHidden }: Props) {
  const { smoothing } = view;
  const setSmoothing = (kind: SmoothingKind, amount: number) => setParams({ smooth: formatSmoothing({ kind, amount }) });
  return (
    <div class="chart-settings">
      <fieldset>
        <legend>Smoothing</legend>
        <div class="segmented" role="radiogroup" aria-label="Kind of smoothing">
          {KINDS.map((one) => (
            <button
              key={one.value}
              type="button"
              role="radio"
              title={SMOOTHING_WORDS[one.value]}
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
