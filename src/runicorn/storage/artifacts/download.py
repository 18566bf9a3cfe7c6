"""Bring a version's files into a folder: copies, each checked against its SHA-256, none outside of the folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from runicorn.errors import ArtifactDamagedError, StorageError, TargetNotUsableError
from runicorn.storage.artifacts import names
from runicorn.storage.artifacts.copying import Progress, copy_file, hash_file
from runicorn.storage.artifacts.manifest import Entry

_PART_SUFFIX = ".runicorn-part"
_WINDOWS = os.name == "nt"
_CASE_MATTERS = not _WINDOWS and sys.platform != "darwin"


def download(root: Path, files: Iterable[Entry], folders: Iterable[str], target: Path, progress: Progress) -> None:
    """Make `target` hold these files and folders; what it holds already and is right stays, other files are untouched.

    A copy, because a link would let a change to it spoil every version that has the same content. A break costs the
    chunk that was being copied. Raises ArtifactDamagedError, TargetNotUsableError.
    """
    places = _places([*((entry.path, entry) for entry in files), *((folder, None) for folder in folders)])
    try:
        target.mkdir(parents=True, exist_ok=True)
        inside = target.resolve(strict=True)
        for parts, entry in places:
            place = inside.joinpath(*parts)
            folder = place if entry is None else place.parent
            _make_folder(folder, inside)
            if entry is not None:
                _bring(root / names.blob_path(entry.sha256), entry, place, progress)
    except OSError as error:
        where = error.filename or target
        raise TargetNotUsableError(f"{where} cannot be written: {error.strerror or error}.") from error


def _places(members: list[tuple[str, Entry | None]]) -> list[tuple[list[str], Entry | None]]:
    """Return where each member lies, as names on this system. Raises TargetNotUsableError where two would be one."""
    found: dict[tuple[str, ...], str] = {}
    places = []
    for path, entry in members:
        parts = [names.local_part(part, windows=_WINDOWS) for part in path.split("/")]
        key = tuple(parts if _CASE_MATTERS else (part.casefold() for part in parts))
        if key in found:
            what = f"{found[key]!r} and {path!r} would be the same file here."
            raise TargetNotUsableError(what, hint="Download them on Linux, or one by one.")
        found[key] = path
        places.append((parts, entry))
    return places


def _make_folder(folder: Path, inside: Path) -> None:
    """Make the folder, which may not lie elsewhere because somebody put a link into the target."""
    for step in reversed([folder, *folder.parents[: len(folder.parts) - len(inside.parts) - 1]]):
        if step != inside and step.is_symlink():
            raise TargetNotUsableError(f"{step} is a link, which may lead out of the folder.")
        step.mkdir(exist_ok=True)


def _bring(blob: Path, entry: Entry, place: Path, progress: Progress) -> None:
    if _is_right(place, entry, progress):
        return
    part = place.with_name(f".{entry.sha256[:16]}{_PART_SUFFIX}")
    if part.is_symlink():
        part.unlink()
    try:
        sha256 = _copy(blob, entry, part, progress)
        if sha256 != entry.sha256:
            raise ArtifactDamagedError(f"{entry.path} is not what was stored: {blob} has other content.")
        part.replace(place)
    except StorageError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _copy(blob: Path, entry: Entry, part: Path, progress: Progress) -> str:
    try:
        size = blob.stat().st_size
    except OSError as error:
        raise ArtifactDamagedError(f"{entry.path} cannot be read: {blob}: {error.strerror or error}.") from error
    if size != entry.size_bytes:
        raise ArtifactDamagedError(f"{entry.path} is not what was stored: {blob} has another size.")
    return copy_file(blob, part, progress)


def _is_right(place: Path, entry: Entry, progress: Progress) -> bool:
    """Tell whether the file is there already, itself and not as a link to somewhere."""
    counted = 0

    def count(size: int) -> None:
        nonlocal counted
        counted += size
        progress(size)

    with contextlib.suppress(FileNotFoundError, StorageError):
        if place.is_symlink() or place.stat().st_size != entry.size_bytes:
            return False
        if hash_file(place, count) == entry.sha256:
            return True
    progress(-counted)  # what is wrong there is copied, and counted again
    return False
