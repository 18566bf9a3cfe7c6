"""What the thread that takes event files in and those who look at the runs share. Touches no files."""

from __future__ import annotations

import threading
import time
from pathlib import Path

FIRST_LOOK_SECS = 1.0


class Board:
    """The thread writes `shown` and `claimed`, each replaced as a whole; the others write when they looked.

    shown: run ids with their folders below the root. claimed: names in the root's runs/ below which event files lie.
    arriving: how many runs were found and are not taken in yet, where that takes a while; at least 1 until all folders
    were looked into. first_look: set once each run that was there at first is shown. settled: set while nothing is left
    to take in.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        self.shown: dict[str, str] = {}
        self.claimed: frozenset[str] = frozenset()
        self.arriving = 0
        self.looked_at = float("-inf")
        self.wake = threading.Event()
        self.closed = threading.Event()
        self.first_look = threading.Event()
        self.settled = threading.Event()

    def unwatched_secs(self) -> float:
        """Return how long nobody has looked."""
        return time.monotonic() - self.looked_at

    def show(self, run_id: str, path: str) -> None:
        if self.shown.get(run_id) != path:
            self.shown = {**self.shown, run_id: path}

    def hide(self, run_id: str) -> None:
        if run_id in self.shown:
            self.shown = {each: path for each, path in self.shown.items() if each != run_id}

    def close(self) -> None:
        """Ask the thread to end, and let nobody wait for it."""
        self.closed.set()
        self.arriving = 0
        self.wake.set()
        self.first_look.set()
