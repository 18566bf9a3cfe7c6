"""What the first chart needs, loaded before anybody asks for one; whoever waits for the list of runs goes first."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

# In all. Whoever asks for a chart while lists are asked for without a pause waits for no more than this.
MOST_SECS = 1.0
_POLL_SECS = 0.05


def load_numpy(somebody_waits: Callable[[], bool]) -> None:
    """Load it in this thread, step by step. Reads nothing of the root, which may hang.

    somebody_waits: whether something is being done right now that has to be done first.
    """
    with _polite(somebody_waits):
        from runicorn.storage.lines import bands, curve, overwritten
        from runicorn.storage.pyramid import poured, run_choice, window

        _ = bands, curve, overwritten, poured, run_choice, window


@contextlib.contextmanager
def _polite(somebody_waits: Callable[[], bool]) -> Iterator[None]:
    """Let others go first before each module that this thread loads.

    The list of finders is replaced, never changed: a thread that goes through it to import something else would pass
    over one of them, and be told that there is no such module.
    """
    polite = _Polite(somebody_waits)
    sys.meta_path = [polite, *sys.meta_path]
    try:
        yield
    finally:
        sys.meta_path = [finder for finder in sys.meta_path if finder is not polite]


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
