/** What is in the menu of groups: the fields that rows are grouped by, outermost first, and those that can be. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Icon } from "../../components/icons";
import { useAutofocus } from "../../components/lazy";
import { MAX_LEVELS, PLAIN_GROUP_KEYS, groupWord } from "../../pure/grouping";
import { groupBy, setGroupBy } from "../../state/grouping";
import { columns } from "../../state/runs";

export function GroupPanel() {
  const box = useRef<HTMLDivElement>(null);
  useAutofocus(box);
  const search = useSignal("");
  const by = groupBy();
  const keys = [...PLAIN_GROUP_KEYS, ...columns.value.config.map((key) => `config.${key}`)];
  const found = keys.filter((key) => !by.includes(key) && groupWord(key).toLowerCase().includes(search.value.toLowerCase()));
  const full = by.length >= MAX_LEVELS;
  return (
    <div ref={box} class="columns-menu">
      {by.length > 0 && (
        <fieldset>
          <legend>Grouped by</legend>
          {by.map((key, at) => (
            <div key={key} class="check-row chosen-column">
              <span class="ellipsis grow">
                {at + 1}. {groupWord(key)}
              </span>
              <button type="button" class="icon-button" aria-label={`Move ${groupWord(key)} up`} title="Further out" disabled={at === 0} onClick={() => setGroupBy([...by.slice(0, at - 1), key, by[at - 1]!, ...by.slice(at + 1)])}>
                <Icon name="arrowUp" size={12} />
              </button>
              <button type="button" class="icon-button" aria-label={`Do not group by ${groupWord(key)}`} title="Do not group by it" onClick={() => setGroupBy(by.filter((one) => one !== key))}>
                <Icon name="close" size={12} />
              </button>
            </div>
          ))}
        </fieldset>
      )}
      {full ? (
        <p class="columns-more muted">These are the {MAX_LEVELS} levels there can be.</p>
      ) : (
        <>
          <div class="input-wrap">
            <Icon name="search" size={14} />
            <input class="input bare" type="text" data-autofocus aria-label="Search fields" placeholder={by.length ? "And then by" : "Group by"} value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
          </div>
          <div class="columns-list">
            {found.slice(0, 100).map((key) => (
              <button key={key} type="button" class="menu-item" onClick={() => setGroupBy([...by, key])}>
                <span class="ellipsis">{groupWord(key)}</span>
                {key.startsWith("config.") && <span class="faint push-right">config</span>}
              </button>
            ))}
          </div>
        </>
      )}
      {by.length > 0 && (
        <div class="columns-foot">
          <button type="button" class="link-button" onClick={() => setGroupBy([])}>
            No groups
          </button>
        </div>
      )}
    </div>
  );
}
