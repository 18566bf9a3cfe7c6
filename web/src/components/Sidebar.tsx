/** Left of everything: projects as a tree with their counts, and below them the saved hosts. */

import { useEffect, useMemo } from "preact/hooks";
import { formatCount } from "../pure/format";
import { projectTree, visibleNodes } from "../pure/tree";
import { foldedProjects } from "../state/prefs";
import { startHosts } from "../state/remote/last";
import { param, place, setParams } from "../state/route";
import { listLoaded } from "../state/renewal";
import { projects } from "../state/runs";
import { health, isRemote } from "../state/link";
import { Icon } from "./icons";
import { Hosts } from "./SidebarHosts";

export function Sidebar() {
  const folded = foldedProjects.value;
  const tree = useMemo(() => projectTree(projects.value), [projects.value]);
  const nodes = visibleNodes(tree, new Set(folded));
  const current = place.value.page === "runs" ? param("p") : "";
  const all = projects.value.reduce((sum, one) => sum + one.count, 0);
  useEffect(() => {
    if (health.value && !isRemote.value) startHosts();
  }, [health.value === null, isRemote.value]);
  const choose = (path: string) => setParams({ p: path, sel: "", but: "", cols: "", pin: "" }, "push");
  const toggle = (path: string) => {
    foldedProjects.value = folded.includes(path) ? folded.filter((one) => one !== path) : [...folded, path];
  };

  return (
    <nav class="sidebar" aria-label="Projects and hosts">
      <h2 class="sidebar-head">Projects</h2>
      <div class="sidebar-list projects">
        <button type="button" class="sidebar-row" aria-current={current === "" ? "true" : undefined} onClick={() => choose("")}>
          <span class="sidebar-name">All runs</span>
          {listLoaded.value && <span class="count num">{formatCount(all)}</span>}
        </button>
        {nodes.map((node) => (
          <div key={node.path} class="sidebar-item" style={{ "--depth": node.depth }}>
            {node.children.length > 0 && (
              <button
                type="button"
                class="fold"
                aria-label={`${folded.includes(node.path) ? "Unfold" : "Fold"} ${node.path}`}
                aria-expanded={!folded.includes(node.path)}
                onClick={() => toggle(node.path)}
              >
                <Icon name={folded.includes(node.path) ? "chevronRight" : "chevronDown"} size={12} />
              </button>
            )}
            <button
              type="button"
              class="sidebar-row"
              title={node.path}
              aria-current={current === node.path ? "true" : undefined}
              onClick={() => choose(current === node.path ? "" : node.path)}
            >
              <span class="sidebar-name">{node.name}</span>
              <span class="count num">{formatCount(node.count)}</span>
            </button>
          </div>
        ))}
      </div>
      <Hosts />
    </nav>
  );
}
