"""The one thread of a run: it keeps status.json young, samples the machine, and writes what may wait a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from runicorn.locks import Flag

STATUS_EVERY_SECS = 5.0
SAMPLE_EVERY_SECS = 5.0
_JOIN_TIMEOUT_SECS = 5.0


class Task(NamedTuple):
    """Something to call again and again, after `first_secs` for the first time. It must not raise."""

    every_secs: float
    call: Callable[[], None]
    first_secs: float | None = None


class Background:
    """Calls `first` once, then each task every so often, on a thread of its own, until stop()."""

    def __init__(self, first: Callable[[], None], tasks: Sequence[Task]) -> None:
        self._first = first
        self._tasks = tasks
        self._stop = Flag()
        self._ended = Flag()
        self._thread = threading.Thread(target=self._work, name="runicorn-run", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; wait for it, but not for ever: git may be slow on a network disk."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._ended.wait(_JOIN_TIMEOUT_SECS)

    def _work(self) -> None:
        try:
            self._call_tasks()
        finally:
            self._ended.set()

    def _call_tasks(self) -> None:
        self._first()
        due = [
            time.monotonic() + (task.every_secs if task.first_secs is None else task.first_secs) for task in self._tasks
        ]
        while not self._stop.wait(max(0.0, min(due) - time.monotonic())):
            now = time.monotonic()
            for at, task in enumerate(self._tasks):
                if due[at] <= now:
                    task.call()
                    # From now on, not from when it was due: a laptop that slept must not catch up.
                    due[at] = time.monotonic() + task.every_secs
