"""Artifacts as the wire has them. A version's file never changes, so each is read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runicorn.errors import ArtifactNotFoundError
from runicorn.storage.artifacts import catalogue, names
from runicorn.storage.artifacts.manifest import Manifest
from runicorn.storage.files import Files
from runicorn.storage.layout import iso

_MAX_KNOWN = 20_000


class ArtifactList:
    """Reads the artifacts of one root, and keeps what it read of each version, files left out.

    For any number of threads: the worst that two at once do is to read a file twice.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[tuple[str, int, int, int], dict[str, Any]] = {}

    def overview(self, run_names: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return each artifact with its latest version. run_names: what runs are called, by their ids."""
        found = []
        for name in catalogue.artifact_names(self._files):
            versions = self._versions(name)
            if versions:
                latest = _with_run_name(versions[-1], run_names)
                found.append({"name": name, "versions": len(versions), "latest": latest,
                              "aliases": self._aliases(name, versions)})  # fmt: skip
        return found

    def artifact(self, name: str, run_names: Mapping[str, str]) -> dict[str, Any]:
        """Return one artifact with all of its versions, the newest first. Raises ArtifactNotFoundError."""
        versions = self._versions(name) if names.is_name(name) else []
        if not versions:
            raise ArtifactNotFoundError(f"There is no artifact {name[:200]!r}.")
        named = [_with_run_name(version, run_names) for version in reversed(versions)]
        return {"name": name, "versions": named, "aliases": self._aliases(name, versions)}

    def manifest(self, name: str, version: str) -> Manifest:
        """Return a version by `v3` or an alias. Raises ArtifactNotFoundError."""
        number = names.parse_version(version)
        wanted = names.Reference(name, version if number is None else number)
        if not names.is_name(name) or (number is None and not names.is_name(version)):
            raise ArtifactNotFoundError(f"There is no artifact {str(wanted)[:400]!r}.")
        return catalogue.resolve(self._files, wanted)

    def files(self, name: str, version: str, offset: int, limit: int, run_names: Mapping[str, str]) -> dict[str, Any]:
        """Return a version with some of its files, sorted by path. Raises ArtifactNotFoundError."""
        return files_to_wire(self.manifest(name, version), offset, limit, run_names)

    def _aliases(self, name: str, versions: list[dict[str, Any]]) -> dict[str, str]:
        known = {alias: names.version_text(number) for alias, number in catalogue.aliases(self._files, name).items()}
        return {**known, names.LATEST: versions[-1]["version"]}

    def _versions(self, name: str) -> list[dict[str, Any]]:
        """Return what is known of each readable version, the oldest first."""
        found = []
        for number in catalogue.version_numbers(self._files, name):
            status = self._files.stat(names.version_path(name, number))
            if status is None:
                continue
            key = (name, number, status.size_bytes, status.mtime_ns)
            if key not in self._known:
                manifest = catalogue.version(self._files, name, number)
                if manifest is None:  # being written, or damaged
                    continue
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[key] = version_to_wire(manifest)
            found.append(self._known[key])
        return found


def version_to_wire(manifest: Manifest) -> dict[str, Any]:
    """Return the object of a version, its files counted but not named."""
    return {
        "version": manifest.version,
        "type": manifest.type,
        "description": manifest.description,
        "metadata": manifest.metadata,
        "digest": manifest.digest,
        "size": manifest.content.size_bytes,
        "file_count": len(manifest.content.files),
        "created_at": iso(manifest.created_at),
        "run": manifest.run,
        "step": manifest.step,
    }


def _with_run_name(version: dict[str, Any], run_names: Mapping[str, str]) -> dict[str, Any]:
    return {**version, "run_name": run_names.get(version["run"])}


def files_to_wire(manifest: Manifest, offset: int, limit: int, run_names: Mapping[str, str]) -> dict[str, Any]:
    """Return the object of a version with some of its files."""
    chosen = manifest.content.files[offset : offset + limit]
    files = [{"path": entry.path, "size": entry.size_bytes, "sha256": entry.sha256} for entry in chosen]
    return {"name": manifest.name, **_with_run_name(version_to_wire(manifest), run_names), "files": files}
