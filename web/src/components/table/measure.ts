/** How wide a column has to be for all that stands in it. */

import type { Run } from "../../api/types";
import { clampWidth, type Shown } from "../../pure/tableLayout";
import { differenceOf, plainText } from "./cellText";

const PADDING = 20;
const HEAD_EXTRA = 34;
const NAME_EXTRA = 46;
const MOST_ROWS = 2000;

/** Return the width that fits a column's head and its values, as far as they have come. */
export function fittingWidth(box: HTMLElement | null, key: string, columns: readonly Shown[], rows: readonly Run[], base: Run | null): number {
  const column = columns.find((one) => one.key === key);
  const context = document.createElement("canvas").getContext("2d");
  if (!column || !context || !box) return 120;
  const style = getComputedStyle(box);
  context.font = `${style.fontSize} ${style.fontFamily}`;
  const wide = (text: string) => context.measureText(text).width;
  const now = Date.now();
  const widest = rows.slice(0, MOST_ROWS).reduce((most, run) => {
    if (key === "name") return Math.max(most, wide(run.name) * 1.06 + NAME_EXTRA);
    const tags = key === "tags" ? run.tags.length * 18 : 0;
    const difference = base && column.numeric ? differenceOf(run, base, column, now) : null;
    return Math.max(most, wide(plainText(run, column, now)) + tags + (difference ? wide(difference.text) + 8 : 0));
  }, 0);
  return clampWidth(Math.max(widest + PADDING, wide(column.label) + HEAD_EXTRA));
}
