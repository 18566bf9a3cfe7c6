"""Browse a server's folders: list and exists, over SFTP. Blocking; called from worker threads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from runicorn.errors import RemotePathNotFoundError, UsageError
from runicorn.remote.ssh.interface import Connection, RemoteEntry, RemoteFiles

MAX_ENTRIES = 100_000
MAX_PATH_CHARS = 4096


@dataclass(frozen=True)
class Listing:
    """path: absolute. entries: folders first, then by name. truncated: whether there were more than MAX_ENTRIES."""

    path: str
    entries: tuple[RemoteEntry, ...]
    truncated: bool


@dataclass(frozen=True)
class PathFacts:
    path: str
    exists: bool
    is_dir: bool


def list_folder(connection: Connection, path: str) -> Listing:
    """Return what the folder holds. Raises UsageError, RemotePathNotFoundError, RemoteNotADirectoryError,
    RemotePermissionError, SftpUnavailableError."""
    _require_path(path)
    with _files(connection) as files:
        absolute = files.absolute(path)
        entries: list[RemoteEntry] = []
        truncated = False
        for entry in files.scan(absolute):
            if len(entries) == MAX_ENTRIES:
                truncated = True
                break
            entries.append(entry)
    entries.sort(key=lambda entry: (not entry.is_dir, entry.name))
    return Listing(absolute, tuple(entries), truncated)


def path_facts(connection: Connection, path: str) -> PathFacts:
    """Return whether the path exists, and whether it is a folder."""
    _require_path(path)
    with _files(connection) as files:
        try:
            absolute = files.absolute(path)
            entry = files.stat(absolute)
        except RemotePathNotFoundError:
            return PathFacts(path, exists=False, is_dir=False)
    return PathFacts(absolute, exists=True, is_dir=entry.is_dir)


def _require_path(path: str) -> None:
    if not path or len(path) > MAX_PATH_CHARS or "\0" in path:
        raise UsageError("The path is empty, too long, or holds a zero byte.")


@contextlib.contextmanager
def _files(connection: Connection) -> Iterator[RemoteFiles]:
    # One SFTP client a listing: two users of one would read each other's replies.
    files = connection.files()
    try:
        yield files
    finally:
        files.close()
