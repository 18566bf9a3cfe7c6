/** What floats above the page: dialogs that hold the focus, and menus that close by themselves. */

import { render, type ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isTopmost, openOverlay } from "../state/overlays";
import { Icon, type IconName } from "./icons";

const FOCUSABLE = 'a[href],button:not([disabled]),input:not([disabled]),select:not([disabled]),textarea:not([disabled]),[tabindex]:not([tabindex="-1"])';

/** Draw `children` at the end of the document, where no ancestor's filter or overflow reaches them. */
function Portal({ children }: { children: ComponentChildren }) {
  const host = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    if (!host.current) host.current = document.body.appendChild(document.createElement("div"));
    render(<>{children}</>, host.current);
  });
  useLayoutEffect(
    () => () => {
      if (!host.current) return;
      render(null, host.current);
      host.current.remove();
      host.current = null;
    },
    [],
  );
  return null;
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  width?: number;
  /** Hide the head, for dialogs that are all input, such as the search. */
  bare?: boolean;
  role?: "dialog" | "alertdialog";
}

export function Dialog({ title, onClose, children, width = 520, bare = false, role = "dialog" }: DialogProps) {
  const box = useRef<HTMLDivElement>(null);
  const titleId = useId();
  const close = useRef(onClose);
  close.current = onClose;

  // Before it is painted: whoever sees it can close it with a key.
  useLayoutEffect(() => {
    const me = {};
    const leave = openOverlay(me);
    const before = document.activeElement as HTMLElement | null;
    const wanted = box.current?.querySelector<HTMLElement>("[data-autofocus]") ?? box.current?.querySelector<HTMLElement>(FOCUSABLE);
    (wanted ?? box.current)?.focus();
    const onKey = (event: KeyboardEvent) => {
      if (!isTopmost(me)) return;
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close.current();
      } else if (event.key === "Tab") keepInside(event, box.current);
    };
    document.addEventListener("keydown", onKey, true);
    return () => {
      document.removeEventListener("keydown", onKey, true);
      leave();
      before?.focus?.({ preventScroll: true });
    };
  }, []);

  return (
    <Portal>
      <div class={`scrim${bare ? " scrim-top" : ""}`} onMouseDown={(event) => event.target === event.currentTarget && onClose()}>
        <div ref={box} class={`dialog${bare ? " dialog-bare" : ""}`} role={role} aria-modal="true" aria-labelledby={titleId} tabIndex={-1} style={{ width: `${width}px` }}>
        <div class={bare ? "visually-hidden" : "dialog-head"}>
          <h2 id={titleId}>{title}</h2>
          {!bare && (
            <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </button>
          )}
        </div>
        {children}
      </div>
    </div>
    </Portal>
  );
}

function keepInside(event: KeyboardEvent, box: HTMLElement | null): void {
  const all = [...(box?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].filter((one) => one.offsetParent !== null);
  const first = all[0];
  const last = all[all.length - 1];
  if (!first || !last) return;
  const active = document.activeElement;
  if (!box!.contains(active)) {
    event.preventDefault();
    first.focus();
  } else if (event.shiftKey && (active === first || active === box)) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && active === last) {
    event.preventDefault();
    first.focus();
  }
}

export interface MenuItem {
  label: string;
  icon?: IconName;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

interface PopoverProps {
  label: string;
  button: ComponentChildren;
  buttonClass?: string;
  children: (close: () => void) => ComponentChildren;
  role?: "menu" | "dialog";
  align?: "left" | "right";
  onOpen?: () => void;
}

/** A button that opens a small panel below itself. */
export function Popover({ label, button, buttonClass = "icon-button", children, role = "dialog", align = "right", onOpen }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const trigger = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const close = (refocus = true) => {
    setOpen(false);
    if (refocus) trigger.current?.focus({ preventScroll: true });
  };

  useLayoutEffect(() => {
    if (!open || !panel.current || !trigger.current) return;
    const at = trigger.current.getBoundingClientRect();
    const box = panel.current;
    const { offsetWidth: width, offsetHeight: height } = box;
    const left = align === "right" ? at.right - width : at.left;
    const below = at.bottom + 4;
    box.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    box.style.top = `${below + height > innerHeight - 8 && at.top - height - 4 > 8 ? at.top - height - 4 : below}px`;
    (box.querySelector<HTMLElement>("[data-autofocus]") ?? box.querySelector<HTMLElement>(FOCUSABLE))?.focus({ preventScroll: true });
  }, [open]);

  useLayoutEffect(() => {
    if (!open) return;
    const onDown = (event: MouseEvent) => {
      if (!panel.current?.contains(event.target as Node) && !trigger.current?.contains(event.target as Node)) close(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close();
      } else if (event.key === "Tab") keepInside(event, panel.current);
      else if (role === "menu" && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        const all = [...(panel.current?.querySelectorAll<HTMLElement>("[role=menuitem]:not([disabled])") ?? [])];
        const at = all.indexOf(document.activeElement as HTMLElement);
        all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]?.focus();
      }
    };
    const onScroll = (event: Event) => {
      if (!panel.current?.contains(event.target as Node)) close(false);
    };
    document.addEventListener("mousedown", onDown, true);
    document.addEventListener("keydown", onKey, true);
    document.addEventListener("scroll", onScroll, true);
    window.addEventListener("resize", onScroll);
    return () => {
      document.removeEventListener("mousedown", onDown, true);
      document.removeEventListener("keydown", onKey, true);
      document.removeEventListener("scroll", onScroll, true);
      window.removeEventListener("resize", onScroll);
    };
  }, [open]);

  return (
    <>
      <button
        ref={trigger}
        type="button"
        class={buttonClass}
        aria-label={label}
        title={buttonClass.includes("icon-button") ? label : undefined}
        aria-haspopup={role}
        aria-expanded={open}
        onClick={(event) => {
          event.stopPropagation();
          if (!open) onOpen?.();
          setOpen(!open);
        }}
      >
        {button}
      </button>
      {open && (
        <Portal>
          <div ref={panel} class="popover" role={role} aria-label={label}>
            {children(() => close())}
          </div>
        </Portal>
      )}
    </>
  );
}

export function Menu({ label, items, button, buttonClass }: { label: string; items: readonly MenuItem[]; button?: ComponentChildren; buttonClass?: string }) {
  return (
    <Popover label={label} role="menu" button={button ?? <Icon name="more" />} {...(buttonClass ? { buttonClass } : {})}>
      {(close) =>
        items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            class={`menu-item${item.danger ? " danger" : ""}`}
            disabled={item.disabled}
            onClick={() => {
              close();
              item.onSelect();
            }}
          >
            {item.icon ? <Icon name={item.icon} size={14} /> : <span class="menu-gap" />}
            {item.label}
          </button>
        ))
      }
    </Popover>
  );
}
