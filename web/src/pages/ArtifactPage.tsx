/** One artifact: its versions on the left, the chosen one beside them. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Artifact } from "../api/types";
import { Aliases } from "../components/artifacts/ArtifactTable";
import { VersionDetails } from "../components/artifacts/VersionDetails";
import { Ago, CopyButton, Delayed, EmptyState, ErrorState, TableBones } from "../components/basics";
import { Icon } from "../components/icons";
import { useInSight, useSteadyFocus, useVirtual } from "../components/virtual";
import { ownIdOf } from "../pure/address";
import { aliasesOf, findVersion } from "../pure/artifacts";
import { formatBytes, plural } from "../pure/format";
import { oneArtifact } from "../state/artifacts";
import { moveKeys, useKeys } from "../state/keys";
import { artifactHash, artifactsHash, go, param } from "../state/route";

const ROW = 46;

/** id: `NAME`, or `SOURCE:NAME` of a host. */
export function ArtifactPage({ id }: { id: string }) {
  const name = ownIdOf(id);
  const source = useMemo(() => oneArtifact(id), []);
  useEffect(source.open, [source]);
  const { value: artifact, error } = source.known.value;
  const chosen = artifact ? findVersion(artifact, param("v")) : -1;
  const move = (by: number) => {
    const next = artifact?.versions[Math.max(0, chosen + by)];
    if (next) go(artifactHash(id, next.version), "replace");
  };
  useKeys({ Escape: () => go(artifactsHash()), ...moveKeys(move) });

  return (
    <main class="artifacts-page">
      {!artifact && <h1 class="visually-hidden">Artifact {name}</h1>}
      {error?.code === "ARTIFACT_NOT_FOUND" ? (
        <EmptyState title="This artifact is not here">
          <p class="wrap">
            {name === id ? (
              <>
                No artifact <code>{name}</code> in this storage root; it may have been removed, or belong to another one.
              </>
            ) : (
              <>
                No artifact <code>{name}</code> there; it may have been removed, or its host is not connected.
              </>
            )}
          </p>
          <a class="button" href={artifactsHash()}>
            Back to the artifacts
          </a>
        </EmptyState>
      ) : artifact ? (
        <Loaded artifact={artifact} chosen={chosen} />
      ) : error ? (
        <ErrorState error={error} onRetry={() => void source.load()} />
      ) : (
        <Delayed>
          <TableBones rows={8} widths={[120, 320]} />
        </Delayed>
      )}
    </main>
  );
}

function Loaded({ artifact, chosen }: { artifact: Artifact; chosen: number }) {
  const { id, name, place, versions, aliases } = artifact;
  const version = versions[chosen];
  return (
    <>
      <header class="run-title-line artifact-head">
        <a class="back" href={artifactsHash()} title="Back to the artifacts (Esc)" aria-label="Back to the artifacts">
          <Icon name="chevronLeft" size={14} />
          Artifacts
        </a>
        <h1 title={name}>{name}</h1>
        <CopyButton text={name} label="Copy the artifact's name" />
        {place && (
          <span class="tag quiet" title={`It lies on ${place}`}>
            {place}
          </span>
        )}
        <span class="muted num">{plural(versions.length, "version")}</span>
      </header>
      <div class="artifact-body">
        <Versions artifact={artifact} chosen={chosen} />
        <div class="version-scroll">
          {version ? (
            <VersionDetails artifact={artifact} version={version} aliases={aliasesOf(aliases, version.version)} />
          ) : (
            <EmptyState title="This version is not here">
              <p class="wrap">
                <code>{name}</code> has no version <code>{param("v")}</code>.
              </p>
              <a class="button" href={artifactHash(id)}>
                Show the newest
              </a>
            </EmptyState>
          )}
        </div>
      </div>
    </>
  );
}

function Versions({ artifact, chosen }: { artifact: Artifact; chosen: number }) {
  const scroller = useRef<HTMLElement>(null);
  const { first, last } = useVirtual(scroller, artifact.versions.length, ROW);
  useInSight(scroller, chosen, ROW);
  useSteadyFocus(scroller);
  return (
    <nav ref={scroller} class="version-list" aria-label="Versions">
      <div style={{ height: `${artifact.versions.length * ROW}px` }}>
        {artifact.versions.slice(first, last).map((one, at) => (
          <a
            key={one.version}
            class="version-row"
            href={artifactHash(artifact.id, one.version)}
            aria-current={first + at === chosen ? "true" : undefined}
            style={{ top: `${(first + at) * ROW}px` }}
          >
            <span class="version-name">
              <span class="num">{one.version}</span>
              <Aliases aliases={aliasesOf(artifact.aliases, one.version)} />
            </span>
            <small class="muted num">
              {formatBytes(one.size)} · <Ago at={one.created_at} />
            </small>
          </a>
        ))}
      </div>
    </nav>
  );
}
