"""The file that the console is kept in: texts, each appended with one write(2) by this process or a forked child.

What a full disk cuts short stays as far as it came, for it was printed; nothing of the file is ever taken back, since a
child may have printed more by then. What comes next begins a line, behind a whole character.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from runicorn.sdk.console_clock import ConsoleClock
from runicorn.storage import layout
from runicorn.storage.appending import AppendFile


class ConsoleFile:
    """console.log, opened for appending, and console.times beside it. Raises OSError where the first cannot be.

    clock_failed: told of what keeps the time of some output from being kept.
    """

    def __init__(self, path: Path, clock_failed: Callable[[OSError], None]) -> None:
        self._file = AppendFile(path)
        self._clock = ConsoleClock(path.with_name(layout.CONSOLE_TIMES_FILE), clock_failed)
        self._owed = b""  # what is missing of the last character and its line
        self._in_line = False

    @property
    def fd(self) -> int:
        """The descriptor, -1 once it is closed."""
        return self._file.fd

    def write(self, text: bytes) -> None:
        """Append a text in UTF-8. Raises OSError where not all of it could be written."""
        self._clock.note(self._file.fd)
        data = self._owed + text
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file.fd, data[written:])
        finally:
            if written:
                self._in_line = data[written - 1 : written] != b"\n"
                self._owed = owed_after(data, written)
            elif self._in_line:  # print() writes the end of a line by itself
                self._owed = self._owed or b"\n"

    def after_fork(self) -> None:
        """In a forked child, leave to the parent what it owes."""
        self._owed = b""

    def close(self) -> None:
        self._file.close()
        self._clock.close()


def owed_after(data: bytes, written: int) -> bytes:
    """Return what is to follow the first `written` bytes, at least one, of texts in UTF-8 where the others are lost."""
    if written == len(data):
        return b""
    end = written
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return data[written:end] + (b"" if data[:end].endswith(b"\n") else b"\n")
