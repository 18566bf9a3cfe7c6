/** When lines were written: showing it beside them, and going to a time. */

import { useSignal, type Signal } from "@preact/signals";
import type { RefObject } from "preact";
import { asApiError } from "../../api/error";
import { formatTime } from "../../pure/format";
import { parseWhen } from "../../pure/when";
import type { ConsoleTimes } from "../../state/consoleTimes";
import { Icon } from "../icons";
import { Popover } from "../overlay";

interface Props {
  times: ConsoleTimes;
  shown: Signal<boolean>;
  /** Called with the byte that was being written at a time, in ms. */
  onGo: (byte: number, time: number) => void;
  /** What holds the button, so that a key can press it. */
  boxRef: RefObject<HTMLSpanElement | null>;
}

export function TimeTools({ times, shown, onGo, boxRef }: Props) {
  return (
    <span ref={boxRef} class="console-times">
      <button type="button" class="toggle" aria-pressed={shown.value} onClick={() => (shown.value = !shown.value)} title="When each line was written (T)">
        Times
      </button>
      <Popover label="Go to a time" button={<Icon name="clock" size={14} />} onOpen={() => void times.look()}>
        {(close) => <GoToTime times={times} onGo={onGo} close={close} />}
      </Popover>
    </span>
  );
}

function GoToTime({ times, onGo, close }: { times: ConsoleTimes; onGo: Props["onGo"]; close: () => void }) {
  const text = useSignal("");
  const complaint = useSignal<string | null>(null);
  const [kept, first, last] = [times.kept.value, times.first.value, times.last.value];
  const submit = async () => {
    if (times.first.peek() === null) await times.look();
    const [begin, end] = [times.first.peek(), times.last.peek()];
    if (begin === null || end === null) return; // the panel says why
    const time = parseWhen(text.value, begin, end);
    if (time === null) {
      complaint.value = "Not a time: 14:32, 2026-11-23 14:32:10 or +1h 30m would be one.";
      return;
    }
    try {
      const byte = await times.placeOf(time);
      if (byte === null) return;
      close();
      onGo(byte, time);
    } catch (error) {
      complaint.value = asApiError(error).detail;
    }
  };
  if (kept === false || (kept && first === null)) return <p class="time-panel">{NOT_KEPT}</p>;
  return (
    <form
      class="time-panel"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <label for="console-time">Go to a time</label>
      <div class="time-line">
        <input
          id="console-time"
          data-autofocus
          class={`input${complaint.value ? " invalid" : ""}`}
          type="text"
          placeholder="14:32 or +1h 30m"
          spellcheck={false}
          autocomplete="off"
          aria-invalid={complaint.value !== null}
          aria-describedby="console-time-note"
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            complaint.value = null;
          }}
        />
        <button type="submit" class="button primary">
          Go
        </button>
      </div>
      <p id="console-time-note" class={complaint.value ? "field-error" : "field-hint"} role="status">
        {complaint.value ?? times.error.value?.detail ?? (first !== null && last !== null ? `From ${formatTime(first)} to ${formatTime(last)}` : " ")}
      </p>
    </form>
  );
}

export const NOT_KEPT = "When lines were written is not known of this run: it was imported, or recorded by an older version.";
