/** The folders of a server that hold runs, as it was asked: one press instead of browsing. */

import type { StorageCandidate } from "../api/remote-types";
import { plural } from "../pure/format";
import { PathEnd } from "./PathEnd";
import "./FoundFolders.css";

const SHOWN = 4;

interface Props {
  found: readonly StorageCandidate[];
  chosen: string;
  onPick: (path: string) => void;
}

export function FoundFolders({ found, chosen, onPick }: Props) {
  const others = found.filter((one) => one.path !== chosen).slice(0, SHOWN);
  if (!others.length) return null;
  return (
    <div class="found-folders" role="group" aria-label="Folders with runs on this server">
      <span class="field-hint">Also on this server</span>
      {others.map((one) => (
        <button key={one.path} type="button" class="found-folder" title={one.path} onClick={() => onPick(one.path)}>
          <PathEnd path={one.path} />
          <span class="muted num">
            {plural(one.runs, "run")}
            {one.kind === "tensorboard" ? ", TensorBoard" : ""}
          </span>
        </button>
      ))}
    </div>
  );
}
