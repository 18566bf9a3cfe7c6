/** What can be done with one chart. */

import { useState } from "preact/hooks";
import { Dialog, Menu, type MenuItem } from "../components/overlay";
import { moveChart, rememberCharts, setChart, settingOf } from "../state/chartSettings";
import { toast } from "../state/toasts";
import type { Range } from "./scale";

interface Props {
  metric: string;
  title: string;
  /** All metrics that could be drawn in it, or that it could be drawn over. */
  all: readonly string[];
  /** The charts of its section, in order. */
  siblings: readonly string[];
  along: string | null;
  yRange: () => Range;
  onExpand?: (() => void) | undefined;
  onSave: (kind: "png" | "svg" | "csv") => void;
}

export function ChartMenu({ metric, title, all, siblings, along, yRange, onExpand, onSave }: Props) {
  const [asking, setAsking] = useState<"y" | "metrics" | "x" | null>(null);
  const setting = settingOf(metric);
  const at = siblings.indexOf(metric);
  const hide = () => {
    const undo = rememberCharts();
    setChart(metric, { hidden: true });
    toast(`${title} is hidden.`, { label: "Undo", run: undo });
  };
  const items: MenuItem[] = [
    ...(onExpand ? [{ label: "Enlarge", icon: "expand" as const, onSelect: onExpand }] : []),
    { label: setting.pinned ? "Unpin" : "Pin to the top", icon: "arrowUp", onSelect: () => setChart(metric, { pinned: !setting.pinned }) },
    { label: setting.wide ? "As wide as the others" : "Twice as wide", onSelect: () => setChart(metric, { wide: !setting.wide }) },
    ...(siblings.length > 1
      ? [
          { label: "Move before", disabled: at <= 0, onSelect: () => moveChart(metric, siblings[at - 1]!, siblings) },
          { label: "Move behind", disabled: at < 0 || at === siblings.length - 1, onSelect: () => moveChart(metric, siblings[at + 2] ?? null, siblings) },
        ]
      : []),
    { label: "Range of y…", onSelect: () => setAsking("y") },
    { label: "Horizontal axis…", onSelect: () => setAsking("x") },
    { label: "Metrics in this chart…", onSelect: () => setAsking("metrics") },
    { label: "Save as PNG", icon: "download", onSelect: () => onSave("png") },
    { label: "Save as SVG", icon: "download", onSelect: () => onSave("svg") },
    { label: "Save as CSV", icon: "download", onSelect: () => onSave("csv") },
    { label: "Hide", onSelect: hide },
  ];
  return (
    <>
      <Menu label={`More of ${title}`} buttonClass="icon-button chart-tool" items={items} />
      {asking === "y" && <YRangeDialog metric={metric} title={title} yRange={yRange()} onClose={() => setAsking(null)} />}
      {asking === "x" && <AxisDialog metric={metric} title={title} all={all} along={along} onClose={() => setAsking(null)} />}
      {asking === "metrics" && <MetricsDialog metric={metric} title={title} all={all} onClose={() => setAsking(null)} />}
    </>
  );
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
