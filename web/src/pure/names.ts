/** What tells runs of one name apart: the part of their projects that differs, else the end of their ids. Pure. */

export interface Named {
  id: string;
  name: string;
  project: string;
}

/** What stands before and after a run's name, where the name alone is that of another one as well. */
export interface Apart {
  before: string;
  after: string;
}

const ID_END = 6;

/** Return, by id, what to add to the names that more than one of these runs has. */
export function apart(runs: readonly Named[]): Map<string, Apart> {
  const found = new Map<string, Apart>();
  for (const group of groups(runs, (run) => run.name)) {
    const projects = [...new Set(group.map((run) => run.project))];
    const parts = new Map(projects.map((project, at) => [project, differing(projects)[at]!]));
    for (const same of groups(group, (run) => run.project, 1)) {
      const before = projects.length > 1 ? `${parts.get(same[0]!.project)}/` : "";
      for (const run of same) found.set(run.id, { before, after: same.length > 1 ? run.id.slice(-ID_END) : "" });
    }
  }
  return found;
}

function groups(runs: readonly Named[], key: (run: Named) => string, least = 2): Named[][] {
  const by = new Map<string, Named[]>();
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
