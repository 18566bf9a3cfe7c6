/** Projects as a tree: `vision/resnet` lies under `vision`, and counts add up. Pure. */

import { byName } from "./order";
export interface ProjectNode {
  path: string;
  name: string;
  depth: number;
  count: number;
  children: ProjectNode[];
}

export function projectTree(projects: readonly { project: string; count: number }[]): ProjectNode[] {
  const roots: ProjectNode[] = [];
  const byPath = new Map<string, ProjectNode>();
  for (const { project, count } of projects) {
    const parts = project.split("/").filter(Boolean);
    let siblings = roots;
    let path = "";
    parts.forEach((name, depth) => {
      path = path ? `${path}/${name}` : name;
      let node = byPath.get(path);
      if (!node) {
        node = { path, name, depth, count: 0, children: [] };
        byPath.set(path, node);
        siblings.push(node);
      }
      node.count += count;
      siblings = node.children;
    });
  }
  const sort = (nodes: ProjectNode[]) => {
    nodes.sort((a, b) => byName(a.name, b.name));
    nodes.forEach((node) => sort(node.children));
  };
  sort(roots);
  return roots;
}

/** Return the nodes that are in sight when those in `folded` are closed, in order from top to bottom. */
export function visibleNodes(roots: readonly ProjectNode[], folded: ReadonlySet<string>): ProjectNode[] {
  return roots.flatMap((node) => [node, ...(folded.has(node.path) ? [] : visibleNodes(node.children, folded))]);
}
