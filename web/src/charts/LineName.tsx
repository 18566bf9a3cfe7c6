/** How a line is called in a tooltip or a legend. */

import { After, Before, NameText } from "../components/RunName";
import type { ShownLine } from "./model";

export function LineName({ line, withMetric }: { line: ShownLine; withMetric: boolean }) {
  return (
    <span class="line-name" title={withMetric ? `${line.name} · ${line.metric}` : line.name}>
      <Before apart={line.apart} />
      <NameText name={line.name} apart={line.apart} />
      <After apart={line.apart} />
      {withMetric && <span class="muted line-metric">{line.metric}</span>}
    </span>
  );
}
