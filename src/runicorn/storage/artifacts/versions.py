"""Writing versions and aliases: numbers are claimed by creating a file that must not exist, so no lock is needed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from runicorn.errors import ArtifactNotStoredError
from runicorn.storage.artifacts import catalogue, names, partials
from runicorn.storage.artifacts.manifest import Manifest, to_object
from runicorn.storage.files import LocalFiles
from runicorn.storage.jsonio import encode_object
from runicorn.storage.writer import draft_path, replace_bytes

_ATTEMPTS = 10_000  # versions that others claimed in the moment between a look and a try


def add_version(root: Path, draft: Manifest) -> tuple[Manifest, bool]:
    """Write the draft as the artifact's next version; return it as it stands, and whether it is a new one.

    Where the latest version has the same content, that one is returned. The draft's number counts for nothing.
    Raises OSError, ArtifactNotStoredError.
    """
    files = LocalFiles(root)
    folder = root / names.folder_path(draft.name)
    folder.mkdir(parents=True, exist_ok=True)
    for place in (folder, folder / names.ALIASES):
        partials.sweep(place, ".*.tmp")  # drafts of processes that were killed
    for _ in range(_ATTEMPTS):
        latest = catalogue.latest(files, draft.name)
        if latest is not None and latest.digest == draft.digest:
            return latest, False
        numbers = catalogue.version_numbers(files, draft.name)
        claimed = replace(draft, number=max(numbers, default=-1) + 1)
        try:
            _create(root / names.version_path(draft.name, claimed.number), encode_object(to_object(claimed)))
        except FileExistsError:
            continue
        return claimed, True
    raise ArtifactNotStoredError(f"No number was free for a version of {draft.name}.")


def set_aliases(root: Path, name: str, number: int, aliases: Iterable[str]) -> None:
    """Let each alias mean this version from now on. Raises OSError."""
    for alias in aliases:
        path = root / names.alias_path(name, alias)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, f"{names.version_text(number)}\n".encode())


def _create(path: Path, content: bytes) -> None:
    """Make a file with this content. Raises FileExistsError where there is one already.

    Linked into place it is there as a whole at once. A file system without links gets it created and then filled:
    readers take it for none until it is complete, and a kill in between costs a number.
    """
    draft = draft_path(path)
    try:
        draft.write_bytes(content)
        try:
            os.link(draft, path)
        except FileExistsError:
            # NFS may repeat a request whose answer was lost, and then refuse what it has done: the link count tells.
            if draft.stat().st_nlink != 2:
                raise
        except OSError:
            _create_exclusively(path, content)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _create_exclusively(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
