/** One cell of a run's row: its value, and beside it how far it is from the baseline's. */

import type { Run } from "../../api/types";
import { formatDuration, formatShortDuration } from "../../pure/format";
import type { Shown } from "../../pure/tableLayout";
import { slowNow } from "../../state/clock";
import { Ago } from "../basics";
import { StateIcon } from "../icons";
import { differenceOf, fullText, isNumeric, NOTHING, plainText, secondsOf } from "./cellText";

interface Props {
  run: Run;
  column: Shown;
  base: Run | null;
  /** Whether keys act on this cell, and what is offered for it then. */
  here: boolean;
  menu?: preact.ComponentChildren;
}

export const Tag = ({ text }: { text: string }) => <span class="tag">{text}</span>;

export const stuck = (column: Shown): { left: string } | undefined => (column.left === null ? undefined : { left: `${column.left}px` });

export function Cell({ run, column, base, here, menu }: Props) {
  const shared = { role: "gridcell" as const, "data-key": column.key, style: stuck(column) };
  const mark = `${column.left === null ? "" : " stuck"}${here ? " here" : ""}`;
  if (column.key === "state") {
    const secs = secondsOf(run, slowNow.value);
    return (
      <span {...shared} class={`cell state-${run.state}${mark}`} title={`${run.state}, ${formatDuration(secs)}${run.exit_reason ? `\n${run.exit_reason}` : ""}`}>
        <StateIcon state={run.state} />
        <span class="visually-hidden">{run.state}</span>
        <span class="num state-age">{formatShortDuration(secs)}</span>
        {menu}
      </span>
    );
  }
  if (column.key === "created")
    return (
      <span {...shared} class={`cell muted${mark}`}>
        <Ago at={run.created_at} />
        {menu}
      </span>
    );
  if (column.key === "tags")
    return (
      <span {...shared} class={`cell tags${mark}`} title={run.tags.join(", ") || undefined}>
        {run.tags.map((tag) => (
          <Tag key={tag} text={tag} />
        ))}
        {menu}
      </span>
    );
  const text = plainText(run, column, slowNow.value);
  const numeric = column.numeric && isNumeric(run, column);
  const difference = base && base.id !== run.id && column.numeric ? differenceOf(run, base, column, slowNow.value) : null;
  const title = text === NOTHING ? undefined : `${fullText(run, column, text)}${difference ? `\n${difference.title}` : ""}`;
  return (
    <span {...shared} class={`cell${numeric ? " numeric num" : column.numeric ? " numeric" : ""}${text === "NaN" ? " bad" : ""}${mark}`} title={title}>
      {menu}
      <span class={`ellipsis${text === NOTHING ? " faint" : ""}`}>{text}</span>
      {base && column.numeric && <span class="difference num">{difference?.text}</span>}
    </span>
  );
}
