/** Looking for something in the whole of a run's output: what, how, how often it is there, and from one place to the next. */

import type { RefObject } from "preact";
import type { ConsoleSearch as ConsoleWanted } from "../../api/client";
import { formatCount } from "../../pure/format";
import { NOTHING, type ConsoleSearch } from "../../state/consoleSearch";
import { param, setParamsSoon } from "../../state/route";
import { Icon } from "../icons";

/** What is typed stands in the URL this much later. */
const URL_MS = 400;

/** What a link says is to be looked for. */
export const wantedInUrl = (): ConsoleWanted => ({ text: param("find").slice(0, 500), regex: param("regex") === "1", matchCase: param("case") === "1" });

export function SearchField({ search, inputRef }: { search: ConsoleSearch; inputRef: RefObject<HTMLInputElement | null> }) {
  const { text, regex, matchCase } = search.wanted.value;
  const error = search.error.value;
  const change = (by: Partial<ConsoleWanted>) => {
    search.set(by);
    const now = search.wanted.peek();
    setParamsSoon({ find: now.text, regex: now.regex ? "1" : "", case: now.matchCase ? "1" : "" }, URL_MS);
  };
  return (
    <>
      <div class="input-wrap console-search" role="search">
        <Icon name="search" size={14} />
        <input
          ref={inputRef}
          class={`input bare${error ? " invalid" : ""}`}
          type="text"
          aria-label="Search the console"
          aria-invalid={error !== null}
          aria-describedby={error ? "console-search-error" : undefined}
          placeholder="Search all lines"
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          maxLength={500}
          value={text}
          onInput={(event) => change({ text: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Enter") void search.step(event.shiftKey ? -1 : 1);
            else if (event.key === "Escape") {
              change({ text: NOTHING.text });
              event.currentTarget.blur();
              event.stopPropagation();
            }
          }}
        />
        <button type="button" class="toggle small" aria-pressed={matchCase} aria-label="Match case" title="Match case" onClick={() => change({ matchCase: !matchCase })}>
          Aa
        </button>
        <button type="button" class="toggle small mono" aria-pressed={regex} aria-label="Regular expression" title="Regular expression" onClick={() => change({ regex: !regex })}>
          .*
        </button>
      </div>
      {text && !error && (
        <span class="console-hits">
          <span class="muted num" role="status">
            <Place search={search} />
          </span>
          <button type="button" class="icon-button" aria-label="Previous match" title="Previous match (N)" onClick={() => void search.step(-1)}>
            <Icon name="arrowUp" size={13} />
          </button>
          <button type="button" class="icon-button" aria-label="Next match" title="Next match (n)" onClick={() => void search.step(1)}>
            <Icon name="arrowDown" size={13} />
          </button>
        </span>
      )}
    </>
  );
}

/** `12/3,400`; `12/3,400+` while it is still being counted. */
function Place({ search }: { search: ConsoleSearch }) {
  const found = search.found.value;
  const whole = search.complete.value;
  if (!found) return <>{whole ? "none" : "searching"}</>;
  const index = search.index.value;
  return (
    <span title={whole ? undefined : `At least ${formatCount(found)}; still counting`}>
      {index === null ? "–" : formatCount(index + 1)}/{formatCount(found)}
      {whole ? "" : "+"}
    </span>
  );
}

/** Why nothing is found, where that is for an expression that is none, or that takes too long. */
export function SearchError({ search }: { search: ConsoleSearch }) {
  const error = search.error.value;
  if (!error) return null;
  return (
    <p id="console-search-error" class="console-note warn-text" role="alert">
      {error.detail} {error.hint}
      {error.unreachable && (
        <button type="button" class="link-button" onClick={() => search.restart(0)}>
          Retry
        </button>
      )}
    </p>
  );
}
