/** Artifacts as the viewer knows them: the list, one artifact with its versions, the files of a version. */

import { signal, type Signal } from "@preact/signals";
import { getArtifact, getArtifactFiles, getArtifacts } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { Artifact, ArtifactFile, ArtifactList } from "../api/types";
import { returns, stream } from "./link";

const RENEW_MS = 1000;
/** Who cannot be read now may be so for long. */
const TRY_AGAIN_MS = 5000;
const FILES_AT_ONCE = 1000;

/** What was asked for. An error leaves what was known before. */
export interface Known<T> {
  value: T | null;
  error: ApiError | null;
}

const nothing = { value: null, error: null };

/** The list outlives its page: whoever comes back sees it at once. */
const list = signal<Known<ArtifactList>>(nothing);

/** What is asked for again while somebody looks. Runs make artifacts, so news of runs may be news of artifacts. */
class Renewed<T> {
  private busy = false;
  private closed = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private at = Infinity;

  /** again: after which time (ms) an answer is worth asking for once more, though nothing has changed; null for never. */
  constructor(
    readonly known: Signal<Known<T>>,
    private readonly ask: () => Promise<T>,
    private readonly again: (value: T) => number | null = () => null,
  ) {}

  /** Ask now, and soon after any run has changed or a host has come or gone, until the function that is returned is called. */
  readonly open = (): (() => void) => {
    const soon = () => this.plan(RENEW_MS);
    const stops = [stream.on("runs", soon), stream.on("sources", soon), returns.subscribe(() => void this.load())]; // subscribing asks at once
    return () => {
      this.closed = true;
      clearTimeout(this.timer);
      stops.forEach((stop) => stop());
    };
  };

  /** Ask after this time, unless that is planned for sooner. */
  private plan(afterMs: number): void {
    const at = Date.now() + afterMs;
    if (this.closed || this.at <= at) return;
    clearTimeout(this.timer);
    this.at = at;
    this.timer = setTimeout(() => {
      this.at = Infinity;
      if (this.busy) this.plan(RENEW_MS); // the answer on its way may be older than the news
      else void this.load();
    }, afterMs);
  }

  readonly load = async (): Promise<void> => {
    if (this.busy) return;
    this.busy = true;
    try {
      const value = await this.ask();
      if (!this.closed) this.known.value = { value, error: null };
      const again = this.again(value);
      if (again !== null) this.plan(again);
    } catch (error) {
      if (!this.closed) this.known.value = { value: this.known.peek().value, error: asApiError(error) };
    } finally {
      this.busy = false;
    }
  };
}

/** How soon to ask again whoever has not told all; null where everybody has. */
const retryMs = ({ unread }: ArtifactList) => (!unread.length ? null : unread.some((one) => one.error === null) ? RENEW_MS : TRY_AGAIN_MS);

export const artifactList = () => new Renewed(list, () => getArtifacts(), retryMs);
export const oneArtifact = (id: string) => new Renewed(signal<Known<Artifact>>(nothing), () => getArtifact(id));

/** The files of a version, which never change: read piece by piece, as far as somebody wants to see. */
export const versionFiles = (id: string, version: string) => {
  const known = signal<Known<readonly ArtifactFile[]>>(nothing);
  return new Renewed(known, async () => {
    const before = known.peek().value ?? [];
    return [...before, ...(await getArtifactFiles(id, version, before.length, FILES_AT_ONCE)).files];
  });
};
