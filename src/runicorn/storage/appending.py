"""Files that only grow, each by one process: what an append was told to write is in the file whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runicorn.regular_files import NO_WAIT, check_regular

_APPEND = NO_WAIT | os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class AppendFile:
    """A file of one writer that only ever grows. Each append is one write(2), whole before it returns.

    fd: for a caller that makes the write itself and leaves the rest to complete().
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, _APPEND, 0o644)
        self._pid = os.getpid()
        try:
            check_regular(self.fd, path)
        except OSError:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Append all of `data`, or raise OSError with none of it left behind."""
        self.complete(data, os.write(self.fd, data))

    def complete(self, data: bytes, written: int) -> None:
        """Append what a short write(2) left over; what `append` does, for a caller that made the write itself."""
        try:
            while written < len(data):
                written += os.write(self.fd, data[written:])
        except BaseException:
            with contextlib.suppress(OSError):
                self._take_back(data[:written])
            raise

    @property
    def size_bytes(self) -> int:
        return os.fstat(self.fd).st_size

    def cut(self, size_bytes: int) -> None:
        """Cut off what lies behind `size_bytes`, as the end that an earlier writer's death tore. Raises OSError."""
        if size_bytes < self.size_bytes:
            os.ftruncate(self.fd, size_bytes)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def _take_back(self, part: bytes) -> None:
        """Cut off what a failed append wrote. Raises OSError.

        Only where the file ends with it: a signal handler may have appended more since, and a forked child, which has
        the same file open, does not know what its parent does.
        """
        start = self.size_bytes - len(part)
        if part and self._pid == os.getpid() and _read_at(self.fd, len(part), start) == part:
            os.ftruncate(self.fd, start)


class LineFile(AppendFile):
    """One whose appends are whole lines. A last line without its end, of a writer that died, is ended by the next."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._torn = not self._ends_with_line()

    def append(self, data: bytes) -> None:
        """Append lines, each with its end, or raise OSError with none of them left behind."""
        super().append(b"\n" + data if self._torn else data)
        self._torn = False

    def complete(self, data: bytes, written: int) -> None:
        if written == len(data):
            return
        self._torn = True  # for a signal handler that comes in the middle
        try:
            super().complete(data, written)
        except BaseException:
            self._torn = not self._ends_with_line()
            raise
        self._torn = False

    def _ends_with_line(self) -> bool:
        """Tell whether what comes next begins a line; False where nobody can tell, for an empty line harms nobody."""
        try:
            size = self.size_bytes
            return size == 0 or _read_at(self.fd, 1, size - 1) == b"\n"
        except OSError:
            return False


def _read_at(fd: int, length: int, start: int) -> bytes:
    """Return bytes of an open file, fewer at its end. Where the next append goes does not depend on what was read."""
    if hasattr(os, "pread"):
        return os.pread(fd, length, start) if start >= 0 else b""
    os.lseek(fd, max(0, start), os.SEEK_SET)  # Windows
    return os.read(fd, length)
