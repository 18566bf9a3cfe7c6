/** One attempt to open a server: its stages, and below them whatever is needed next. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { byWhat } from "../pure/connector";
import { plural } from "../pure/format";
import { formatTarget, parsePort, PORT_REASON } from "../pure/target";
import { acceptKey, cancelFlow, closeFlow, editFlow, retry, retryChoose, runConnect, runStart, type Flow } from "../state/remote/flow";
import { questionOf } from "../state/remote/places";
import { failedSession, logOf, stagesOf } from "../state/remote/stages";
import { Field } from "./basics";
import { BrowseDialog } from "./BrowseDialog";
import { EnvironmentChoice } from "./EnvironmentChoice";
import { FoundFolders } from "./FoundFolders";
import { HostKeyDialog } from "./HostKeyDialog";
import { Icon } from "./icons";
import { LoginFields } from "./LoginFields";
import { SessionLog } from "./SessionLog";
import { Stepper } from "./Stepper";

const SENTENCES: Record<Flow["phase"], string> = {
  connecting: "Connecting",
  host_key: "Waiting for your decision about the host key",
  login: "The server wants another login",
  loading: "Looking for Python environments",
  choose: "Connected. Choose where your runs are",
  starting: "Opening the folder on the server",
  ready: "Opening the page",
  failed: "Stopped",
  cancelled: "Cancelled",
};

function sentence({ phase, connector }: Flow): string {
  const way = byWhat(connector);
  return phase === "choose" && way ? SENTENCES.choose.replace("Connected", `Connected ${way}`) : SENTENCES[phase];
}

export function FlowPanel({ flow }: { flow: Flow }) {
  const pending = flow.phase === "connecting" || flow.phase === "starting" || flow.phase === "loading";
  const log = logOf(flow.target);
  const question = pending ? questionOf(flow.target) : undefined;
  const failed = failedSession(flow);
  return (
    <section class="flow" aria-label={`Opening ${formatTarget(flow.target)}`}>
      <header class="flow-head">
        <Icon name="server" />
        <h2 class="mono">{formatTarget(flow.target)}</h2>
        {pending ? (
          <button type="button" class="button small" onClick={() => cancelFlow()}>
            Cancel
          </button>
        ) : (
          <button type="button" class="icon-button" aria-label="Close" onClick={closeFlow}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <p class="flow-note" role="status">
        {question ? `${question.hop} asks you something` : sentence(flow)}
      </p>
      <Stepper
        stages={stagesOf(flow).map((stage) =>
          (question && stage.name === "login") || (flow.phase === "host_key" && stage.name === "host_key") || (flow.phase === "login" && stage.name === "login" && stage.state !== "failed")
            ? { ...stage, state: "waiting" as const }
            : stage,
        )}
      />
      {flow.phase === "login" && <LoginQuestion flow={flow} />}
      {flow.phase === "choose" && <Choose flow={flow} />}
      {flow.phase === "failed" && flow.error && <Failure flow={flow} />}
      {flow.phase === "cancelled" && (
        <div class="flow-actions">
          <button type="button" class="button" onClick={() => void runConnect()}>
            Connect again
          </button>
        </div>
      )}
      {failed ? (
        <SessionLog key={failed.sessionId} session={failed} label={`Log of the start on ${formatTarget(flow.target)}`} />
      ) : (
        log.length > 0 && <Log lines={log} open={flow.phase === "failed"} />
      )}
      {flow.phase === "host_key" && flow.hostKey && <HostKeyDialog key={flow.hostKey.fingerprint_sha256} hostKey={flow.hostKey} onAccept={acceptKey} onCancel={() => cancelFlow()} />}
    </section>
  );
}

function Failure({ flow }: { flow: Flow }) {
  const error = flow.error!;
  const canRechoose = flow.failedAt === "start" && flow.connectionId !== null;
  return (
    <div class="flow-error" role="alert">
      <strong>{error.detail}</strong>
      {error.hint && <p>{error.hint}</p>}
      <code>{error.code}</code>
      <div class="flow-actions">
        <button type="button" class="button small" onClick={() => void retry()}>
          Retry
        </button>
        {canRechoose && (
          <button type="button" class="button small" onClick={retryChoose}>
            Choose environment and folder
          </button>
        )}
      </div>
    </div>
  );
}

export function Log({ lines, open }: { lines: readonly string[]; open: boolean }) {
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (open && box.current) box.current.open = true;
  }, [open]);
  return (
    <details ref={box}>
      <summary class="disclosure">Log, {plural(lines.length, "line")}</summary>
      <div class="log" role="log" aria-label="Log" tabIndex={0}>
        {lines.join("\n")}
      </div>
    </details>
  );
}

function LoginQuestion({ flow }: { flow: Flow }) {
  const form = useRef<HTMLFormElement>(null);
  const error = flow.error;
  const passphrase = Boolean(error?.code.startsWith("PASSPHRASE_"));
  useEffect(() => {
    // Straight to what is missing, so that one can go on typing.
    form.current?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
  }, [error]);
  const missing = flow.form.login === "password" ? !flow.form.password : flow.form.login === "key_file" ? !flow.form.keyPath.trim() : flow.form.login === "key" ? !flow.form.keyText.trim() : false;
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!missing) void runConnect();
      }}
    >
      {error && (
        <div class="flow-error" role="alert">
          <strong>{error.detail}</strong>
          {error.hint && <p>{error.hint}</p>}
          <code>{error.code}</code>
        </div>
      )}
      <div class="login-question">
        <LoginFields form={flow.form} onChange={(next) => editFlow({ form: next })} askPassphrase={flow.passphraseAsked && flow.form.login !== "password"} focus error={passphrase ? null : undefined} />
        <div class="flow-actions">
          <button type="submit" class="button primary" disabled={missing}>
            Log in
          </button>
          <button type="button" class="button" onClick={() => cancelFlow()}>
            Cancel
          </button>
        </div>
      </div>
    </form>
  );
}

function Choose({ flow }: { flow: Flow }) {
  const browsing = useSignal(false);
  const localError = flow.localPort && parsePort(flow.localPort) === null ? PORT_REASON : null;
  const remoteError = flow.remotePort && parsePort(flow.remotePort) === null ? PORT_REASON : null;
  const config = flow.config;
  const byAgent = flow.environment === null;
  const ready = Boolean(flow.root.trim()) && !localError && !remoteError;
  const missingRoot = config && flow.root === config.defaultStorageRoot && !config.storageRootExists;
  return (
    <form
      class="flow-choose"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void runStart();
      }}
    >
      <div class="field">
        <span class="field-label" id="environment-label">
          Read by
        </span>
        <EnvironmentChoice flow={flow} />
      </div>
      <div class="with-button">
        <Field
          label="Folder"
          value={flow.root}
          mono
          onInput={(root) => editFlow({ root, rootTouched: true })}
          placeholder={flow.configBusy ? "Asking the server" : "/home/you/runicorn_data"}
        />
        <button type="button" class="button" onClick={() => (browsing.value = true)}>
          Browse
        </button>
      </div>
      <p class={`field-hint${missingRoot ? " warn-text" : ""}`}>
        {missingRoot ? "This folder does not exist yet; browse to the one that holds your runs." : "The storage root on the server: the folder that your scripts log into."}
      </p>
      <FoundFolders found={flow.found} chosen={flow.root.trim()} onPick={(root) => editFlow({ root, rootTouched: true })} />
      <details>
        <summary class="disclosure">Advanced</summary>
        <div class="two-fields advanced">
          <Field label="Local port" value={flow.localPort} onInput={(localPort) => editFlow({ localPort })} placeholder="Any free one" inputMode="numeric" error={localError} />
          {!byAgent && (
            <Field
              label="Remote port"
              value={flow.remotePort}
              onInput={(remotePort) => editFlow({ remotePort })}
              placeholder="Any free one"
              inputMode="numeric"
              error={remoteError}
            />
          )}
        </div>
      </details>
      <div class="flow-actions">
        <button type="submit" class="button primary" disabled={!ready}>
          {byAgent ? "Open its page" : "Start viewer"}
        </button>
        <button type="button" class="button" onClick={closeFlow}>
          Not now
        </button>
      </div>
      {browsing.value && flow.connectionId && (
        <BrowseDialog
          connectionId={flow.connectionId}
          start={flow.root.trim()}
          onPick={(root) => {
            editFlow({ root, rootTouched: true });
            browsing.value = false;
          }}
          onClose={() => (browsing.value = false)}
        />
      )}
    </form>
  );
}
