/** One version of an artifact: what it is, who made it, its files, its metadata. */

import { useEffect, useMemo } from "preact/hooks";
import { artifactFileUrl } from "../../api/client";
import type { Artifact, ArtifactFile, ArtifactVersion } from "../../api/types";
import { placeName } from "../../pure/artifacts";
import { flatten } from "../../pure/columns";
import { formatBytes, formatCount, plural } from "../../pure/format";
import { versionFiles } from "../../state/artifacts";
import { severalPlaces } from "../../state/sources";
import { Ago, Code, CopyButton, Delayed, ErrorState, Fact, TableBones } from "../basics";
import { Icon } from "../icons";
import { KeyValues } from "../KeyValues";
import { Aliases, RunLink } from "./ArtifactTable";

export function VersionDetails({ artifact: { id, name, place }, version, aliases }: { artifact: Artifact; version: ArtifactVersion; aliases: readonly string[] }) {
  const metadata = flatten(version.metadata ?? {});
  return (
    <div class="version">
      <header class="version-head">
        <h2 class="num">{version.version}</h2>
        <Aliases aliases={aliases} />
      </header>
      <dl class="facts">
        <Fact name="Type">
          <span class="ellipsis" title={version.type}>
            {version.type}
          </span>
        </Fact>
        {(place || severalPlaces.value) && (
          <Fact name="Host">
            <span class="ellipsis">{placeName(place)}</span>
          </Fact>
        )}
        <Fact name="Size">
          <span class="num">{formatBytes(version.size)}</span>
        </Fact>
        <Fact name="Logged">
          <Ago at={version.created_at} />
        </Fact>
        <Fact name="Made by">
          <RunLink version={version} />
          {version.step !== null && <span class="num muted">at step {formatCount(version.step)}</span>}
        </Fact>
        <Fact name="Digest">
          <Hash text={version.digest} label="Copy the digest" />
        </Fact>
      </dl>
      {version.description && <p class="version-description">{version.description}</p>}
      {/* A script reads the artifacts of its own storage root only, and one that runs here has none of a host. */}
      {!place && <Code text={`rn.use_artifact("${name}:${version.version}").download()`} />}
      <Files key={`${version.version} ${version.digest}`} id={id} version={version} />
      {metadata.length > 0 && <KeyValues title="Metadata" entries={metadata} empty="" copy={version.metadata} />}
    </div>
  );
}

/** The beginning of a SHA-256, which is enough for the eye; all of it on hover and to copy. */
const Hash = ({ text, label }: { text: string; label: string }) => (
  <span class="hash">
    <span class="mono muted" title={text}>
      {text.slice(0, 12)}
    </span>
    <CopyButton text={text} label={label} />
  </span>
);

function Files({ id, version }: { id: string; version: ArtifactVersion }) {
  const source = useMemo(() => versionFiles(id, version.version), []);
  useEffect(() => void source.load(), [source]);
  const { value: files, error } = source.known.value;
  const left = version.file_count - (files?.length ?? 0);
  return (
    <section class="panel" aria-label="Files">
      <div class="panel-head">
        <h2>Files</h2>
        <span class="count num">{formatCount(version.file_count)}</span>
      </div>
      {files ? (
        <table class="kv version-files">
          <tbody>
            {files.map((file) => (
              <FileRow key={file.path} id={id} version={version.version} file={file} />
            ))}
          </tbody>
        </table>
      ) : (
        !error && (
          <Delayed>
            <TableBones rows={Math.min(version.file_count, 8)} widths={[140, 40, 96]} />
          </Delayed>
        )
      )}
      {error && <ErrorState error={error} onRetry={() => void source.load()} compact />}
      {files && left > 0 && !error && (
        <p class="panel-note">
          <button type="button" class="button small" onClick={() => void source.load()}>
            Show more
          </button>{" "}
          <span class="muted">{plural(left, "further file")}</span>
        </p>
      )}
    </section>
  );
}

const FileRow = ({ id, version, file }: { id: string; version: string; file: ArtifactFile }) => (
  <tr>
    <th scope="row">
      <a href={artifactFileUrl(id, version, file.path)} download={file.path.split("/").pop()} title="Download">
        <Icon name="download" size={14} />
        <span class="wrap">{file.path}</span>
      </a>
    </th>
    <td class="num">{formatBytes(file.size)}</td>
    <td>
      <Hash text={file.sha256} label={`Copy the SHA-256 of ${file.path}`} />
    </td>
  </tr>
);
