/** Small parts that every page uses: copy buttons, times, states of a view, fields, toasts. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { detailText, type ApiError } from "../api/error";
import { formatAgo, formatTime } from "../pure/format";
import { now, slowNow } from "../state/clock";
import { dismiss, toast, toasts } from "../state/toasts";
import { Icon, StateIcon } from "./icons";
import { useUniqueId } from "./uid";

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard outside of a secure context (a plain-http name that is not localhost): the old way still works.
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function CopyButton({ text, label }: { text: string | (() => string); label: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      class={`icon-button copy-button${copied ? " copied" : ""}`}
      aria-label={label}
      title={copied ? "Copied" : label}
      onClick={(event) => {
        event.stopPropagation();
        void copyText(typeof text === "string" ? text : text()).then((done) => {
          if (!done) return toast("The browser did not allow copying.", undefined, "error");
          setCopied(true);
          setTimeout(() => setCopied(false), 1200);
        });
      }}
    >
      <Icon name={copied ? "check" : "copy"} size={14} />
      <span class="visually-hidden" role="status">
        {copied ? "Copied" : ""}
      </span>
    </button>
  );
}

/** A relative time that stays true; the exact one on hover. `at`: ISO text or ms since 1970. */
export function Ago({ at, precise = false }: { at: string | number | null | undefined; precise?: boolean }) {
  if (at === null || at === undefined) return <span class="muted">–</span>;
  const ms = typeof at === "number" ? at : Date.parse(at);
  if (Number.isNaN(ms)) return <span class="muted">–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatTime(ms)}>
      {formatAgo(ms, (precise ? now : slowNow).value)}
    </time>
  );
}

export function StateBadge({ state }: { state: string }) {
  return (
    <span class={`state-badge state-${state}`}>
      <StateIcon state={state} />
      {state}
    </span>
  );
}

export function Code({ text, label = "Copy" }: { text: string; label?: string }) {
  return (
    <div class="code">
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} label={label} />
    </div>
  );
}

/** Show `children` only if they are still wanted after 150 ms, so that quick answers never flash a skeleton. */
export function Delayed({ children, ms = 150 }: { children: ComponentChildren; ms?: number }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), ms);
    return () => clearTimeout(timer);
  }, []);
  return shown ? <>{children}</> : null;
}

export function Bone({ width, height = 10 }: { width: number | string; height?: number }) {
  return <span class="bone" style={{ width: typeof width === "number" ? `${width}px` : width, height: `${height}px` }} />;
}

/** The skeleton of a table whose rows have these columns; `widths` in pixels. */
export const TableBones = ({ rows, widths }: { rows: number; widths: readonly number[] }) => (
  <div class="table-bones" aria-hidden="true">
    {Array.from({ length: rows }, (_, row) => (
      <div key={row} class="bone-row">
        {widths.map((width, at) => (
          <Bone key={at} width={width > 99 ? width + ((row * 37) % 70) : width} height={width > 12 ? 10 : 12} />
        ))}
      </div>
    ))}
  </div>
);

interface ErrorProps {
  error: ApiError;
  onRetry?: (() => void) | undefined;
  retryLabel?: string;
  compact?: boolean;
}

export function ErrorState({ error, onRetry, retryLabel = "Retry", compact = false }: ErrorProps) {
  return (
    <div class={`error-state${compact ? " compact" : ""}`} role="alert">
      <Icon name="warning" size={compact ? 16 : 20} />
      <div>
        <p class="error-sentence">{error.detail}</p>
        {error.hint && <p class="error-hint">{error.hint}</p>}
        <p class="error-foot">
          <code>{error.code}</code>
          {onRetry && (
            <button type="button" class="button small" onClick={onRetry}>
              {retryLabel}
            </button>
          )}
        </p>
      </div>
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty-state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div class="fact">
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password";
  placeholder?: string;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  mono?: boolean;
  autofocus?: boolean;
  rows?: number;
  autocomplete?: string;
  inputMode?: "numeric" | "text";
  disabled?: boolean;
}

export function Field({ label, value, onInput, type = "text", placeholder, hint, error, mono, autofocus, rows, autocomplete = "off", inputMode, disabled }: FieldProps) {
  const id = useUniqueId();
  const shared = {
    id,
    value,
    placeholder,
    disabled,
    autocomplete,
    spellcheck: false,
    autocapitalize: "off" as const,
    class: `input${mono ? " mono" : ""}${error ? " invalid" : ""}`,
    "aria-invalid": Boolean(error),
    "aria-describedby": error || hint ? `${id}-note` : undefined,
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => onInput(event.currentTarget.value),
    ...(autofocus ? { "data-autofocus": true } : {}),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {rows ? (
        <textarea rows={rows} {...shared} />
      ) : type === "password" ? (
        <input type="password" {...shared} />
      ) : (
        <input type="text" inputMode={inputMode} {...shared} />
      )}
      {(error || hint) && (
        <p id={`${id}-note`} class={error ? "field-error" : "field-hint"}>
          {error || hint}
        </p>
      )}
    </div>
  );
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <div key={one.id} class={`toast ${one.kind}`}>
          <span>{one.text}</span>
          {one.action && (
            <button
              type="button"
              class="link-button"
              onClick={() => {
                one.action!.run();
                dismiss(one.id);
              }}
            >
              {one.action.label}
            </button>
          )}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(one.id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}

export { detailText };
