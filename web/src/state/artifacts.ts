/** Artifacts as the viewer knows them: the list, one artifact with its versions, the files of a version. */

import { signal, type Signal } from "@preact/signals";
import { getArtifact, getArtifactFiles, getArtifacts } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { Artifact, ArtifactFile, ArtifactOverview } from "../api/types";
import { returns, stream } from "./link";

const RENEW_MS = 1000;
const FILES_AT_ONCE = 1000;

/** What was asked for. An error leaves what was known before. */
export interface Known<T> {
  value: T | null;
  error: ApiError | null;
}

const nothing = { value: null, error: null };

/** The list outlives its page: whoever comes back sees it at once. */
const list = signal<Known<readonly ArtifactOverview[]>>(nothing);

/** What is asked for again while somebody looks. Runs make artifacts, so news of runs may be news of artifacts. */
class Renewed<T> {
  private busy = false;
  private closed = false;

  constructor(
    readonly known: Signal<Known<T>>,
    private readonly ask: () => Promise<T>,
  ) {}

  /** Ask now, and soon after any run has changed, until the function that is returned is called. */
  readonly open = (): (() => void) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void this.load();
      }, RENEW_MS);
    };
    const stops = [stream.on("runs", soon), returns.subscribe(() => void this.load())]; // subscribing asks at once
    return () => {
      this.closed = true;
      clearTimeout(timer);
      stops.forEach((stop) => stop());
    };
  };

  readonly load = async (): Promise<void> => {
    if (this.busy) return;
    this.busy = true;
    try {
      const value = await this.ask();
      if (!this.closed) this.known.value = { value, error: null };
    } catch (error) {
      if (!this.closed) this.known.value = { value: this.known.peek().value, error: asApiError(error) };
    } finally {
      this.busy = false;
    }
  };
}

export const artifactList = () => new Renewed(list, async () => (await getArtifacts()).artifacts);
export const oneArtifact = (name: string) => new Renewed(signal<Known<Artifact>>(nothing), () => getArtifact(name));

/** The files of a version, which never change: read piece by piece, as far as somebody wants to see. */
export const versionFiles = (name: string, version: string) => {
  const known = signal<Known<readonly ArtifactFile[]>>(nothing);
  return new Renewed(known, async () => {
    const before = known.peek().value ?? [];
    return [...before, ...(await getArtifactFiles(name, version, before.length, FILES_AT_ONCE)).files];
  });
};
