"""The channels of one client: one for everything, and one more for what takes a single round trip."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

from runicorn.errors import RunicornError
from runicorn.remote.server.sftp import in_one_go
from runicorn.remote.server.sftp.in_one_go import Unknown
from runicorn.remote.server.sftp.lane import Lane
from runicorn.remote.server.sftp.steps import Steps

# So many files and folders may be open at once for one call: a process may have 1,024 where nobody changed that.
_OPEN_AT_ONCE = 400
# On the second channel, one is open at a time.
_QUICK_AT_ONCE = 8192


class Lanes:
    """Asks over the first channel, and over a second one as soon as there is one, if the server allows it.

    first: is closed with this. another: opens one more, or raises; called once at most.
    """

    def __init__(self, first: Lane, another: Callable[[], Lane]) -> None:
        self.first = first
        self._another = another
        self._quick: Lane | None = None
        self._untried = True
        self._closed = False
        self._lock = threading.Lock()

    def widen_behind(self, folder: str) -> None:
        """Open the second channel in a thread: it takes four round trips, in which others ask over the first one."""
        # It ends as soon as the server has answered, or the connection does.
        threading.Thread(target=self.widen, args=(folder,), name="sftp-widening", daemon=True).start()

    def widen(self, folder: str) -> None:
        """Open the second channel, once. folder: one that can be listed, to see how the server tells handles."""
        with self._lock:
            if not self._untried or self._closed:
                return
            self._untried = False
        try:
            lane = self._another()
        except (RunicornError, OSError, ValueError, struct.error):
            return  # a server that gives one session, or one that was ended: the first channel tells what it is
        is_known = False
        try:
            (listed,) = lane.run([in_one_go.listed(folder, 0)])
            is_known = isinstance(listed, list) or listed is Unknown.AGAIN
        except OSError:
            pass
        with self._lock:
            if is_known and not self._closed:
                self._quick = lane
                return
        lane.close()

    def read(self, quick: Sequence[Steps | None], careful: Sequence[Steps]) -> list[Any]:
        """Return what each of these finds. quick: in one round trip, None where that is not to be tried.

        careful: the same, step by step.
        """
        found: list[Any] = [Unknown.AGAIN] * len(careful)
        lane = self._quick
        if lane is not None:
            places = [place for place, steps in enumerate(quick) if steps is not None]
            for place, each in zip(places, self._run(lane, [quick[place] for place in places]), strict=False):
                found[place] = each
        left = [place for place, each in enumerate(found) if isinstance(each, Unknown)]
        told = self.first.run([careful[place] for place in left], _OPEN_AT_ONCE)
        for place, each in zip(left, told, strict=True):
            found[place] = each
        return found

    def close(self) -> None:
        with self._lock:
            self._closed, quick, self._quick = True, self._quick, None
        self.first.close()
        if quick is not None:
            quick.close()

    def _run(self, lane: Lane, quick: Sequence[Any]) -> list[Any]:
        """Return what these find; nothing where the channel has ended. Raises TimeoutError."""
        try:
            found = lane.run(quick, _QUICK_AT_ONCE)
        except OSError as error:
            self._drop(lane)
            if isinstance(error, TimeoutError):
                raise
            return []
        if Unknown.NEVER in found:
            self._drop(lane)
        return found

    def _drop(self, lane: Lane) -> None:
        with self._lock:
            if self._quick is lane:
                self._quick = None
        lane.close()
