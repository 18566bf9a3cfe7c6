/** The values of all lines at one place, pinned there, to be sorted and searched. */

import { useState } from "preact/hooks";
import { Icon } from "../components/icons";
import { byName } from "../pure/order";
import { Rows, rank, whereOf, type RowsProps } from "./TooltipRows";

type Order = "value" | "name";

export function PinnedTooltip({ shown, position, onClose, lines, kind, smoothed, severalMetrics }: RowsProps & { position: Record<string, string>; onClose: () => void }) {
  const [order, setOrder] = useState<Order>("value");
  const [falling, setFalling] = useState(true);
  const [search, setSearch] = useState("");
  const names = new Map(lines.map((line) => [line.id, severalMetrics ? `${line.name} ${line.metric}` : line.name]));
  const wanted = search.trim().toLowerCase();
  const told = shown.values
    .filter((one) => !wanted || (names.get(one.id) ?? one.id).toLowerCase().includes(wanted))
    .sort((a, b) => (order === "value" ? rank(a.value) - rank(b.value) : byName(names.get(a.id) ?? "", names.get(b.id) ?? "")));
  if (falling) told.reverse();
  const sortBy = (next: Order) => {
    setFalling(next === order ? !falling : next === "value");
    setOrder(next);
  };
  const heading = (which: Order, label: string) => (
    <button type="button" class="link-button" aria-pressed={order === which} onClick={() => sortBy(which)}>
      {label}
      {order === which && <Icon name={falling ? "arrowDown" : "arrowUp"} size={11} />}
    </button>
  );
  return (
    <div
      class="chart-tooltip pinned"
      role="dialog"
      aria-label={`Values at ${whereOf(shown, kind)}`}
      style={position}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onClose();
      }}
    >
      <div class="chart-tooltip-head">
        <span class="chart-tooltip-x num">{whereOf(shown, kind)}</span>
        <button type="button" class="icon-button small" aria-label="Unpin the values" title="Unpin (Esc)" onClick={onClose}>
          <Icon name="close" size={12} />
        </button>
      </div>
      {shown.values.length > 5 && (
        <input class="input" type="search" placeholder="Search lines" aria-label="Search lines" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
      )}
      <div class="chart-tooltip-head">
        {heading("name", "Name")}
        {heading("value", "Value")}
      </div>
      <div class="chart-tooltip-rows" tabIndex={0} role="group" aria-label="Values">
        <Rows told={told} nearestId={shown.nearestId} lines={lines} smoothed={smoothed} severalMetrics={severalMetrics} ranges />
        {!told.length && <div class="muted">No line matches.</div>}
      </div>
    </div>
  );
}
