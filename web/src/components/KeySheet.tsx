/** The list of keys. */

import { RUN_TABS } from "../pure/route";

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
      ["x", "Show in charts, or not"],
      ["Enter", "Open the run"],
      ["e", "Rename, tag, note"],
      ["[", "Fold the projects"],
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

export function KeySheet() {
  return (
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
  );
}
