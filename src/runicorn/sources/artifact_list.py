"""Artifacts as the wire has them. A version's file never changes, so each is read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runicorn.errors import ArtifactNotFoundError
from runicorn.storage.artifacts import catalogue, looking, names
from runicorn.storage.artifacts.looking import Seen, VersionFile
from runicorn.storage.artifacts.manifest import Manifest, from_object
from runicorn.storage.files import Files
from runicorn.storage.jsonio import decode_object
from runicorn.storage.layout import iso

_MAX_KNOWN = 20_000

Aliases = Mapping[looking.Alias, int]


class ArtifactList:
    """Reads the artifacts of one root, and keeps what it read of each version, files left out.

    For any number of threads: the worst that two at once do is to read a file twice.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[VersionFile, dict[str, Any]] = {}

    def overview(self, run_names: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return each artifact with its latest version: in three calls of Files, four where some of these are damaged.

        run_names: what runs are called, by their ids. Raises OSError.
        """
        seen = looking.look_at_all(self._files)
        latest = [each.wish(max(each.versions)) for each in seen]
        known, aliases = self._read(latest, seen)
        # Of those whose latest version is damaged, or still being written, the ones before it.
        damaged = {last.name for last in latest if last not in known}
        known |= self._read([each.wish(number) for each in seen if each.name in damaged for number in each.versions])[0]
        found = []
        for each, last in zip(seen, latest, strict=True):
            looked_into = [each.wish(number) for number in each.versions] if each.name in damaged else [last]
            versions = [known[version] for version in looked_into if version in known]
            if versions:
                count = len(each.versions) - len(looked_into) + len(versions)
                found.append({"name": each.name, "versions": count, "latest": _with_run_name(versions[-1], run_names),
                              "aliases": _aliases(each, aliases, versions)})  # fmt: skip
        return found

    def artifact(self, name: str, run_names: Mapping[str, str]) -> dict[str, Any]:
        """Return one artifact with all of its versions, the newest first: in two calls of Files.

        Raises ArtifactNotFoundError, OSError.
        """
        seen = looking.look_at(self._files, [name]) if names.is_name(name) else []
        known, aliases = self._read([each.wish(number) for each in seen for number in each.versions], seen)
        if not known:
            raise ArtifactNotFoundError(f"There is no artifact {name[:200]!r}.")
        versions = list(known.values())
        named = [_with_run_name(version, run_names) for version in reversed(versions)]
        return {"name": name, "versions": named, "aliases": _aliases(seen[0], aliases, versions)}

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

    def _read(
        self, versions: Sequence[VersionFile], of_aliases: Iterable[Seen] = ()
    ) -> tuple[dict[VersionFile, dict[str, Any]], Aliases]:
        """Return what is known of each readable version, in this order, and what the aliases mean."""
        found = {each: self._known.get(each) for each in versions}
        unknown = [each for each, known in found.items() if known is None]
        wanted = [(each.name, alias) for each in of_aliases for alias in each.aliases]
        contents, aliases = looking.read(self._files, unknown, wanted)
        for each, data in contents.items():
            manifest = from_object(each.name, each.number, decode_object(data))
            if manifest is not None:  # else it is being written, or damaged
                found[each] = known = version_to_wire(manifest)
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[each] = known
        return {each: known for each, known in found.items() if known is not None}, aliases


def _aliases(seen: Seen, numbers: Aliases, versions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    meant = {alias: numbers.get((seen.name, alias)) for alias in seen.aliases}
    known = {alias: names.version_text(number) for alias, number in meant.items() if number is not None}
    return {**known, names.LATEST: versions[-1]["version"]}


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
