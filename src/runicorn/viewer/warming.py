"""What the first chart needs, loaded before anybody asks for one; whoever waits for the list of runs goes first."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

# In all. Whoever asks for a chart while lists are asked for without a pause waits for no more than this.
MOST_SECS = 1.0
_POLL_SECS = 0.05


def load_numpy(somebody_waits: Callable[[], bool]) -> None:
    """Load it in this thread, step by step. Reads nothing of the root, which may hang.

    somebody_waits: whether something is being done right now that has to be done first.
    """
    polite = _Polite(somebody_waits)
    sys.meta_path.insert(0, polite)
    try:
        from runicorn.storage.lines import bands, curve, overwritten
        from runicorn.storage.pyramid import run_choice, window

        _ = bands, curve, overwritten, run_choice, window
    finally:
        sys.meta_path.remove(polite)


class _Polite(MetaPathFinder):
    """Finds nothing, and lets others go first before each module that its thread loads: numpy has a hundred of them."""

    def __init__(self, somebody_waits: Callable[[], bool]) -> None:
        self._somebody_waits = somebody_waits
        self._thread = threading.get_ident()
        self._left_secs = MOST_SECS

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if threading.get_ident() != self._thread:
            return
        began = time.monotonic()
        while time.monotonic() - began < self._left_secs and self._somebody_waits():
            time.sleep(_POLL_SECS)
        self._left_secs -= time.monotonic() - began
