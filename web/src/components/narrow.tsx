/** What a page has where there is little room: one thing at a time, projects that slide in, a toolbar behind one button. */

import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { runsLayout, sidebarFolded } from "../state/prefs";
import { narrow } from "../state/screen";
import { param, place, setParams } from "../state/route";
import { Icon } from "./icons";
import { Dialog } from "./overlay";
import { Sidebar } from "./Sidebar";
import { useUniqueId } from "./uid";

const projectsOpen = signal(false);

/** Whether the projects are on show, beside the runs or over them. */
export const projectsShown = (): boolean => (narrow.value ? projectsOpen.value : !sidebarFolded.value);

export function toggleProjects(): void {
  if (narrow.peek()) projectsOpen.value = !projectsOpen.peek();
  else sidebarFolded.value = !sidebarFolded.peek();
}

/** The projects, beside the runs or over them. */
export function ProjectsPane() {
  const here = place.value;
  // Whoever has chosen one wants to see its runs.
  useEffect(() => {
    projectsOpen.value = false;
  }, [here]);
  if (!projectsShown()) return null;
  if (!narrow.value) return <Sidebar />;
  return (
    <Dialog title="Projects" side onClose={() => (projectsOpen.value = false)}>
      <Sidebar />
    </Dialog>
  );
}

/** What of table and charts is on show: as somebody likes it, or one after the other where there is little room. */
export const shownLayout = (): "both" | "table" | "charts" => (narrow.value ? (param("show") === "charts" ? "charts" : "table") : runsLayout.value);

/** From the list to the charts and back; the browser's way back does so, too. */
export function ListOrCharts() {
  if (!narrow.value) return null;
  const charts = param("show") === "charts";
  const to = (show: string) => show !== param("show") && setParams({ show }, "push");
  return (
    <div class="segmented list-or-charts" role="group" aria-label="What is shown">
      <button type="button" aria-pressed={!charts} onClick={() => to("")}>
        List
      </button>
      <button type="button" aria-pressed={charts} onClick={() => to("charts")}>
        Charts
      </button>
    </div>
  );
}

/** Tools that stand in the toolbar where there is room, and below it behind one button where there is not. */
export function Folded({ label, children }: { label: string; children: ComponentChildren }) {
  const open = useSignal(false);
  const id = useUniqueId();
  return (
    <>
      <button type="button" class="icon-button fold-button" aria-label={label} title={label} aria-expanded={open.value} aria-controls={id} onClick={() => (open.value = !open.value)}>
        <Icon name="more" />
      </button>
      <div id={id} class={`folded${open.value ? " open" : ""}`}>
        {children}
      </div>
    </>
  );
}
