"""Keeps when output was written: at most an entry a second in console.times, beside console.log.

What fails here is told once and costs times only: the output itself is never held up or lost by it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from runicorn.storage.appending import AppendFile
from runicorn.storage.console_times import ENTRY_BYTES, encode, pause_secs


class ConsoleClock:
    """console.times of one run. failed: told of what keeps a time from being kept."""

    def __init__(self, path: Path, failed: Callable[[OSError], None], clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._failed = failed
        self._clock = clock
        self._file: AppendFile | None = None
        self._entries = 0
        # An entry is due before the first of these times and from the second on: a clock may be set back.
        self._last_at, self._next_at = 0.0, 0.0

    def note(self, fd: int) -> None:
        """Note, if it is time to, that something is about to be appended to the file that is open as `fd`."""
        now = self._clock()
        if self._last_at <= now < self._next_at:
            return
        # Whatever happens below: not again for as long, on a disk that is slow or full.
        self._last_at, self._next_at = now, now + pause_secs(self._entries)
        try:
            size = os.fstat(fd).st_size
        except OSError:  # then the output is not kept either, as will be told
            return
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.append(encode(now, size))
            self._entries += 1
        except OSError as error:
            self._failed(error)

    def _opened(self) -> AppendFile:
        file = AppendFile(self._path)
        with contextlib.suppress(OSError):  # a torn end is passed over by readers, too, until the next one
            self._entries = file.size_bytes // ENTRY_BYTES
            file.cut(self._entries * ENTRY_BYTES)
        return file

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
