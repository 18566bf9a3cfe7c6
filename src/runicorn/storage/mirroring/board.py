"""What the thread that takes logs of others in and those who look at the runs share."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path

FIRST_LOOK_SECS = 1.0


class Board:
    """The thread writes `shown` and `claimed`, each replaced as a whole; the others write when they looked.

    shown: run ids with their folders below the root. claimed: names in the root's runs/ below which such logs lie.
    arriving: how many runs were found and are not taken in yet, where that takes a while; at least 1 until all folders
    were looked into. problem: what keeps them from being shown; database_problem: those of a database. first_look: set
    once each run that was there at first is shown. settled: set while nothing is left to take in, nor to be noted.
    asked_to_settle: whether somebody waits for that.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.shown: dict[str, str] = {}
        self.claimed: frozenset[str] = frozenset()
        self.arriving = 0
        self.problem: str | None = None
        self.database_problem: str | None = None
        self._temporary: Path | None = None
        self.looked_at = float("-inf")
        self.wake = threading.Event()
        self.closed = threading.Event()
        self.first_look = threading.Event()
        self.settled = threading.Event()
        self.asked_to_settle = False

    def unwatched_secs(self) -> float:
        """Return how long nobody has looked."""
        return time.monotonic() - self.looked_at

    def move_to_temporary(self) -> bool:
        """Use a temporary folder from now on; return False where there is none either, or it is used already."""
        if self._temporary is not None:
            return False
        try:
            self._temporary = Path(tempfile.mkdtemp(prefix="runicorn-mirror-"))
        except OSError:
            return False
        self.home = self._temporary
        return True

    def remove_temporary(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

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
