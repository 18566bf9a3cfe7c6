/** The way to a server's page in stages, each with its real time. */

import type { Stage } from "../api/remote-types";
import { Icon } from "./icons";

/** A stage that waits for a person is neither running nor failed. */
export type ShownStage = Omit<Stage, "state"> & { state: Stage["state"] | "waiting" };

const NAMES: Record<string, string> = {
  resolve: "Name",
  tcp: "TCP",
  host_key: "Host key",
  login: "Login",
  environments: "Environments",
  start: "Start",
  tunnel: "Tunnel",
  ready: "Ready",
};

const WORDS: Record<string, string> = { pending: "not begun", running: "running", done: "done", failed: "failed", skipped: "skipped", waiting: "waits for you" };

function secs(value: number | null): string {
  if (value === null || value === undefined) return "";
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;
}

export function Stepper({ stages }: { stages: readonly ShownStage[] }) {
  const running = stages.find((stage) => stage.state === "running");
  const failed = stages.find((stage) => stage.state === "failed");
  const said = failed ? `${NAMES[failed.name] ?? failed.name} failed` : running ? `${NAMES[running.name] ?? running.name}` : "";
  return (
    <>
      <ol class="stepper" aria-label="Stages">
        {stages.map((stage) => (
          <li key={stage.name} class={`step ${stage.state}`} data-stage={stage.name} data-state={stage.state} aria-current={stage.state === "running" ? "step" : undefined}>
            <span class="step-mark">
              {stage.state === "done" && <Icon name="check" size={12} />}
              {stage.state === "failed" && <Icon name="cross" size={12} />}
              {stage.state === "waiting" && <Icon name="help" size={12} />}
            </span>
            <span class="step-name">
              <span class="step-word">{NAMES[stage.name] ?? stage.name}</span>
              <span class="visually-hidden">: {WORDS[stage.state] ?? stage.state}</span>
              {stage.detail && (
                <span class="step-detail" title={stage.detail}>
                  {stage.detail}
                </span>
              )}
            </span>
            <span class="step-time num">{stage.state === "skipped" ? "skipped" : stage.state === "waiting" ? "waits for you" : secs(stage.secs)}</span>
          </li>
        ))}
      </ol>
      <span class="visually-hidden" role="status" aria-live="polite">
        {said}
      </span>
    </>
  );
}
