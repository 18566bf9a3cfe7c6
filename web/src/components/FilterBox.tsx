/** The box above the table of runs that filters it: completes what is typed, and points at what it does not understand. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api/error";
import { getFieldValues } from "../api/client";
import { part } from "../api/parts";
import { valueText } from "../pure/filterTerms";
import type { Typing } from "../pure/suggest";
import { flushParams, param, paramsWait, setParamsSoon } from "../state/route";
import { columns } from "../state/runs";
import { Icon } from "./icons";
import { lazy } from "./lazy";

const FilterError = lazy(() => import("./FilterError"), (it) => it.FilterError, null);
/** Loaded as somebody is about to type; until it has come, nothing is completed. */
const loadSuggest = part(() => import("../pure/suggest"));
let suggest: Awaited<ReturnType<typeof loadSuggest>> | null = null;

const FILTER_DELAY_MS = 200;
const VALUES_DELAY_MS = 120;

interface Choice {
  text: string;
  note: string;
}

export function FilterBox({ inputRef, error }: { inputRef: { current: HTMLInputElement | null }; error: ApiError | null }) {
  const fromUrl = param("q");
  const [text, setText] = useState(fromUrl);
  const [typing, setTyping] = useState<Typing | null>(null);
  const [active, setActive] = useState(-1);
  const sent = useRef(fromUrl);
  useEffect(() => {
    // The URL changed by other means than this box: a link, the way back, a click on a cell.
    if (fromUrl !== sent.current && !paramsWait()) {
      sent.current = fromUrl;
      setText(fromUrl);
    }
  }, [fromUrl]);
  const choices = useChoices(typing);
  const open = typing !== null && choices.length > 0;
  const send = (value: string, delayMs: number) => {
    setText(value);
    sent.current = value.trim();
    setParamsSoon({ q: sent.current }, delayMs);
    if (!delayMs) flushParams();
  };
  const follow = (input: HTMLInputElement) => {
    const caret = input.selectionStart;
    setTyping(suggest && caret === input.selectionEnd ? suggest.typingAt(input.value, caret ?? input.value.length) : null);
    setActive(-1);
  };
  const ready = async () => {
    if (suggest) return;
    suggest = await loadSuggest().catch(() => null); // the next one who comes here tries again
    const input = inputRef.current;
    if (input?.value && document.activeElement === input) follow(input);
  };
  const take = (choice: Choice) => {
    const input = inputRef.current;
    if (!input || !typing || !suggest) return;
    const next = suggest.taken(text, input.selectionStart ?? text.length, typing, choice.text);
    // At once, and not when it is drawn next: whoever types on at once types behind it.
    input.value = next.text;
    input.focus();
    input.setSelectionRange(next.caret, next.caret);
    send(next.text, FILTER_DELAY_MS);
    follow(input);
  };
  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const by = event.key === "ArrowDown" ? 1 : -1;
      setActive(active < 0 ? (by > 0 ? 0 : choices.length - 1) : (active + by + choices.length) % choices.length);
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      take(choices[Math.max(0, active)]!);
    } else if (event.key === "Enter") {
      if (open && active >= 0) take(choices[active]!);
      else {
        setTyping(null);
        flushParams();
      }
    } else if (event.key === "Escape") {
      if (open) setTyping(null);
      else if (text) send("", 0);
      else event.currentTarget.blur();
      event.stopPropagation();
    }
  };
  return (
    <div class={`input-wrap filter-box${error ? " invalid" : ""}`}>
      <Icon name="search" size={14} />
      <input
        ref={inputRef}
        class="input bare"
        type="text"
        role="combobox"
        aria-label="Filter runs"
        aria-expanded={open}
        aria-controls="filter-choices"
        aria-autocomplete="list"
        aria-activedescendant={open && active >= 0 ? `filter-choice-${active}` : undefined}
        aria-invalid={error !== null}
        aria-describedby={error ? "filter-error" : undefined}
        placeholder="Filter: name, tag:baseline, config.lr < 0.01 or state:running"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          send(event.currentTarget.value, FILTER_DELAY_MS);
          follow(event.currentTarget);
        }}
        onFocus={() => void ready()}
        onClick={(event) => text && follow(event.currentTarget)}
        onBlur={() => setTyping(null)}
        onKeyDown={onKeyDown}
      />
      {text ? (
        <button
          type="button"
          class="icon-button"
          aria-label="Clear the filter"
          onClick={() => {
            send("", 0);
            inputRef.current?.focus();
          }}
        >
          <Icon name="close" size={13} />
        </button>
      ) : (
        <kbd>/</kbd>
      )}
      {(error || open) && (
        <div class="filter-drop">
          {error && <FilterError error={error} query={fromUrl} />}
          {open && (
            <ul id="filter-choices" role="listbox" aria-label="What may come next" class="filter-choices">
              {choices.map((choice, at) => (
                <li
                  key={choice.text}
                  id={`filter-choice-${at}`}
                  role="option"
                  aria-selected={at === active}
                  class={at === active ? "active" : ""}
                  onMouseDown={(event) => {
                    event.preventDefault(); // the box keeps the focus
                    take(choice);
                  }}
                >
                  <span class="ellipsis">{choice.text}</span>
                  <span class="faint num">{choice.note}</span>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </div>
  );
}

/** Names are known here; values are asked of the viewer, after a pause. */
function useChoices(typing: Typing | null): readonly Choice[] {
  const [values, setValues] = useState<{ of: string; choices: readonly Choice[] }>({ of: "", choices: [] });
  const asked = typing?.kind === "value" ? `${typing.field}\n${typing.typed}` : "";
  useEffect(() => {
    if (typing?.kind !== "value") return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      getFieldValues({ project: param("p") }, typing.field, typing.typed, abort.signal).then(
        (found) => {
          const choices = found.values.filter((one) => one.value !== typing.typed).map((one) => ({ text: valueText(one.value), note: String(one.count) }));
          setValues({ of: asked, choices });
        },
        () => {}, // what is no field has no values; the filter itself says so
      );
    }, VALUES_DELAY_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [asked]);
  if (!typing || !suggest) return [];
  if (typing.kind === "name") return suggest.nameChoices(typing.typed, columns.value).map((text) => ({ text, note: "" }));
  return values.of === asked ? values.choices : [];
}
