/** Work for the next frame: whatever arrives until then, each task is done once. */

const tasks = new Set<() => void>();
let asked = false;

/** Do this before the next frame is painted. */
export function nextFrame(task: () => void): void {
  tasks.add(task);
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const due = [...tasks];
    tasks.clear();
    for (const one of due) one();
  });
}

/** Do not do it after all. */
export const noFrame = (task: () => void): void => void tasks.delete(task);
