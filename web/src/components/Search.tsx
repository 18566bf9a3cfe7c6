/** Search or jump: runs by name, pages, hosts; and the list of keys. */

import { useEffect, useRef, useState } from "preact/hooks";
import { getRuns } from "../api/client";
import type { Run } from "../api/types";
import { RUN_TABS } from "../pure/route";
import { formatTarget } from "../pure/target";
import { isRemote } from "../state/link";
import { openHost } from "../state/remote/flow";
import { hostLabel, hosts, targetOf } from "../state/remote/hosts";
import { hostState } from "../state/remote/status";
import { go, runHash } from "../state/route";
import { runs } from "../state/runs";
import { cycleTheme } from "../state/theme";
import { Icon, StateIcon } from "./icons";
import { Dialog } from "./overlay";
import { HostDot } from "./Sidebar";

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
            kind: "Open host",
            label: hostLabel(one),
            note: formatTarget(targetOf(one)),
            mark: <HostDot state={hostState(targetOf(one))} />,
            run: () => {
              go("#/remote");
              openHost(one);
            },
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
          aria-expanded="true"
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
            } else if (event.key === "Enter") take(choices[chosen]);
          }}
        />
      </div>
      <div ref={list} id="search-list" class="search-list" role="listbox" aria-label="Results">
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

/** Return words as a list that begins with a capital. */
function sentence(words: readonly string[]): string {
  const text = words.join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const KEYS: readonly [string, [string, string][]][] = [
  [
    "Anywhere",
    [
      ["Ctrl K", "Search or jump"],
      ["g h", "Runs"],
      ["g a", "Artifacts"],
      ["g r", "Remote"],
      ["t", "Change the theme"],
      ["?", "This list"],
      ["Esc", "Close, or go back"],
    ],
  ],
  [
    "Runs",
    [
      ["/", "Filter"],
      ["j  k", "Next, previous run"],
      ["h  l", "To the cells; fold a group"],
      ["f", "Filter by the cell"],
      ["x", "Show in charts, or not"],
      ["a", "Select all that match"],
      ["b", "Compare all with this run"],
      ["z", "Fold, unfold all groups"],
      ["u", "Undo the last change"],
      ["Enter", "Open the run"],
      ["e", "Rename, tag, note"],
      ["[", "Fold the projects"],
    ],
  ],
  [
    "A column's head",
    [
      ["Enter", "Sort by it"],
      ["Shift Enter", "Sort by it as well"],
      ["Alt ←  Alt →", "Move it"],
      ["Shift ←  Shift →", "Make it narrower, wider"],
      ["=", "Fit its width"],
      ["p", "Pin it to the left"],
      ["↓", "All that can be done"],
    ],
  ],
  [
    "A run",
    [
      [RUN_TABS.map((_, at) => at + 1).join("  "), sentence(RUN_TABS)],
      ["/", "Search the console"],
      ["f", "Follow the console"],
    ],
  ],
  [
    "Charts",
    [
      ["Drag", "Zoom into a range"],
      ["Shift drag", "Move the range"],
      ["Double click", "Show everything"],
    ],
  ],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" width={620} onClose={onClose}>
      <div class="dialog-body help-grid">
        {KEYS.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt>
                    {key.split("  ").map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
