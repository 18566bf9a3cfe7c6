"""Opening a file without ever waiting: what stands in its place, such as a pipe, is told and not waited for."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

# A pipe that nobody writes to would hang who opens it. On a file it means nothing.
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
# A circle of links, a name longer than the system takes, or one that it forbids.
_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_NOWHERE_ON_WINDOWS = frozenset({123, 161, 1921})  # ERROR_INVALID_NAME, _BAD_PATHNAME, _CANT_RESOLVE_FILENAME


def leads_nowhere(error: OSError) -> bool:
    """Return whether an error says that nothing is at a path, now and the next time, and not that it cannot be read."""
    return error.errno in _NOWHERE or getattr(error, "winerror", None) in _NOWHERE_ON_WINDOWS


def open_regular(path: str | Path) -> io.FileIO:
    """Open a file for reading. Raises OSError; for a pipe, a folder or a device, too, without waiting for it."""
    return open(path, "rb", buffering=0, opener=_open)


def read_range(path: str, offset: int, length: int) -> bytes:
    """Return what one read gives of up to `length` bytes from `offset`, opened as open_regular does. Raises OSError.

    A list reads thousands of small files: without a file object that takes two thirds of the time.
    """
    fd = _open(path, _READ)
    try:
        if offset:
            os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)
    finally:
        os.close(fd)


def read_regular(path: Path, limit_bytes: int | None = None) -> bytes:
    """Return the content of a file, as open_regular opens it. Raises OSError, also for one that is larger."""
    with open_regular(path) as file:
        if limit_bytes is None:
            return file.read() or b""
        content = io.BufferedReader(file).read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise OSError(errno.EFBIG, f"Larger than {limit_bytes} bytes", os.fspath(path))
    return content


def check_regular(fd: int, path: str | Path) -> None:
    """Raise OSError unless an open descriptor is that of a file."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is no file", os.fspath(path))


def _open(path: str, flags: int) -> int:
    fd = os.open(path, flags | NO_WAIT)
    try:
        check_regular(fd, path)
    except OSError:
        os.close(fd)
        raise
    return fd
