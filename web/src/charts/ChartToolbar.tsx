/** The settings that all charts share. */

import { FilterField } from "../components/FilterField";
import { Icon } from "../components/icons";
import { lazy } from "../components/lazy";
import { Popover } from "../components/overlay";
import type { XAxis } from "../api/types";
import { formatSmoothing, MOST, type SmoothingKind } from "../pure/smoothing";
import { setParams } from "../state/route";
import { clocks } from "../state/sources";
import { describeXShort } from "./TooltipRows";
import { AXES, BANDS, SMOOTHING_WORDS, setSwitch, setZoom, type ChartView } from "./view";

const ChartSettings = lazy(() => import("./ChartSettings"), (part) => part.ChartSettings, null);

interface Props {
  view: ChartView;
  shown: number;
  all: number;
  usual: XAxis;
  /** The sources of the runs in these charts. */
  sources: ReadonlySet<string>;
  /** Whether groups are drawn as one line each. */
  grouped: boolean;
  legend: boolean;
  onLegend: (shown: boolean) => void;
  hiddenCharts: number;
  onShowHidden: () => void;
}

export function ChartToolbar({ view, shown, all, usual, sources, grouped, legend, onLegend, hiddenCharts, onShowHidden }: Props) {
  const { smoothing } = view;
  const setSmoothing = (kind: SmoothingKind, amount: number) => setParams({ smooth: formatSmoothing({ kind, amount }) });
  const says = SMOOTHING_WORDS[smoothing.kind];
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
      {view.axis === "time" && <Clocks of={sources} />}
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
          <select class="input small select" value={view.band} aria-label="Band of a group" onChange={(event) => setParams({ band: event.currentTarget.value === "std" ? "" : event.currentTarget.value })}>
            {BANDS.map((one) => (
              <option key={one.value} value={one.value} title={one.says}>
                {one.label}
              </option>
            ))}
          </select>
          <Icon name="chevronDown" size={12} />
        </label>
      )}
      <Popover label="More chart settings" buttonClass="button small" button={<>More</>} align="right">
        {() => <ChartSettings view={view} legend={legend} onLegend={onLegend} hiddenCharts={hiddenCharts} onShowHidden={onShowHidden} />}
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

/** Along time, runs that were recorded by a clock that is not as this machine's is stand elsewhere than they should. */
function Clocks({ of }: { of: ReadonlySet<string> }) {
  const wrong = [...of].flatMap((source) => clocks.value.get(source) ?? []);
  if (!wrong.length) return null;
  return (
    <span class="clock-note" title={wrong.map(({ host, text }) => `The clock of ${host} is ${text}; its runs are drawn by it`).join("\n")}>
      <Icon name="warning" size={12} />
      {wrong.length > 1 ? `${wrong.length} clocks differ from this machine's` : `${wrong[0]!.host}'s clock is ${wrong[0]!.text}`}
    </span>
  );
}
