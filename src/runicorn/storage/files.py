"""How a storage root is read: list, stat, read a byte range. Paths are relative to the root, with slashes."""

from __future__ import annotations

import os
import stat as stat_mode
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from runicorn.regular_files import open_regular
from runicorn.storage import layout


class FileStat(NamedTuple):
    """What identifies a file's content without reading it. inode is 0 where the system has none."""

    name: str
    is_dir: bool
    size_bytes: int
    mtime_ns: int
    inode: int


class Files(Protocol):
    """Read access to one storage root. Every call may raise OSError, except for what is merely not there."""

    def names(self, path: str) -> list[str]:
        """Return the names of what a folder holds, which may cost far less than list(); nothing where it is missing."""
        ...

    def list(self, path: str) -> list[FileStat]:
        """Return what a folder holds, in no order; nothing where it does not exist."""
        ...

    def stat(self, path: str) -> FileStat | None:
        """Return what is at `path`, or None."""
        ...

    def is_link(self, path: str) -> bool:
        """Tell whether `path` only points to what is there."""
        ...

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `offset`; all of the rest for None. Raises FileNotFoundError."""
        ...


@runtime_checkable
class Growing(Protocol):
    """Files whose runs are still being found, by somebody else than who reads them."""

    def arriving(self) -> int:
        """Return how many runs are known that names() does not show yet."""
        ...


class LocalFiles:
    """A storage root on this machine's file systems."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = os.fspath(root) + os.sep

    def names(self, path: str) -> list[str]:
        try:
            return os.listdir(self._prefix + path)  # noqa: PTH208 - see stat
        except (FileNotFoundError, NotADirectoryError):
            return []

    def list(self, path: str) -> list[FileStat]:
        try:
            with os.scandir(self._prefix + path) as entries:
                return [found for entry in entries if (found := _entry_stat(entry)) is not None]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def stat(self, path: str) -> FileStat | None:
        try:
            status = os.stat(self._prefix + path)  # noqa: PTH116 - ten times per run and listing; Path doubles the cost
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _file_stat(path.rsplit("/", 1)[-1], status)

    def is_link(self, path: str) -> bool:
        return os.path.islink(self._prefix + path)  # noqa: PTH114 - see stat

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        with open_regular(self._prefix + path) as file:
            if offset:
                file.seek(offset)
            data = file.read() if length is None else file.read(length)
            return data or b""

    def path(self, path: str) -> Path:
        """Return where a relative path lies on this machine."""
        return self.root / path


def walk(files: Files, path: str, *, limit: int = 1000, depth: int = 4) -> list[tuple[str, FileStat]]:
    """Return the files under a folder with their paths below it, at most `limit`, sorted by path.

    Left out are the claims of writers, which come and go. Links to folders are not followed: they may lead out of it,
    or round in circles.
    """
    found: list[tuple[str, FileStat]] = []
    pending = [("", depth)]
    while pending and len(found) < limit:
        below, levels = pending.pop()
        for entry in files.list(f"{path}/{below}" if below else path):
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.name.startswith(layout.CLAIM_PREFIX):
                continue
            if not entry.is_dir:
                found.append((name, entry))
            elif levels > 0 and not files.is_link(f"{path}/{name}"):
                pending.append((name, levels - 1))
    return sorted(found)[:limit]


def _entry_stat(entry: os.DirEntry[str]) -> FileStat | None:
    try:
        return _file_stat(entry.name, entry.stat())
    except OSError:  # gone since the folder was read, or a link to nowhere
        return None


def _file_stat(name: str, status: os.stat_result) -> FileStat:
    return FileStat(name, stat_mode.S_ISDIR(status.st_mode), status.st_size, status.st_mtime_ns, status.st_ino)
