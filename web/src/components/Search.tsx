/** Search or jump: runs by name, pages, hosts. */

import { useEffect, useRef, useState } from "preact/hooks";
import { getRuns } from "../api/client";
import type { Run } from "../api/types";
import { formatTarget } from "../pure/target";
import { isRemote } from "../state/link";
import { goToHost } from "../state/remote/opening";
import { hostLabel, hosts, targetOf } from "../state/remote/hosts";
import { questionOf, stateOf } from "../state/remote/places";
import { go, runHash } from "../state/route";
import { runs } from "../state/runs";
import { cycleTheme } from "../state/theme";
import { Icon, StateIcon } from "./icons";
import { Dialog } from "./overlay";
import { HostDot } from "./SidebarHosts";

interface Choice {
  key: string;
  kind: string;
  label: string;
  note: string;
  mark: preact.ComponentChildren;
  run: () => void;
}

const SEARCH_DELAY_MS = 120;
const MAX_RUNS = 12;

export function Search({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<readonly Run[]>(runs.value.slice(0, 6));
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const words = text.trim();
    setAt(0);
    if (!words) {
      setFound(runs.value.slice(0, 6));
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const quoted = `"${words.replaceAll('"', "")}"`;
      getRuns({ q: quoted, limit: MAX_RUNS }, abort.signal).then(
        (page) => setFound(page.runs),
        () => {},
      );
    }, SEARCH_DELAY_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);

  const pages: Choice[] = [
    { key: "runs", kind: "Go to", label: "Runs", note: "g h", mark: <Icon name="table" size={14} />, run: () => go("#/runs") },
    { key: "artifacts", kind: "Go to", label: "Artifacts", note: "g a", mark: <Icon name="archive" size={14} />, run: () => go("#/artifacts") },
    ...(isRemote.value ? [] : [{ key: "machines", kind: "Go to", label: "Machines", note: "g m", mark: <Icon name="server" size={14} />, run: () => go("#/machines") }]),
    ...(isRemote.value ? [] : [{ key: "remote", kind: "Go to", label: "Remote", note: "g r", mark: <Icon name="server" size={14} />, run: () => go("#/remote") }]),
    { key: "theme", kind: "Do", label: "Change the theme", note: "t", mark: <Icon name="auto" size={14} />, run: cycleTheme },
    { key: "help", kind: "Do", label: "Show keyboard shortcuts", note: "?", mark: <Icon name="help" size={14} />, run: onHelp },
  ];
  const fits = (label: string) => label.toLowerCase().includes(text.trim().toLowerCase());
  const choices: Choice[] = [
    ...found.map<Choice>((run) => ({
      key: run.id,
      kind: "Run",
      label: run.name,
      note: run.project,
      mark: (
        <span class={`state-${run.state}`}>
          <StateIcon state={run.state} />
        </span>
      ),
      run: () => go(runHash(run.id)),
    })),
    ...(isRemote.value
      ? []
      : hosts.value
          .filter((one) => fits(`${hostLabel(one)} ${formatTarget(targetOf(one))}`))
          .map<Choice>((one) => ({
            key: formatTarget(targetOf(one)),
            kind: questionOf(targetOf(one)) ? "Answer" : "Open host",
            label: hostLabel(one),
            note: formatTarget(targetOf(one)),
            mark: <HostDot state={stateOf(targetOf(one))} />,
            run: () => goToHost(one),
          }))),
    ...pages.filter((one) => fits(one.label)),
  ];
  const chosen = Math.min(at, choices.length - 1);
  const take = (choice: Choice | undefined) => {
    if (!choice) return;
    onClose();
    choice.run();
  };

  return (
    <Dialog title="Search or jump" bare width={560} onClose={onClose}>
      <div class="search-line">
        <Icon name="search" />
        <input
          data-autofocus
          class="input bare"
          type="text"
          role="combobox"
          aria-expanded={choices.length > 0}
          aria-controls="search-list"
          aria-activedescendant={choices[chosen] ? `choice-${chosen}` : undefined}
          aria-label="Search or jump"
          placeholder="A run, a page, a host"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
              event.preventDefault();
              const next = (chosen + (event.key === "ArrowDown" ? 1 : -1) + choices.length) % Math.max(1, choices.length);
              setAt(next);
              list.current?.children[next]?.scrollIntoView({ block: "nearest" });
            } else if (event.key === "Enter") {
              // Its default would be done in whatever has the focus by then: an answer sent that nobody has typed.
              event.preventDefault();
              take(choices[chosen]);
            }
          }}
        />
      </div>
      <div ref={list} id="search-list" class="search-list" role={choices.length ? "listbox" : undefined} aria-label={choices.length ? "Results" : undefined}>
        {choices.map((choice, index) => (
          <div
            key={`${choice.kind}${choice.key}`}
            id={`choice-${index}`}
            role="option"
            aria-selected={index === chosen}
            class="search-row"
            onMouseMove={() => index !== chosen && setAt(index)}
            onClick={() => take(choice)}
          >
            <span class="search-mark">{choice.mark}</span>
            <span class="ellipsis">{choice.label}</span>
            <span class="muted ellipsis search-note">{choice.note}</span>
            <span class="faint search-kind">{choice.kind}</span>
          </div>
        ))}
        {choices.length === 0 && <p class="quiet-note">Nothing is called “{text.trim()}”.</p>}
      </div>
    </Dialog>
  );
}
