/** The small box above a list that filters it by a regular expression, kept in the URL. */

import type { RefObject } from "preact";
import { param, setParams } from "../state/route";
import { Icon } from "./icons";

interface Props {
  label: string;
  /** Which of the URL's parameters it is. */
  name: string;
  shown: number;
  all: number;
  inputRef?: RefObject<HTMLInputElement | null>;
}

export function FilterField({ label, name, shown, all, inputRef }: Props) {
  const filter = param(name);
  const set = (text: string) => setParams({ [name]: text });
  return (
    <div class="input-wrap chart-filter">
      <Icon name="search" size={14} />
      <input
        {...(inputRef ? { ref: inputRef } : {})}
        class="input bare"
        type="text"
        placeholder={label}
        title="A regular expression, such as ^val"
        aria-label={label}
        value={filter}
        spellcheck={false}
        onInput={(event) => set(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          if (!filter) event.currentTarget.blur();
          set("");
        }}
      />
      {filter && (
        <span class="muted num">
          {shown}/{all}
        </span>
      )}
    </div>
  );
}
