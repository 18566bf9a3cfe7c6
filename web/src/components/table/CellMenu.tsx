/** What is offered for the cell that the cursor is in: filters made of its value, and grouping by its column. */

import type { Run } from "../../api/types";
import type { Column } from "../../pure/columns";
import { termsOf, withTerm } from "../../pure/filterTerms";
import { isGroupKey, MAX_LEVELS } from "../../pure/grouping";
import { groupBy, setGroupBy } from "../../state/grouping";
import { flushParams, param, setParams } from "../../state/route";
import { toast } from "../../state/toasts";
import { copyText } from "../basics";
import { Icon } from "../icons";
import { Menu, type MenuItem } from "../overlay";

interface Props {
  run: Run;
  column: Column;
  text: string;
}

export function CellMenu({ run, column, text }: Props) {
  const add = (term: string) => {
    flushParams();
    setParams({ q: withTerm(param("q"), term) }, "push");
  };
  const items: MenuItem[] = termsOf(run, column.key).map(({ label, term }) => ({ label, icon: "filter", onSelect: () => add(term) }));
  const by = groupBy();
  if (isGroupKey(column.key) && !by.includes(column.key))
    items.push({ label: `Group by ${column.label}`, icon: "group", disabled: by.length >= MAX_LEVELS, onSelect: () => setGroupBy([...by, column.key]) });
  items.push({ label: "Copy the value", icon: "copy", onSelect: () => void copyText(text).then((done) => done && toast("Copied the value.")) });
  return (
    <span class="cell-menu">
      <Menu label={`Filter by ${column.label} of ${run.name}`} button={<Icon name="filter" size={12} />} items={items} />
    </span>
  );
}
