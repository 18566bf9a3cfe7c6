/**
 * What tells runs apart: of those of one name the part of their projects that differs, else the end of their ids; of those
 * whose names begin alike, as in a sweep, the words that are not the same in all of them. Pure.
 */

export interface Named {
  id: string;
  name: string;
  project: string;
}

/** A piece of a name. own: whether other names that begin as this one does go on differently there. */
export interface Part {
  text: string;
  own: boolean;
}

/**
 * What stands before and after a run's name, where the name alone is that of another one as well; and its pieces, where some
 * tell it from the others and some do not; none where it is to be shown as it is.
 */
export interface Apart {
  before: string;
  after: string;
  parts: readonly Part[];
}

const ID_END = 6;
/** A shorter piece takes less room than what would stand in its place. */
const LEAST_SHARED = 3;
/** A word, and what stands between it and the next one. What belongs to a number, as in 1e-4 and 0.1, is no end of a word. */
const WORD = /((?:\d+(?:\.\d+)*(?:e[-+]?\d+)?|[^-_/.,:;=+·()\s\d])+)[-_/.,:;=+·()\s]*/giu;

/** Return, by id, what tells these runs apart, for those that need it. */
export function apart(runs: readonly Named[]): Map<string, Apart> {
  const found = new Map<string, Apart>();
  const parts = parted(new Set(runs.map((run) => run.name)));
  for (const run of runs) {
    const own = parts.get(run.name);
    if (own) found.set(run.id, { before: "", after: "", parts: own });
  }
  for (const group of groups(runs, (run) => run.name)) {
    const projects = [...new Set(group.map((run) => run.project))];
    const differences = differing(projects);
    const shown = new Map(projects.map((project, at) => [project, differences[at]!]));
    for (const same of groups(group, (run) => run.project, 1)) {
      const before = projects.length > 1 ? `${shown.get(same[0]!.project)}/` : "";
      for (const run of same) found.set(run.id, { before, after: same.length > 1 ? run.id.slice(-ID_END) : "", parts: parts.get(run.name) ?? [] });
    }
  }
  return found;
}

interface Node {
  next: Map<string, Node>;
  ends: boolean;
}

/**
 * Return, by name, its pieces: names are a tree of words, and a word is its own where the tree branches before it. Names of
 * one piece, and those that others only go on from, are not in it.
 */
export function parted(names: ReadonlySet<string>): Map<string, readonly Part[]> {
  const root: Node = { next: new Map(), ends: false };
  const words = new Map([...names].map((name) => [name, wordsOf(name)]));
  for (const own of words.values()) {
    let node = root;
    for (const { key } of own) {
      let next = node.next.get(key);
      if (!next) node.next.set(key, (next = { next: new Map(), ends: false }));
      node = next;
    }
    node.ends = true;
  }
  const found = new Map<string, readonly Part[]>();
  for (const [name, own] of words) {
    const parts = partsOf(own, root);
    if (parts.length > 1 && parts.some((part) => part.own)) found.set(name, parts);
  }
  return found;
}

interface Word {
  /** What it is without what stands between it and the next one. */
  key: string;
  text: string;
}

function wordsOf(name: string): Word[] {
  const found = [...name.matchAll(WORD)];
  if (!found.length) return [{ key: name, text: name }];
  return found.map((one, at) => (at ? { key: one[1]!, text: one[0] } : { key: name.slice(0, one.index) + one[1]!, text: name.slice(0, one.index) + one[0] }));
}

function partsOf(words: readonly Word[], root: Node): Part[] {
  const parts: Part[] = [];
  let node = root;
  for (const { key, text } of words) {
    const own = node.next.size + Number(node.ends) > 1;
    const last = parts.at(-1);
    if (last && !own && !last.own) last.text += text;
    else parts.push({ text, own });
    node = node.next.get(key)!;
  }
  for (const part of parts) part.own ||= part.text.length < LEAST_SHARED;
  return parts;
}

/** Return how many characters of a name are its own, and what is needed beside it. */
export const ownLength = (name: string, apart: Apart | undefined): number =>
  (apart?.before.length ?? 0) + (apart?.after.length ?? 0) + (apart?.parts.length ? apart.parts.reduce((sum, part) => sum + (part.own ? part.text.length : 1), 0) : name.length);

function groups<One>(runs: readonly One[], key: (run: One) => string, least = 2): One[][] {
  const by = new Map<string, One[]>();
  for (const run of runs) {
    const group = by.get(key(run));
    if (group) group.push(run);
    else by.set(key(run), [run]);
  }
  return [...by.values()].filter((group) => group.length >= least);
}

/** Return the projects without the folders that all of them begin or end with; whole where one would be left empty. */
function differing(projects: readonly string[]): string[] {
  const split = projects.map((project) => project.split("/"));
  const shortest = Math.min(...split.map((parts) => parts.length));
  const count = (at: (parts: string[], n: number) => string | undefined) => {
    let n = 0;
    while (n < shortest && split.every((parts) => at(parts, n) === at(split[0]!, n))) n += 1;
    return n;
  };
  const head = count((parts, n) => parts[n]);
  const tail = count((parts, n) => parts[parts.length - 1 - n]);
  if (head + tail >= shortest) return [...projects];
  return split.map((parts) => parts.slice(head, parts.length - tail).join("/"));
}
