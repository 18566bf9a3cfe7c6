/** The page's own icons: 16 px, one stroke width, drawn in the colour of the text around them. */

import type { ComponentChildren } from "preact";

const SHAPES = {
  search: <><circle cx="7" cy="7" r="4.25" /><path d="m10.2 10.2 3.3 3.3" /></>,
  clock: <><circle cx="8" cy="8" r="5.5" /><path d="M8 4.8V8l2.2 1.5" /></>,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  check: <path d="m3.2 8.4 3.2 3.2 6.4-7" />,
  cross: <path d="m4.5 4.5 7 7m0-7-7 7" />,
  chevronRight: <path d="m6 3.5 4.5 4.5L6 12.5" />,
  chevronDown: <path d="M3.5 6 8 10.5 12.5 6" />,
  chevronLeft: <path d="M10 3.5 5.5 8l4.5 4.5" />,
  more: <><circle cx="3.2" cy="8" r=".7" /><circle cx="8" cy="8" r=".7" /><circle cx="12.8" cy="8" r=".7" /></>,
  copy: <><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" /></>,
  expand: <path d="M9.5 2.5h4v4M13.5 2.5l-4.5 4.5M6.5 13.5h-4v-4M2.5 13.5 7 9" />,
  columns: <><rect x="2.5" y="2.5" width="11" height="11" rx="1.5" /><path d="M6.2 2.5v11M9.8 2.5v11" /></>,
  folder: <path d="M2 4.2c0-.7.5-1.2 1.2-1.2h3l1.4 1.6h5.2c.7 0 1.2.5 1.2 1.2v6c0 .7-.5 1.2-1.2 1.2H3.2c-.7 0-1.2-.5-1.2-1.2z" />,
  file: <path d="M9 2H4.5c-.6 0-1 .4-1 1v10c0 .6.4 1 1 1h7c.6 0 1-.4 1-1V5.5zM9 2v3.5h3.5" />,
  server: <><rect x="2" y="2.5" width="12" height="4.6" rx="1" /><rect x="2" y="8.9" width="12" height="4.6" rx="1" /><path d="M4.5 4.8h.01M4.5 11.2h.01" stroke-width="2" stroke-linecap="round" /></>,
  key: <><circle cx="5" cy="10.8" r="2.7" /><path d="m7 8.8 6.2-6.2M10.6 5.2l2 2M12.2 3.6l1.4 1.4" /></>,
  sun: <><circle cx="8" cy="8" r="2.8" /><path d="M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1" /></>,
  moon: <path d="M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z" />,
  auto: <><circle cx="8" cy="8" r="5.5" /><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11z" fill="currentColor" stroke="none" /></>,
  help: <path d="M5.8 5.9a2.3 2.3 0 1 1 3.4 2c-.8.4-1.2.9-1.2 1.8M8 12.2v.01" stroke-linecap="round" />,
  warning: <><path d="M8 2.2 14.3 13H1.7z" /><path d="M8 6.4v3.2M8 11.3v.01" stroke-linecap="round" /></>,
  sidebar: <><rect x="2" y="2.5" width="12" height="11" rx="1.5" /><path d="M6 2.5v11" /></>,
  table: <><rect x="2" y="2.5" width="12" height="11" rx="1.5" /><path d="M2 6.2h12M2 9.8h12" /></>,
  chart: <path d="M2.5 2.5v11h11M4.8 10l2.6-3 2.2 1.8 3.6-4.6" />,
  both: <><rect x="2" y="2.5" width="12" height="11" rx="1.5" /><path d="M8 2.5v11" /></>,
  arrowUp: <path d="M8 13V3.4M4 7.2l4-4 4 4" />,
  arrowDown: <path d="M8 3v9.6M4 8.8l4 4 4-4" />,
  download: <path d="M8 2.5v7.6M4.8 7.2 8 10.4l3.2-3.2M2.5 13.5h11" />,
  pencil: <path d="m10.8 2.9 2.3 2.3-7.6 7.6-3 .7.7-3zM9.3 4.4l2.3 2.3" />,
  trash: <path d="M2.8 4.2h10.4M6.2 4.2V2.8h3.6v1.4M4.2 4.2l.6 9h6.4l.6-9" />,
  undo: <path d="M6.2 3 3 6.2l3.2 3.2M3 6.2h6.6a3.4 3.4 0 0 1 0 6.8H6.5" />,
  archive: <><rect x="2" y="3" width="12" height="3.2" rx="0.8" /><path d="M3 6.2v6.3c0 .4.3.8.8.8h8.4c.5 0 .8-.4.8-.8V6.2M6.5 9h3" /></>,
  tag: <><path d="M2.5 2.5h5l6 6-5 5-6-6z" /><path d="M5.3 5.3h.01" stroke-width="1.8" stroke-linecap="round" /></>,
  filter: <path d="M2.5 3h11L9.4 8.2v4.3l-2.8 1V8.2z" />,
  group: <path d="M2.5 3.5h11M5 7h8.5M5 10h8.5M2.5 13h11" />,
  pin: <path d="M5.5 2.5h5M6.4 2.5v4.2L4.5 9h7L9.6 6.7V2.5M8 9v4.5" />,
  eye: <><path d="M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8z" /><circle cx="8" cy="8" r="1.8" /></>,
  palette: <><path d="M8 2.2a5.8 5.8 0 1 0 0 11.6c1 0 1.3-.7 1-1.4-.4-1 .2-1.9 1.2-1.9h1.6c1.3 0 2-1 2-2.4C13.8 4.700 11.200 2.200 8 2.200z" /><path d="M5.200 6.400h.01M8 5h.01M10.800 6.400h.01" stroke-width="1.8" /></>,
  note: <path d="M3 2.5h10v11H3zM5.5 5.8h5M5.5 8.2h5M5.5 10.6h3" />,
} satisfies Record<string, ComponentChildren>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.35"
      stroke-linejoin="round"
      stroke-linecap="round"
      aria-hidden="true"
      focusable="false"
    >
      {SHAPES[name]}
    </svg>
  );
}

/** The mark: a faceted horn. */
export function Mark() {
  return (
    <svg class="mark" width="18" height="18" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d="M8 .8 14.2 8 8 15.2 1.8 8Z" class="mark-outer" />
      <path d="M8 .8 10.1 8 8 15.2 5.9 8Z" class="mark-inner" />
    </svg>
  );
}

/** Colour and shape of a state: a triangle runs, a tick is done, a cross failed, a square was killed, two bars were preempted; a question is not known. */
export function StateIcon({ state }: { state: string }) {
  const shape =
    state === "running" ? (
      <path d="M4 2.5v11l9-5.5z" fill="currentColor" stroke="none" />
    ) : state === "finished" ? (
      <path d="m2.8 8.4 3.4 3.4 7-7.6" />
    ) : state === "failed" ? (
      <path d="m3.8 3.8 8.4 8.4m0-8.4-8.4 8.4" />
    ) : state === "unknown" ? (
      <path d="M4.8 5.2a3.2 3.2 0 1 1 4.6 2.9c-.9.5-1.4 1-1.4 2.1m0 3v.1" />
    ) : state === "preempted" ? (
      <path d="M5 3v10M11 3v10" />
    ) : (
      <rect x="3.5" y="3.5" width="9" height="9" rx="1" fill="currentColor" stroke="none" />
    );
  return (
    <svg class={`state-icon state-${state}`} width="12" height="12" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {shape}
    </svg>
  );
}
