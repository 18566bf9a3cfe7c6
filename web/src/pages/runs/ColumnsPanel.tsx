/** What is in the menu of columns: they are searched, chosen, put in order and pinned. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Icon } from "../../components/icons";
import { useAutofocus } from "../../components/lazy";
import { columnOf, FIXED_KEYS, METRIC_KINDS } from "../../pure/columns";
import { columns as names } from "../../state/runs";
import type { ColumnActions, TableColumns } from "../../state/tableColumns";

const MOST = 120;

export function ColumnsPanel({ columns, actions }: { columns: TableColumns; actions: ColumnActions }) {
  const box = useRef<HTMLDivElement>(null);
  useAutofocus(box);
  const search = useSignal("");
  const wanted = search.value.toLowerCase();
  const matches = (key: string) => (columnOf(key)?.label ?? key).toLowerCase().includes(wanted) || key.toLowerCase().includes(wanted);
  const groups: { title: string; keys: string[] }[] = [
    { title: "Run", keys: [...FIXED_KEYS] },
    { title: "Config", keys: names.value.config.map((key) => `config.${key}`) },
    { title: "Summary", keys: names.value.summary.map((key) => `summary.${key}`) },
    { title: "Metrics", keys: names.value.metrics.flatMap((name) => METRIC_KINDS.map((kind) => `${kind}.${name}`)) },
  ];
  return (
    <div ref={box} class="columns-menu">
      <div class="input-wrap">
        <Icon name="search" size={14} />
        <input class="input bare" type="text" data-autofocus aria-label="Search columns" placeholder="Search columns" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
      </div>
      <div class="columns-list">
        {!wanted && <Chosen columns={columns} actions={actions} />}
        {groups.map(({ title, keys }) => {
          const found = keys.filter((key) => matches(key) && (wanted || !columns.keys.includes(key)));
          return found.length ? (
            <fieldset key={title}>
              <legend>{title}</legend>
              {found.slice(0, MOST).map((key) => (
                <label key={key} class="check-row">
                  <input type="checkbox" checked={columns.keys.includes(key)} onChange={() => actions.toggle(key)} />
                  <span class="ellipsis">{columnOf(key)?.label}</span>
                </label>
              ))}
              {found.length > MOST && <p class="columns-more muted">{found.length - MOST} more; search for them</p>}
            </fieldset>
          ) : null;
        })}
      </div>
      <div class="columns-foot">
        <button type="button" class="link-button" onClick={() => actions.reset()}>
          Back to the default
        </button>
      </div>
    </div>
  );
}

/** The columns that are shown, in their order: by keys as well as in the heads of the table. */
function Chosen({ columns, actions }: { columns: TableColumns; actions: ColumnActions }) {
  return (
    <fieldset>
      <legend>Shown, from left to right</legend>
      {columns.keys.map((key, at) => {
        const label = columnOf(key)?.label ?? key;
        const pinned = columns.pinned.has(key);
        return (
          <div key={key} class="check-row chosen-column">
            <label>
              <input type="checkbox" checked onChange={() => actions.toggle(key)} />
              <span class="ellipsis">{label}</span>
            </label>
            <button type="button" class="icon-button" aria-label={`Move ${label} up`} title="Further to the left" disabled={at === 0} onClick={() => actions.move(key, at - 1)}>
              <Icon name="arrowUp" size={12} />
            </button>
            <button type="button" class="icon-button" aria-label={`Move ${label} down`} title="Further to the right" disabled={at === columns.keys.length - 1} onClick={() => actions.move(key, at + 1)}>
              <Icon name="arrowDown" size={12} />
            </button>
            <button type="button" class={`icon-button${pinned ? " on" : ""}`} aria-pressed={pinned} aria-label={`Pin ${label}`} title="Stays at the left" onClick={() => actions.pin(key)}>
              <Icon name="pin" size={12} />
            </button>
          </div>
        );
      })}
    </fieldset>
  );
}
