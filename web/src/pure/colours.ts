/** Colours of runs: which of the ten a run has, and how two runs of one colour are told apart. Pure. */

export const RUN_COLOURS = 10;

/** Return the index, 0 to 9, of the colour that belongs to a run: FNV-1a over the characters of its id, wherever it is read. */
export function colourOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = id.lastIndexOf(":") + 1; i < id.length; i += 1) {
    hash ^= id.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  hash ^= hash >>> 15; // the last characters of ids differ most; spread them over all bits
  return (hash >>> 0) % RUN_COLOURS;
}

export interface LineStyle {
  colour: number;
  /** 0 solid, 1 dashed, 2 dotted, 3 dash-dotted: runs that share a colour in one chart get different ones. */
  dash: number;
}

export const DASHES: readonly (readonly number[])[] = [[], [6, 4], [1.5, 3], [8, 3, 1.5, 3]];

/** A step that visits all ten colours, far from the one before. */
const STRIDE = 3;

/** Colours that are like each other in one of the themes: nearer than 0.15 in OKLab. */
export const NEAR: readonly (readonly [number, number])[] = [
  [0, 4], [0, 5], [0, 9], [1, 6], [1, 7], [1, 8], [2, 5], [2, 7], [3, 4], [3, 6], [4, 9], [5, 9], [6, 8],
];
const NEIGHBOURS: readonly ReadonlySet<number>[] = Array.from(
  { length: RUN_COLOURS },
  (_, colour) => new Set(NEAR.flatMap(([a, b]) => (a === colour ? [b] : b === colour ? [a] : []))),
);

/**
 * Return colour and dash for each id. A run has the colour of its id, unless one that is shown with it has the same or one
 * that is like it: then the later one moves to a colour that is free and like none, then to any that is free, and only the
 * eleventh run shares one, with a dash.
 */
export function lineStyles(ids: readonly string[]): Map<string, LineStyle> {
  const users = new Array<number>(RUN_COLOURS).fill(0);
  const styles = new Map<string, LineStyle>();
  const take = (id: string, colour: number) => {
    styles.set(id, { colour, dash: users[colour]! % DASHES.length });
    users[colour]! += 1;
  };
  const isApart = (colour: number) => !users[colour] && [...NEIGHBOURS[colour]!].every((other) => !users[other]);
  const oldestFirst = [...new Set(ids)].sort(); // ids begin with the time: the answer does not depend on the order of choosing
  const waiting = oldestFirst.filter((id) => {
    const colour = colourOf(id);
    if (!isApart(colour)) return true;
    take(id, colour);
    return false;
  });
  for (const id of waiting) {
    const own = colourOf(id);
    const others = Array.from({ length: RUN_COLOURS }, (_, at) => (own + at * STRIDE) % RUN_COLOURS);
    const fewest = Math.min(...users);
    take(id, others.find(isApart) ?? others.find((colour) => users[colour] === fewest)!);
  }
  return styles;
}

/** Return the WCAG relative luminance of #rrggbb. */
export function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Return the WCAG contrast ratio of two colours, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}
