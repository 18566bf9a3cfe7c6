"""All event files below a root, followed on a thread while somebody looks, and kept as runs in the cache folder.

The folder that is looked at is never written to. Of several viewers of one root, the one that holds the lock
translates; the others read what it wrote, and one of them takes over when it is gone, or when nobody looks there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from pathlib import Path

from runicorn.storage.files import Files
from runicorn.storage.mirroring.board import FIRST_LOOK_SECS, Board
from runicorn.storage.mirroring.worker import DEMAND_SECS, POLL_SECS, Worker

# A turn of the thread takes a fraction of it, unless it hangs on a disk; a viewer that ends has no time for that.
_CLOSE_SECS = 0.7

_log = logging.getLogger(__name__)


def mirror_home(cache: Path, root: str) -> Path:
    """Return the folder below `cache` that holds the mirror of a root. root: what no other root is called."""
    return cache / "tensorboard" / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]


class Mirror:
    """The runs that TensorBoard's event files below a root stand for. Starts when it is first asked; close() ends it.

    files: how the root is read. root_name: what its folder is called. home: where the mirrored runs lie, a storage root
    of its own; made only when there is something to hold. Where the cache folder cannot be written, as with a home that
    is mounted read-only, it is a temporary one until close(). begins_after_secs: leaves the first moments to others.
    """

    def __init__(self, files: Files, root_name: str, home: Path, *, begins_after_secs: float = 0.0) -> None:
        self._files = files
        self._root_name = root_name
        self._begins_after_secs = begins_after_secs
        self._board = Board(home)
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._first_look_ends_at = float("inf")

    @property
    def home(self) -> Path:
        return self._board.home

    @property
    def problem(self) -> str | None:
        """What keeps logs from being shown, in one sentence."""
        return self._board.problem or self._board.database_problem

    def runs(self, *, waits: bool = True) -> dict[str, str]:
        """Return run ids with their folders below the root, as they are known now.

        waits: for what is there at first, up to 1 s.
        """
        self.look(waits=waits)
        return self._board.shown

    def claimed(self) -> frozenset[str]:
        """Return the names in the root's runs/ below which event files lie, which are no runs of our own."""
        return self._board.claimed

    def arriving(self) -> int:
        """Return how many runs were found and are not taken in yet; 0 where that is a matter of a moment."""
        return self._board.arriving if self.is_working else 0

    def look(self, *, waits: bool = True) -> None:
        """Say that somebody looks, so that what is new is taken in during the next seconds. waits: see runs()."""
        board = self._board
        asleep = board.unwatched_secs() > DEMAND_SECS
        board.looked_at = time.monotonic()
        if self._thread is None:
            self.start()
        elif asleep:
            board.wake.set()
        if waits and not board.first_look.is_set():
            board.first_look.wait(max(0.0, self._first_look_ends_at - time.monotonic()))

    def start(self) -> None:
        """Begin to look, without waiting for what is found."""
        with self._start_lock:
            if self._thread is None and not self._board.closed.is_set():
                self._board.looked_at = time.monotonic()
                self._first_look_ends_at = time.monotonic() + FIRST_LOOK_SECS
                self._thread = threading.Thread(
                    target=_work,
                    args=(self._board, self._files, self._root_name, self._begins_after_secs),
                    name="runicorn-tensorboard",
                    daemon=True,
                )
                self._thread.start()

    def settle(self, timeout_secs: float) -> bool:
        """Wait until all that was found at the last look is taken in; tell whether it is."""
        self.look()
        board = self._board
        board.settled.clear()
        board.asked_to_settle = True
        ends_at = time.monotonic() + timeout_secs
        while not board.settled.is_set() and time.monotonic() < ends_at and not board.closed.is_set():
            self.look()
            board.settled.wait(POLL_SECS)
        board.asked_to_settle = False
        return board.settled.is_set()

    def close(self) -> None:
        """End the thread, and let another viewer take over. One that hangs on a disk is not waited for."""
        self.end_soon()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECS)

    def end_soon(self) -> None:
        """Ask the thread to end, without waiting for it."""
        self._board.close()

    @property
    def is_working(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()


def _work(board: Board, files: Files, root_name: str, begins_after_secs: float) -> None:
    # Not a method: a client that is forgotten without close() is not kept alive by its own thread.
    try:
        board.closed.wait(begins_after_secs)
        Worker(board, files, root_name).work()
    except Exception:  # noqa: BLE001 - the rim of a background task: the viewer goes on with what was taken in
        _log.exception("TensorBoard's event files are not followed any more.")
    finally:
        board.first_look.set()
        board.remove_temporary()
