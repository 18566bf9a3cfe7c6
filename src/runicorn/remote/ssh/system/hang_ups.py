"""Notices that a server hung up on an `ssh` that waits for a person: meanwhile it looks at nothing else.

Of other commands on the way only their end is looked at: which of their connections matters, they alone know.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

LOOK_AGAIN_SECS = 1.0
_SSH = "ssh"  # by that name; what another one misses, it tells with the answer


class HangUps:
    """Watches whatever runs below one process. Used by one thread at a time."""

    def __init__(self, pid: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._pid = pid
        self._clock = clock
        self._looked_at = -LOOK_AGAIN_SECS
        self._were_open: set[Any] = set()
        self._ended = False

    def ended(self) -> bool:
        """Tell whether a connection of an `ssh` there has ended, or a command that leads it on; once a second anew.

        What cannot be looked at counts as open.
        """
        now = self._clock()
        if not self._ended and now - self._looked_at >= LOOK_AGAIN_SECS:
            self._looked_at = now
            with contextlib.suppress(psutil.Error, OSError):
                self._ended = self._look()
        return self._ended

    def _look(self) -> bool:
        are_open: set[Any] = set()
        for process in _ssh_below(self._pid):
            if any(child.status() == psutil.STATUS_ZOMBIE for child in process.children()):
                return True
            for each in _connections(process):
                if each.status == psutil.CONN_CLOSE_WAIT:
                    return True
                if each.status == psutil.CONN_ESTABLISHED:
                    are_open.add((each.laddr, each.raddr))
        if not self._were_open <= are_open:  # reset
            return True
        self._were_open = are_open
        return False


def _ssh_below(pid: int) -> Iterator[psutil.Process]:
    for process in psutil.Process(pid).children(recursive=True):
        if process.name() == _SSH:
            yield process


def _connections(process: psutil.Process) -> list[Any]:
    look = getattr(process, "net_connections", None) or process.connections  # before psutil 6
    return list(look(kind="tcp"))
