/** What can be done with one chart. */

import { useState } from "preact/hooks";
import { lazy } from "../components/lazy";
import { Menu, type MenuItem } from "../components/overlay";
import { moveChart, rememberCharts, setChart, settingOf, type SavedAs } from "../state/chartSettings";
import { toast } from "../state/toasts";
import type { Asking } from "./ChartDialogs";
import type { Range } from "./scale";

const ChartDialog = lazy(() => import("./ChartDialogs"), (part) => part.ChartDialog, null);

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
  onSave: (kind: SavedAs) => void;
}

export function ChartMenu({ metric, title, all, siblings, along, yRange, onExpand, onSave }: Props) {
  const [asking, setAsking] = useState<Asking | null>(null);
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
    setting.columns || setting.height
      ? { label: "As large as the others", onSelect: () => setChart(metric, { columns: undefined, height: undefined }) }
      : { label: "Twice as wide", onSelect: () => setChart(metric, { columns: 2 }) },
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
      {asking && <ChartDialog asking={asking} metric={metric} title={title} all={all} along={along} yRange={yRange()} onClose={() => setAsking(null)} />}
    </>
  );
}
