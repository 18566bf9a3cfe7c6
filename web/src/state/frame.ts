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

const waiting = new Set<() => void>();
/** A chart takes 3 to 8 ms: more of them in a frame, and scrolling stutters. */
const TURNS_A_FRAME = 2;

/** Do this as soon as it is its turn: a few of them a frame, so that there is time left to scroll. Returns what cancels it. */
export function inTurn(task: () => void): () => void {
  waiting.add(task);
  nextFrame(takeTurns);
  return () => void waiting.delete(task);
}

function takeTurns(): void {
  for (const task of [...waiting].slice(0, TURNS_A_FRAME)) {
    waiting.delete(task);
    task();
  }
  if (waiting.size) nextFrame(takeTurns);
}

/** After drawing live news, the page rests for so many times as long; and it draws for about so many ms of one frame. */
const REST = 10;
const FRAME_MS = 10;
const news = new Set<() => void>();
let drawing = false;
let spentMs = 0;
let usualMs = 1;

/** Tell how long something was drawn. */
export const spend = (ms: number): void => void (spentMs += ms);

/** Draw what is new as soon as there is time: charts of many lines that grow would leave none for anything else. */
export function whenThereIsTime(task: () => void): void {
  news.add(task);
  if (drawing) return;
  drawing = true;
  nextFrame(drawNews);
}

/** It was drawn otherwise. */
export const noNews = (task: () => void): void => void news.delete(task);

function drawNews(): void {
  const some = [...news].slice(0, Math.max(1, Math.floor(FRAME_MS / usualMs)));
  if (!some.length) {
    drawing = false;
    return;
  }
  const before = spentMs;
  for (const task of some) {
    news.delete(task);
    task();
  }
  // What a task begins is drawn in the frame after this one.
  nextFrame(() =>
    nextFrame(() => {
      const cost = spentMs - before;
      usualMs = Math.max(0.5, 0.7 * usualMs + 0.3 * (cost / some.length));
      setTimeout(() => nextFrame(drawNews), cost * REST);
    }),
  );
}
