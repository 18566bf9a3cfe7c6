"""Copy a file while its SHA-256 is computed; what an earlier copy left is compared, kept as far as it is right, and
completed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from runicorn.errors import ArtifactNotStoredError, SourceChangedError

CHUNK_BYTES = 1024 * 1024
# After a power cut a file of this size or more is whole; a smaller one is told by its size or its checksum.
_SYNC_FROM_BYTES = CHUNK_BYTES
_COMMON = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | _COMMON | getattr(os, "O_NONBLOCK", 0)
_WRITE = os.O_RDWR | os.O_CREAT | _COMMON | getattr(os, "O_NOFOLLOW", 0)

Progress = Callable[[int], None]  # how many bytes more are done


@dataclass(frozen=True)
class Identity:
    """What tells, without reading it, that a file is still the one it was."""

    size_bytes: int
    mtime_ns: int
    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        return cls(status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[tuple[BinaryIO, Identity]]:
    """Give the open file and its identity. Raises OSError; ArtifactNotStoredError for a folder, pipe or device."""
    fd = os.open(path, _READ)  # without waiting: a pipe without a writer would hang
    with _raw(fd, "rb") as source:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactNotStoredError(f"{path} is no file.")
        yield source, Identity.of(status)


def hash_file(path: Path, progress: Progress) -> str:
    """Return the SHA-256 of a file's content. Raises OSError, SourceChangedError."""
    with open_source(path) as (source, identity):
        digest = hashlib.sha256()
        for data in _rest(source, identity):
            digest.update(data)
            progress(len(data))
        _check(path, source, identity)
        return digest.hexdigest()


def copy_file(path: Path, target: Path, progress: Progress) -> str:
    """Make `target` a copy of `path` and return its SHA-256. Raises OSError, SourceChangedError.

    What `target` holds already is compared with the source and kept as far as it is equal.
    """
    with open_source(path) as (source, identity):
        fd = os.open(target, _WRITE, 0o644)
        with _raw(fd, "r+b") as copy:
            digest = hashlib.sha256()
            _keep_equal_part(source, identity, copy, digest.update, progress)
            for data in _rest(source, identity):
                digest.update(data)
                view = memoryview(data)
                while view:
                    view = view[copy.write(view) :]
                progress(len(data))
            copy.truncate()
            _check(path, source, identity)
            if copy.tell() != identity.size_bytes:
                raise SourceChangedError(f"{path} was written to while it was copied.")
            if identity.size_bytes >= _SYNC_FROM_BYTES:
                os.fsync(fd)
            return digest.hexdigest()


def _raw(fd: int, mode: str) -> BinaryIO:
    return cast("BinaryIO", os.fdopen(fd, mode, buffering=0))


def _keep_equal_part(
    source: BinaryIO, identity: Identity, copy: BinaryIO, update: Callable[[bytes], None], progress: Progress
) -> None:
    """Leave both files at the first chunk that differs."""
    offset = 0
    while earlier := copy.read(CHUNK_BYTES):
        data = source.read(len(earlier))
        if data != earlier or source.tell() > identity.size_bytes:
            break
        update(data)
        offset += len(data)
        progress(len(data))
    source.seek(offset)
    copy.seek(offset)


def _rest(source: BinaryIO, identity: Identity) -> Iterator[bytes]:
    """Yield what is left of the source, no more than it had at first: it may grow faster than it is read."""
    while data := source.read(min(CHUNK_BYTES, identity.size_bytes - source.tell())):
        yield data


def _check(path: Path, source: BinaryIO, identity: Identity) -> None:
    if Identity.of(os.fstat(source.fileno())) != identity or source.tell() != identity.size_bytes:
        raise SourceChangedError(f"{path} was written to while it was copied.")
