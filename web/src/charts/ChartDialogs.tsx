/** What is asked of a person about one chart: the range of y, its horizontal axis, other metrics in it. */

import { useState } from "preact/hooks";
import { Dialog } from "../components/overlay";
import { setChart, settingOf } from "../state/chartSettings";
import type { Range } from "./scale";

export type Asking = "y" | "x" | "metrics";

interface Props {
  asking: Asking;
  metric: string;
  title: string;
  all: readonly string[];
  along: string | null;
  yRange: Range;
  onClose: () => void;
}

export function ChartDialog({ asking, metric, title, all, along, yRange, onClose }: Props) {
  if (asking === "y") return <YRangeDialog metric={metric} title={title} yRange={yRange} onClose={onClose} />;
  if (asking === "x") return <AxisDialog metric={metric} title={title} all={all} along={along} onClose={onClose} />;
  return <MetricsDialog metric={metric} title={title} all={all} onClose={onClose} />;
}

function YRangeDialog({ metric, title, yRange, onClose }: { metric: string; title: string; yRange: Range; onClose: () => void }) {
  const chosen = settingOf(metric).y;
  const short = (value: number) => String(Number(value.toPrecision(6)));
  const [low, setLow] = useState(short((chosen ?? yRange)[0]));
  const [high, setHigh] = useState(short((chosen ?? yRange)[1]));
  const [from, to] = [Number(low), Number(high)];
  const error =
    !low.trim() || !high.trim() || !Number.isFinite(from) || !Number.isFinite(to) ? "Both ends must be numbers." : from >= to ? "The lower end must be less than the upper one." : null;
  return (
    <Dialog title={`Range of y: ${title}`} width={360} onClose={onClose}>
      <form
        class="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (error) return;
          setChart(metric, { y: [from, to] });
          onClose();
        }}
      >
        <div class="field-pair">
          <label class="field">
            <span>From</span>
            <input class="input num" data-autofocus inputMode="decimal" value={low} onInput={(event) => setLow(event.currentTarget.value)} />
          </label>
          <label class="field">
            <span>To</span>
            <input class="input num" inputMode="decimal" value={high} onInput={(event) => setHigh(event.currentTarget.value)} />
          </label>
        </div>
        <p class={error ? "field-error" : "muted"} role={error ? "alert" : undefined}>
          {error ?? "Or drag along the labels of y in the chart; a double click there lets it fit again."}
        </p>
        <div class="dialog-actions">
          <button
            type="button"
            class="button"
            onClick={() => {
              setChart(metric, { y: undefined });
              onClose();
            }}
          >
            Fit to the data
          </button>
          <button type="submit" class="button primary" disabled={error !== null}>
            Set
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function AxisDialog({ metric, title, all, along, onClose }: { metric: string; title: string; all: readonly string[]; along: string | null; onClose: () => void }) {
  const [filter, setFilter] = useState("");
  const shown = all.filter((name) => name !== metric && name.toLowerCase().includes(filter.toLowerCase()));
  const choose = (name: string | undefined) => {
    setChart(metric, { along: name });
    onClose();
  };
  return (
    <Dialog title={`Horizontal axis: ${title}`} width={420} onClose={onClose}>
      <div class="dialog-body">
        <input class="input" data-autofocus type="search" aria-label="Search metrics" placeholder="Search metrics" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        <ul class="choice-list" role="listbox" aria-label="Horizontal axis">
          <Choice label="As its script says, else the axis of all charts" chosen={settingOf(metric).along === undefined} onChoose={() => choose(undefined)} />
          <Choice label="The axis of all charts" chosen={settingOf(metric).along === ""} onChoose={() => choose("")} />
          {shown.map((name) => (
            <Choice key={name} label={name} chosen={along === name && settingOf(metric).along !== undefined} onChoose={() => choose(name)} />
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

function Choice({ label, chosen, onChoose }: { label: string; chosen: boolean; onChoose: () => void }) {
  return (
    <li role="presentation">
      <button type="button" role="option" aria-selected={chosen} class="menu-item" onClick={onChoose}>
        <span class="menu-gap">{chosen ? "✓" : ""}</span>
        {label}
      </button>
    </li>
  );
}

function MetricsDialog({ metric, title, all, onClose }: { metric: string; title: string; all: readonly string[]; onClose: () => void }) {
  const [filter, setFilter] = useState("");
  const more = settingOf(metric).more ?? [];
  const shown = all.filter((name) => name !== metric && name.toLowerCase().includes(filter.toLowerCase()));
  const toggle = (name: string, on: boolean) => {
    const next = on ? [...more, name] : more.filter((one) => one !== name);
    setChart(metric, { more: next.length ? next : undefined });
  };
  return (
    <Dialog title={`Metrics beside ${title}`} width={420} onClose={onClose}>
      <div class="dialog-body">
        <input class="input" data-autofocus type="search" aria-label="Search metrics" placeholder="Search metrics" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        <ul class="choice-list">
          {shown.map((name) => (
            <li key={name}>
              <label class="menu-item">
                <input type="checkbox" checked={more.includes(name)} onChange={(event) => toggle(name, event.currentTarget.checked)} />
                {name}
              </label>
            </li>
          ))}
          {!shown.length && <li class="muted">No other metric.</li>}
        </ul>
        <div class="dialog-actions">
          <button type="button" class="button primary" onClick={onClose}>
            Done
          </button>
        </div>
      </div>
    </Dialog>
  );
}
