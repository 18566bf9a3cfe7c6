/** The whole page: frame, the page that the URL names, and what floats above. */

import { useState } from "preact/hooks";
import { EmptyState, Toasts } from "../components/basics";
import { RemoteStrip, TopBar, useTitle } from "../components/Frame";
import { lazy } from "../components/lazy";
import { Dialog } from "../components/overlay";
import { RunEditor } from "../components/RunActions";
import { ownIdOf } from "../pure/address";
import { detail } from "../state/details";
import { useKeys } from "../state/keys";
import { isRemote, stale } from "../state/link";
import { decisions } from "../state/remote/joining";
import { questions } from "../state/remote/questions";
import { artifactsHash, go, place } from "../state/route";
import { runs } from "../state/runs";
import { cycleTheme } from "../state/theme";
import { takeOffer } from "../state/toasts";
import { undoLast } from "../state/undo";
import { RunsPage } from "./runs/RunsPage";

// The runs and their charts are there from the beginning; each other page is loaded when it is opened first.
const ArtifactPage = lazy(() => import("./artifacts"), (part) => part.ArtifactPage);
const ArtifactsPage = lazy(() => import("./artifacts"), (part) => part.ArtifactsPage);
const MachinesPage = lazy(() => import("./MachinesPage"), (part) => part.MachinesPage);
const RemotePage = lazy(() => import("./RemotePage"), (part) => part.RemotePage);
const RunPage = lazy(() => import("./RunPage"), (part) => part.RunPage);
const Search = lazy(() => import("../components/Search"), (part) => part.Search, null);
const Questions = lazy(() => import("../components/QuestionDialog"), (part) => part.Questions, null);
const KeySheet = lazy(() => import("../components/KeySheet"), (part) => part.KeySheet, null);

export function App() {
  const [open, setOpen] = useState<"search" | "help" | null>(null);
  const here = place.value;
  const shown = here.page === "run" ? detail(here.id).value : null;
  const run = shown?.run ?? null;
  const state = shown?.removed ? null : (run?.state ?? null);
  const anyRunning = run ? state === "running" : runs.value.some((one) => one.state === "running");
  const names = { runs: "Runs", artifacts: "Artifacts", machines: "Machines", remote: "Remote", run: run?.name ?? "Run", missing: "Not found" } as const;
  useTitle(here.page === "artifact" ? ownIdOf(here.id) : names[here.page], state, anyRunning);
  useKeys({
    "Ctrl+K": () => setOpen(open === "search" ? null : "search"),
    "?": () => setOpen("help"),
    "g h": () => go("#/runs"),
    "g a": () => go(artifactsHash()),
    "g m": () => !isRemote.value && go("#/machines"),
    "g r": () => !isRemote.value && go("#/remote"),
    t: cycleTheme,
    u: () => takeOffer() || undoLast(),
  });

  return (
    <div class="app">
      <TopBar onSearch={() => setOpen("search")} onHelp={() => setOpen("help")} />
      <RemoteStrip />
      <div class={`content${stale.value ? " is-stale" : ""}`}>
        {here.page === "runs" ? (
          <RunsPage />
        ) : here.page === "run" ? (
          <RunPage key={here.id} id={here.id} tab={here.tab} />
        ) : here.page === "artifacts" ? (
          <ArtifactsPage />
        ) : here.page === "artifact" ? (
          <ArtifactPage key={here.id} id={here.id} />
        ) : here.page === "machines" ? (
          <MachinesPage />
        ) : here.page === "remote" ? (
          <RemotePage />
        ) : (
          <main>
            <h1 class="visually-hidden">Not found</h1>
            <EmptyState title="There is no such page">
              <p>
                Nothing stands at <code>{here.path}</code>.
              </p>
              <a class="button" href="#/runs">
                Go to the runs
              </a>
            </EmptyState>
          </main>
        )}
      </div>
      <RunEditor />
      {(questions.value.length > 0 || decisions.value.length > 0) && <Questions />}
      {open === "search" && <Search onClose={() => setOpen(null)} onHelp={() => setOpen("help")} />}
      {open === "help" && (
        <Dialog title="Keyboard shortcuts" width={620} onClose={() => setOpen(null)}>
          <KeySheet />
        </Dialog>
      )}
      <Toasts />
    </div>
  );
}
