/** What the keys do, as the sheet of keys says it. Pure. */

import { RUN_TABS } from "./route";

/** Return words as a list that begins with a capital. */
function sentence(words: readonly string[]): string {
  const text = words.join(", ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Keys that stand for each other lie two blanks apart. web/test/keys.test.ts compares them with those that are bound. */
export const KEYS: readonly [string, [string, string][]][] = [
  [
    "Anywhere",
    [
      ["Ctrl K", "Search or jump"],
      ["g h", "Runs"],
      ["g a", "Artifacts"],
      ["g m", "Machines"],
      ["g r", "Remote"],
      ["t", "Change the theme"],
      ["u", "Undo the last change"],
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
      ["e", "Rename, tag, note"],
      ["/", "Filter charts or media"],
    ],
  ],
  [
    "Console",
    [
      ["/", "Search all lines"],
      ["n  N", "Next, previous match"],
      ["f", "Follow the newest line"],
      ["T", "When each line was written"],
      ["c", "Go to a time"],
    ],
  ],
  [
    "Artifacts",
    [
      ["/", "Filter"],
      ["j  k", "Next, previous artifact or version"],
      ["Enter", "Open the artifact"],
    ],
  ],
  ["Remote", [["n  /", "Type a server"]]],
  [
    "Charts",
    [
      ["Drag", "Zoom into a range"],
      ["Shift drag", "Move the range"],
      ["Double click", "Show everything"],
      ["+  −", "Zoom the chart that has the focus"],
      ["←  →", "Move its range"],
      ["0", "Show everything"],
    ],
  ],
];
