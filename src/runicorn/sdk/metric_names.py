"""The names of a record file's metrics by number: a .keys file, kept in step by one process.

A signal handler may name a metric in the middle of another one's naming. So each name has its number, and with it its
place in the file, before anything is written; to write it a second time changes nothing.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runicorn.regular_files import NO_WAIT, check_regular
from runicorn.storage import layout

_OPEN = os.O_RDWR | os.O_CREAT | NO_WAIT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class MetricNames:
    """The names so far, and those that come. known: by number; None for a line that is none."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, _OPEN, 0o644)
        try:
            check_regular(self._fd, path)
            data = path.read_bytes()
            self.known, whole = layout.decode_keys(data)
            self._written = len(self.known), whole  # names, bytes
            if whole < len(data):  # torn by an earlier writer's death: its number is none that another name may have
                os.ftruncate(self._fd, whole)  # to end the line would need room on the disk
                self.known.append(None)
        except OSError:
            os.close(self._fd)
            raise
        self._unwritten: dict[str, int] = {}

    def reserve(self, count: int) -> None:
        """Give no new name a number below `count`: records have them whose names were lost, as in a power cut."""
        self.known += [None] * (count - len(self.known))
        if len(self.known) > self._written[0]:
            with contextlib.suppress(OSError):  # a full disk; the next name's line brings them along
                self._write()

    def add(self, name: str) -> int:
        """Return the number of a name that is new; it is in the file when this returns. Raises OSError."""
        number = self._number(name)
        self._write()
        self._unwritten.pop(name, None)
        return number

    def _number(self, name: str) -> int:
        if name in self._unwritten:  # it came before, and its line could not be written, or is just being
            return self._unwritten[name]
        self.known.append(name)
        number = len(self.known) - 1
        while self.known[number] != name:  # a signal handler has added others since
            number -= 1
        self._unwritten[name] = number
        return number

    def _write(self) -> None:
        count, size = self._written
        waiting = self.known[count:]
        lines = b"".join(layout.encode_key(each) if each is not None else b"\n" for each in waiting)
        try:
            _write_at(self._fd, lines, size)
        except BaseException:
            if self._written == (count, size):  # no signal handler has written the same, and more
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, size)
            raise
        self._written = count + len(waiting), size + len(lines)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _write_at(fd: int, data: bytes, offset: int) -> None:
    while data:
        if hasattr(os, "pwrite"):
            written = os.pwrite(fd, data, offset)
        else:  # Windows, whose signals come to no thread in the middle of something
            os.lseek(fd, offset, os.SEEK_SET)
            written = os.write(fd, data)
        data, offset = data[written:], offset + written
