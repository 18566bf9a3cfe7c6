/** The box above the table of runs that filters it. What is typed goes into the URL after a pause. */

import { useEffect, useRef, useState } from "preact/hooks";
import { flushParams, param, paramsWait, setParamsSoon } from "../state/route";
import { Icon } from "./icons";

const FILTER_DELAY_MS = 200;

export function FilterBox({ inputRef, error }: { inputRef: { current: HTMLInputElement | null }; error: string | null }) {
  const fromUrl = param("q");
  const [text, setText] = useState(fromUrl);
  const sent = useRef(fromUrl);
  useEffect(() => {
    // The URL changed by other means than this box: a link, the way back.
    if (fromUrl !== sent.current && !paramsWait()) {
      sent.current = fromUrl;
      setText(fromUrl);
    }
  }, [fromUrl]);
  const send = (value: string, delayMs: number) => {
    setText(value);
    sent.current = value.trim();
    setParamsSoon({ q: sent.current }, delayMs);
    if (!delayMs) flushParams();
  };
  return (
    <div class={`input-wrap filter-box${error ? " invalid" : ""}`}>
      <Icon name="search" size={14} />
      <input
        ref={inputRef}
        class="input bare"
        type="text"
        role="searchbox"
        aria-label="Filter runs"
        aria-invalid={error !== null}
        aria-describedby={error ? "filter-error" : undefined}
        placeholder="Filter: name, tag:baseline, state:running, config.lr < 0.01"
        spellcheck={false}
        value={text}
        onInput={(event) => send(event.currentTarget.value, FILTER_DELAY_MS)}
        onKeyDown={(event) => {
          if (event.key === "Enter") flushParams();
          else if (event.key === "Escape") {
            if (text) send("", 0);
            else event.currentTarget.blur();
            event.stopPropagation();
          }
        }}
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
      {error && (
        <p id="filter-error" class="filter-error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
