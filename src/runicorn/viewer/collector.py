"""The garbage collector beside many runs: it would walk through all of them every few seconds, and find nothing.

With 8,000 runs of eight hosts each such walk stops everything for a tenth of a second. For this program of ours only: a
script's collector is its own.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable
from weakref import WeakSet

from runicorn.viewer.source_state import SourceState

# From so many runs on, and again whenever there are so many times as many.
_MANY, _TIMES_MORE = 2000, 1.05
# After so long, nobody is answered any more from a source that went.
_LET_GO_SECS = 10.0


class RestingCollector:
    """Spares the collector the runs that are known, until a source of theirs goes: its own are to be found then."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._count = 0
        self._spared: WeakSet[SourceState] = WeakSet()
        self._finds_from: float | None = None  # when what went is looked for

    def settle(self, places: Iterable[SourceState], count: int) -> None:
        """Take note that these are all sources there are, with so many runs in all."""
        if count <= _MANY and not self._count:
            return
        here = WeakSet(places)
        with self._lock:
            if self._spared - here:
                gc.unfreeze()
                self._count, self._spared = 0, WeakSet()
                self._finds_from = self._monotonic() + _LET_GO_SECS
            if count <= max(_MANY, _TIMES_MORE * self._count):
                return
            if self._finds_from is not None:
                if self._monotonic() < self._finds_from:
                    return
                self._finds_from = None
                gc.collect()
            gc.freeze()
            self._count, self._spared = count, here
