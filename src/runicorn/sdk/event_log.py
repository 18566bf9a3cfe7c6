"""One process's lines of a run's events: the file is opened when the first one comes, and each line is one write(2)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from runicorn.storage.jsonio import encode_object
from runicorn.storage.writer import AppendFile


class EventLog:
    """Appends events to one file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: AppendFile | None = None
        self._lock = threading.RLock()  # a signal handler may come in the middle of an append of the same thread

    def append(self, event: dict[str, Any]) -> None:
        """Append one event; on disk when it returns. Raises OSError, ValueError."""
        line = encode_object(event) + b"\n"
        with self._lock:
            if self._file is None:
                self._file = self._open()
            self._file.append(line)

    def close(self) -> None:
        """Close the file; a later event opens it again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def leave_to_parent(self, path: Path) -> None:
        """Go on in a file of its own in a forked child."""
        self._lock = threading.RLock()
        self._file = None
        self._path = path

    def _open(self) -> AppendFile:
        """Open the file; a line torn by an earlier writer's death is ended, so that it spoils no other."""
        file = AppendFile(self._path)
        if file.size_bytes:
            with self._path.open("rb") as written:
                written.seek(-1, 2)
                torn = written.read(1) != b"\n"
            if torn:
                file.append(b"\n")
        return file
