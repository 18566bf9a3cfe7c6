"""What a version of an artifact is made of, and how its file says so. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from runicorn.errors import InvalidArtifactPathError
from runicorn.storage import layout
from runicorn.storage.artifacts import names

DEFAULT_TYPE = "dataset"


@dataclass(frozen=True)
class Entry:
    """One file: its path in the artifact, with slashes; its size; its SHA-256 in hex."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Content:
    """What a version holds. files: sorted by path. folders: the empty ones."""

    files: tuple[Entry, ...]
    folders: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.files)

    @property
    def digest(self) -> str:
        """The SHA-256 of paths and contents: equal digests are equal sets of files."""
        listed = [[entry.path, entry.sha256] for entry in self.files] + [[folder] for folder in self.folders]
        return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """One version, as its file tells it. run, step: what logged it first; None where no run did."""

    name: str
    number: int
    content: Content
    created_at: float
    digest: str
    type: str = DEFAULT_TYPE
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    step: int | None = None

    @property
    def version(self) -> str:
        return names.version_text(self.number)

    def entry(self, path: str) -> Entry | None:
        """Return the file at a path, or None."""
        return next((entry for entry in self.content.files if entry.path == path), None)


def make_content(files: Iterable[Entry], folders: Iterable[str] = ()) -> Content:
    """Return the content in its one order. Raises InvalidArtifactPathError for a path that is there twice."""
    chosen = sorted(files, key=lambda entry: entry.path)
    paths = {entry.path for entry in chosen}
    if len(paths) != len(chosen):
        twice = next(a.path for a, b in pairwise(chosen) if a.path == b.path)
        raise InvalidArtifactPathError(f"Two files of the artifact are called {twice[:200]!r}.")
    kept = sorted(set(folders))
    for path in (*paths, *kept):
        for parent in _parents(path):
            if parent in paths:
                raise InvalidArtifactPathError(f"{parent[:200]!r} is a file of the artifact and a folder, too.")
    if paths & set(kept):
        raise InvalidArtifactPathError("A file and a folder of the artifact have the same name.")
    return Content(tuple(chosen), tuple(kept))


def to_object(manifest: Manifest) -> dict[str, Any]:
    """Return what the version's file holds. metadata must be plain JSON."""
    return {
        "name": manifest.name,
        "version": manifest.version,
        "type": manifest.type,
        "description": manifest.description,
        "metadata": dict(manifest.metadata),
        "digest": manifest.digest,
        "size": manifest.content.size_bytes,
        "created_at": layout.iso(manifest.created_at),
        "run": manifest.run,
        "step": manifest.step,
        "files": [{"path": entry.path, "size": entry.size_bytes, "sha256": entry.sha256}
                  for entry in manifest.content.files],
        "folders": list(manifest.content.folders),
    }  # fmt: skip


def from_object(name: str, number: int, value: Mapping[str, Any] | None) -> Manifest | None:
    """Return the version that an object tells of, or None where it is damaged or would lead out of the artifact.

    name and number come from where the file lies; what it says of them counts for nothing.
    """
    if value is None or not isinstance(value.get("files"), list):
        return None
    files = [_entry(each) for each in value["files"]]
    folders = value.get("folders", [])
    if None in files or not isinstance(folders, list) or not all(map(names.is_member_path, folders)):
        return None
    try:
        content = make_content([each for each in files if each is not None], folders)
    except InvalidArtifactPathError:
        return None
    step, metadata = value.get("step"), value.get("metadata")
    return Manifest(
        name=name,
        number=number,
        content=content,
        created_at=layout.parse_iso(value.get("created_at")) or 0.0,
        digest=content.digest,
        type=_text(value.get("type")) or DEFAULT_TYPE,
        description=_text(value.get("description")),
        metadata=metadata if isinstance(metadata, dict) else {},
        run=_text(value.get("run")) or None,
        step=step if isinstance(step, int) and not isinstance(step, bool) else None,
    )


def _entry(value: Any) -> Entry | None:
    if not isinstance(value, dict):
        return None
    path, size, sha256 = value.get("path"), value.get("size"), value.get("sha256")
    if not isinstance(path, str) or not names.is_member_path(path) or not names.is_sha256(sha256):
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        return None
    return Entry(path, size, str(sha256))


def _parents(path: str) -> Iterable[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
