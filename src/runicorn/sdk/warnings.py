"""Warnings that training survives: each kind is said once and counted after that."""

from __future__ import annotations

import sys

from runicorn import locks

_MAX_KINDS = 200
_OTHERS = "others"


class Warnings:
    """Counts by kind. The first of a kind goes to stderr; all counts go to status.json.

    Beyond 200 kinds, as when names are made up in a loop, all further ones are counted as one.
    """

    def __init__(self) -> None:
        self._lock = locks.reentrant_lock()
        self._counts: dict[str, int] = {}

    def add(self, kind: str, text: str) -> None:
        """Count a warning; say it if it is the first of its kind. Raises nothing."""
        with self._lock:
            if kind not in self._counts and len(self._counts) >= _MAX_KINDS:
                kind = _OTHERS
            count = self._counts.get(kind, 0)
            self._counts[kind] = count + 1
        if count == 0 and sys.stderr is not None:
            try:
                sys.stderr.write(f"runicorn: {text} (Said once; training goes on.)\n")
            except Exception:  # noqa: BLE001 - stderr may be closed or anything; a warning must not stop training
                return

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)
