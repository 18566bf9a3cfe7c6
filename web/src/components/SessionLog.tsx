/** What a session did and said, live, and one text of it all to give to others. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { getDiagnostics } from "../api/remote";
import type { LogLine, Session } from "../api/remote-types";
import { formatSince, plural } from "../pure/format";
import { useSessionLog } from "../state/sessionLog";
import { toast, toastError } from "../state/toasts";
import { Bone, copyText, Delayed, ErrorState } from "./basics";
import { Icon } from "./icons";

/** This near to the end counts as being there: fractions of a pixel remain at some zooms. */
const NEAR_PX = 4;
const FAILED = /^(\w+ failed in |[A-Z][A-Z_]{3,}: |the link to the server is lost)/;

export function SessionLog({ session, label }: { session: Session; label: string }) {
  const { lines, count, error } = useSessionLog(session);
  const box = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (following) toEnd();
  }, [lines, following]);
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    setFollowing(scrollHeight - scrollTop - clientHeight <= NEAR_PX);
  };
  const first = lines?.[0]?.at ?? 0;
  const began = session.startedAt ? Math.min(session.startedAt, first) : first;
  return (
    <div class="session-log">
      {error && <ErrorState error={error} compact />}
      <div ref={box} class="log log-lines" role="log" aria-label={label} tabIndex={0} onScroll={onScroll}>
        {lines === null ? (
          <Delayed>
            {[220, 180, 260].map((width) => (
              <p key={width} aria-hidden="true">
                <Bone width={width} height={8} />
              </p>
            ))}
          </Delayed>
        ) : (
          lines.map((line, index) => <Row key={count - lines.length + index} line={line} began={began} />)
        )}
      </div>
      <div class="log-foot">
        <span class="muted num">
          {plural(count, "line")}
          {lines && count > lines.length ? `, the last ${lines.length} are kept` : ""}
        </span>
        {!following && (
          <button type="button" class="link-button" onClick={() => setFollowing(true)}>
            To the end
          </button>
        )}
        <CopyDiagnostics session={session} />
      </div>
    </div>
  );
}

const Row = ({ line, began }: { line: LogLine; began: number }) => (
  <div class={`log-line${FAILED.test(line.text) ? " failed" : ""}`}>
    <time class="num" dateTime={new Date(line.at).toISOString()} title={new Date(line.at).toISOString()}>
      {formatSince(line.at - began)}
    </time>
    <span>{line.text}</span>
  </div>
);

function CopyDiagnostics({ session }: { session: Session }) {
  const [copied, setCopied] = useState(false);
  const copy = () =>
    void getDiagnostics(session.sessionId)
      .then(copyText)
      .then((done) => {
        if (!done) return toast("The browser did not allow copying.", undefined, "error");
        setCopied(true);
        setTimeout(() => setCopied(false), 1200);
      }, toastError);
  return (
    <button type="button" class="button small copy-diagnostics" title="Versions, settings, stages and the log in one text, without secrets" onClick={copy}>
      <Icon name={copied ? "check" : "copy"} size={12} />
      Copy diagnostics
      <span class="visually-hidden" role="status">
        {copied ? "Copied" : ""}
      </span>
    </button>
  );
}
