"""One process's lines of a run's events: the file is opened when the first one comes, and each line is one write(2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runicorn import locks
from runicorn.storage.appending import LineFile
from runicorn.storage.jsonio import encode_object


class EventLog:
    """Appends events to one file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: LineFile | None = None
        self._lock = locks.reentrant_lock()

    def append(self, event: dict[str, Any]) -> None:
        """Append one event; on disk when it returns. Raises OSError, ValueError."""
        line = encode_object(event) + b"\n"
        with locks.held(self._lock):  # else without: a line is one write(2), which the file system keeps whole
            file = self._file
            if file is None:
                file = self._file = LineFile(self._path)
            file.append(line)

    def close(self) -> None:
        """Close the file; a later event opens it again."""
        interrupts = locks.is_mine(self._lock)
        with locks.held(self._lock) as ours:
            file, self._file = self._file, None
            # While somebody may be about to write to it, its descriptor must not become another file's.
            if file is not None and ours and not interrupts:
                file.close()

    def go_on_in(self, path: Path) -> None:
        """Go on in a file of its own in a forked child; the parent's stays open there, as whatever else it inherits."""
        self._file = None
        self._path = path

    @property
    def path(self) -> Path:
        return self._path
