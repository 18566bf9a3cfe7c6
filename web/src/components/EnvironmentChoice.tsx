/** What reads the runs on a server: an agent, which needs nothing there, or a viewer of one of the environments that were
 * found or one that is typed. */

import { useState } from "preact/hooks";
import type { Environment } from "../api/remote-types";
import { chooseAgent, chooseEnvironment, isUsable, lookForEnvironment, type Flow } from "../state/remote/flow";
import { Field } from "./basics";
import { PathEnd } from "./PathEnd";

export function EnvironmentChoice({ flow }: { flow: Flow }) {
  return (
    <>
      <div class="env-list" role="radiogroup" aria-label="Environment">
        <AgentRow checked={flow.environment === null} />
        {flow.environments.filter(isUsable).map((one) => (
          <EnvironmentRow key={`${one.name} ${one.path}`} environment={one} checked={flow.environment === one.name} />
        ))}
        {flow.environments
          .filter((one) => !isUsable(one))
          .map((one) => (
            <EnvironmentRow key={`${one.name} ${one.path}`} environment={one} checked={false} />
          ))}
      </div>
      <Another />
    </>
  );
}

/** One that lies where nobody looks: on a shared disk, or deep in a project. */
function Another() {
  const [path, setPath] = useState("");
  const [busy, setBusy] = useState(false);
  const [complaint, setComplaint] = useState<string | null>(null);
  const look = async () => {
    setBusy(true);
    setComplaint(await lookForEnvironment(path.trim()));
    setBusy(false);
  };
  return (
    <details
      class="env-other"
      onKeyDown={(event) => {
        // Enter in the field is about the field, and starts no viewer yet.
        if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        if (!busy && path.trim()) void look();
      }}
    >
      <summary class="disclosure">Another one, by its path</summary>
      <div class="with-button">
        <Field
          label="Its folder, or its Python"
          value={path}
          mono
          onInput={(next) => {
            setPath(next);
            setComplaint(null);
          }}
          placeholder="/scratch/you/envs/ml"
        />
        <button type="button" class="button" disabled={busy || !path.trim()} onClick={() => void look()}>
          Look
        </button>
      </div>
      {complaint && (
        <p class="field-error" role="alert">
          {complaint}
        </p>
      )}
    </details>
  );
}

/** The way that is there on every server with a Python of any kind. */
function AgentRow({ checked }: { checked: boolean }) {
  return (
    <label class="env" title="A small program in memory, sent over this login: no file, no port, and no process once it is stopped">
      <input type="radio" name="environment" value="" checked={checked} onChange={chooseAgent} />
      <span class="env-name">
        <span class="ellipsis">Nothing installed</span>
        <span class="tag">agent</span>
      </span>
      <span class="env-facts">any Python, or SFTP</span>
    </label>
  );
}

function EnvironmentRow({ environment, checked }: { environment: Environment; checked: boolean }) {
  const usable = isUsable(environment);
  const reason = environment.error ?? (environment.runicorn_version === null ? "has no Runicorn; the agent needs none" : null);
  return (
    <label class={`env${usable ? "" : " unusable"}`} title={environment.path}>
      <input type="radio" name="environment" value={environment.name} checked={checked} disabled={!usable} onChange={() => chooseEnvironment(environment.name)} />
      <span class="env-name">
        {environment.name.includes("/") ? <PathEnd path={environment.name} /> : <span class="ellipsis">{environment.name}</span>}
        <span class="tag">{environment.type}</span>
      </span>
      <span class="env-facts num">
        {environment.python_version ? `Python ${environment.python_version}` : "no Python"}
        {environment.runicorn_version ? ` · runicorn ${environment.runicorn_version}` : ""}
      </span>
      {!usable && reason && <span class="env-reason">{reason}</span>}
    </label>
  );
}
