/**
 * What tells runs apart: of those of one name the part of their projects that differs, else the end of their ids; of those
 * whose names begin alike, as in a sweep, what comes behind that. Pure.
 */

export interface Named {
  id: string;
  name: string;
  project: string;
}

/**
 * What stands before and after a run's name, where the name alone is that of another one as well; and how many of its first
 * characters others begin with, so that these may be left out first.
 */
export interface Apart {
  before: string;
  after: string;
  shared: number;
}

const ID_END = 6;
/** A shorter beginning takes less room than what would stand in its place. */
const LEAST_SHARED = 3;
const WORD = /^.+?[-_/.,:;=+ ]+/u;

/** Return, by id, what tells these runs apart, for those that need it. */
export function apart(runs: readonly Named[]): Map<string, Apart> {
  const found = new Map<string, Apart>();
  const beginnings = shared(new Set(runs.map((run) => run.name)));
  for (const run of runs) {
    const length = beginnings.get(run.name);
    if (length) found.set(run.id, { before: "", after: "", shared: length });
  }
  for (const group of groups(runs, (run) => run.name)) {
    const projects = [...new Set(group.map((run) => run.project))];
    const parts = new Map(projects.map((project, at) => [project, differing(projects)[at]!]));
    for (const same of groups(group, (run) => run.project, 1)) {
      const before = projects.length > 1 ? `${parts.get(same[0]!.project)}/` : "";
      for (const run of same) found.set(run.id, { before, after: same.length > 1 ? run.id.slice(-ID_END) : "", shared: beginnings.get(run.name) ?? 0 });
    }
  }
  return found;
}

/**
 * Return, by name, how many characters all names have in common that begin with the same word: up to the end of a word, so
 * that `lr0.1` and `lr0.01` stay whole.
 */
export function shared(names: ReadonlySet<string>): Map<string, number> {
  const found = new Map<string, number>();
  for (const family of groups([...names], (name) => WORD.exec(name)?.[0] ?? name)) {
    let common = family[0]!;
    for (const name of family) while (!name.startsWith(common)) common = common.slice(0, -1);
    const length = beginning(common).length;
    if (length >= LEAST_SHARED) for (const name of family) found.set(name, length);
  }
  return found;
}

/** Return the text without the word at its end that may go on behind it. A dot between digits ends no word. */
function beginning(text: string): string {
  return /^(?:.*(?:[-_/,:;=+ ]|[^\d]\.|\.(?!\d|$)))?/su.exec(text)![0];
}

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
