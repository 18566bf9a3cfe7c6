"""The thread that keeps a run's status.json young."""

from __future__ import annotations

import threading
from collections.abc import Callable

STATUS_EVERY_SECS = 5.0
_JOIN_TIMEOUT_SECS = 5.0


class Background:
    """Calls `first` once, then `beat` every few seconds, on a thread of its own, until stop()."""

    def __init__(self, first: Callable[[], None], beat: Callable[[], None], every_secs: float) -> None:
        self._first = first
        self._beat = beat
        self._every_secs = every_secs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="runicorn-status", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; wait for it, but not for ever: git may be slow on a network disk."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_TIMEOUT_SECS)

    def _work(self) -> None:
        self._first()
        while not self._stop.wait(self._every_secs):
            self._beat()
