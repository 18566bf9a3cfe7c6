/** What floats above the page: dialogs that hold the focus, and menus that close by themselves. */

import { render, type ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { isTopmost, openOverlay } from "../state/overlays";
import { Icon, type IconName } from "./icons";
import { useUniqueId } from "./uid";

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
  /** At the left edge, from top to bottom. */
  side?: boolean;
  role?: "dialog" | "alertdialog";
}

export function Dialog({ title, onClose, children, width = 520, bare = false, side = false, role = "dialog" }: DialogProps) {
  const box = useRef<HTMLDivElement>(null);
  const titleId = useUniqueId();
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
      <div class={`scrim${bare ? " scrim-top" : ""}${side ? " scrim-side" : ""}`} onMouseDown={(event) => event.target === event.currentTarget && onClose()}>
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
  /** -1 where the button is reached by another key than Tab. */
  tabIndex?: number;
}

/**
 * Keep the panel beside its button for as long as it is open, whatever moves the button: scrolling, a resized window, rows
 * that come and go. `onGone` is called once the button has been scrolled or taken out of sight; other scrolling is no matter.
 */
function keepBeside(panel: HTMLElement, button: HTMLElement, align: "left" | "right", onGone: () => void): () => void {
  let frame = 0;
  let before = "";
  const follow = () => {
    const at = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = panel;
    const now = [at.left, at.right, at.top, at.bottom, width, height, innerWidth, innerHeight].join();
    if (now !== before) {
      before = now;
      const left = align === "right" ? at.right - width : at.left;
      const below = at.bottom + 4;
      panel.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
      panel.style.top = `${below + height > innerHeight - 8 && at.top - height - 4 > 8 ? at.top - height - 4 : below}px`;
    }
    frame = requestAnimationFrame(follow);
  };
  follow();
  // Tells as well when what is scrolled around the button hides it.
  const sight = new IntersectionObserver(([entry]) => entry && !entry.isIntersecting && onGone());
  sight.observe(button);
  return () => {
    cancelAnimationFrame(frame);
    sight.disconnect();
  };
}

/** A button that opens a small panel below itself. */
export function Popover({ label, button, buttonClass = "icon-button", children, role = "dialog", align = "right", onOpen, tabIndex }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const trigger = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const close = (refocus = true) => {
    setOpen(false);
    if (refocus) trigger.current?.focus({ preventScroll: true });
  };

  useLayoutEffect(() => {
    if (!open || !panel.current || !trigger.current) return;
    const box = panel.current;
    const stop = keepBeside(box, trigger.current, align, () => close(box.contains(document.activeElement)));
    (box.querySelector<HTMLElement>("[data-autofocus]") ?? box.querySelector<HTMLElement>(FOCUSABLE))?.focus({ preventScroll: true });
    return stop;
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
    document.addEventListener("mousedown", onDown, true);
    document.addEventListener("keydown", onKey, true);
    return () => {
      document.removeEventListener("mousedown", onDown, true);
      document.removeEventListener("keydown", onKey, true);
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
        tabIndex={tabIndex}
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
          {/* Of what floats, a dialog is a place of its own; a menu has to stand in one. */}
          <div {...(role === "menu" ? { role: "region", "aria-label": `Menu: ${label}` } : {})}>
            <div ref={panel} class="popover" role={role} aria-label={label}>
              {children(() => close())}
            </div>
          </div>
        </Portal>
      )}
    </>
  );
}

export function Menu({ label, items, button, buttonClass, tabIndex }: { label: string; items: readonly MenuItem[]; button?: ComponentChildren; buttonClass?: string; tabIndex?: number }) {
  return (
    <Popover label={label} role="menu" button={button ?? <Icon name="more" />} {...(buttonClass ? { buttonClass } : {})} {...(tabIndex === undefined ? {} : { tabIndex })}>
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
