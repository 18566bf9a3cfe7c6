"""A small file that is replaced as a whole, again and again, by whoever comes: the newest content wins.

A signal handler may close the run in the middle of a write of the same thread, and a thread that a slow disk holds up
may come back after the run was closed. Neither may put what is older over what is newer.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runicorn import locks
from runicorn.sdk.warnings import Warnings
from runicorn.storage.jsonio import encode_object
from runicorn.storage.writer import draft_path, rename_over


class SmallFile:
    """One JSON file of a run. content: asked for what belongs into it, at each write."""

    def __init__(self, path: Path, content: Callable[[], dict[str, Any]], warnings: Warnings) -> None:
        self._path = path
        self._content = content
        self._warnings = warnings
        self._lock = locks.reentrant_lock()
        self._numbers = itertools.count(1)
        self._newest = 0  # the number of the write that was renamed into place last, or is just being
        self._draft: Path | None = None

    def write(self) -> None:
        """Bring the file up to date; on disk when it returns. Raises nothing."""
        try:
            with locks.held(self._lock):  # else without: numbers and drafts keep writes apart
                while not self._write_once():
                    pass
        except Exception as error:  # noqa: BLE001 - disk full, folder gone: training goes on
            self._warnings.add(f"write:{self._path.name}", f"{self._path.name} could not be written: {error}.")

    def _write_once(self) -> bool:
        """Write; return whether nothing newer was written meanwhile, which this may have been renamed over."""
        number = next(self._numbers)
        interrupted, self._draft = self._draft, draft_path(self._path)
        draft = self._draft
        try:
            draft.write_bytes(encode_object(self._content()))
            if self._newest > number:
                return True
            self._newest = number
            rename_over(draft, self._path)
        except FileNotFoundError:
            if self._newest > number:  # who wrote it has removed this draft
                return True
            raise
        finally:
            self._draft = None
            for left in (draft, interrupted):
                if left is not None:
                    with contextlib.suppress(OSError):
                        left.unlink()
        return self._newest == number
