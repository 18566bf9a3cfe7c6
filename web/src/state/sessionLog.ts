/** A session's log, fetched piece by piece as it grows. */

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api/remote";
import { asApiError, isAbort, type ApiError } from "../api/error";
import type { LogLine, Session } from "../api/remote-types";

/** As many as the viewer keeps. */
const LINES_KEPT = 2000;

export interface LogState {
  /** null until the first answer. */
  lines: readonly LogLine[] | null;
  /** How many lines the session has had so far. */
  count: number;
  error: ApiError | null;
}

class Follower {
  state: LogState = { lines: null, count: 0, error: null };
  private readonly gone = new AbortController();
  private wanted = false;
  private busy = false;

  constructor(
    private readonly sessionId: string,
    private readonly tell: (state: LogState) => void,
  ) {}

  /** Fetch what is new; while that is under way, once more after it, however often this is called. */
  async look(): Promise<void> {
    this.wanted = true;
    if (this.busy) return;
    this.busy = true;
    while (this.wanted && !this.gone.signal.aborted) {
      this.wanted = false;
      await this.fetch();
    }
    this.busy = false;
  }

  leave(): void {
    this.gone.abort();
  }

  private async fetch(): Promise<void> {
    const { lines, count } = this.state;
    try {
      const answer = await api.getSessionLog(this.sessionId, count, this.gone.signal);
      this.state = { lines: [...(lines ?? []), ...answer.lines].slice(-LINES_KEPT), count: answer.next, error: null };
    } catch (error) {
      if (isAbort(error)) return;
      this.state = { ...this.state, error: asApiError(error) };
    }
    this.tell(this.state);
  }
}

/** Follow the log of this one session while it is on show; `session.logNext` tells that there are new lines. */
export function useSessionLog(session: Session): LogState {
  const [state, setState] = useState<LogState>({ lines: null, count: 0, error: null });
  const follower = useRef<Follower | null>(null);
  follower.current ??= new Follower(session.sessionId, setState);
  useEffect(() => () => follower.current?.leave(), []);
  useEffect(() => void follower.current?.look(), [session.logNext]);
  return state;
}
