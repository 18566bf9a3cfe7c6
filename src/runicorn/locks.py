"""Locks for what runs inside somebody's program: with signal handlers, forks, and disks that do not answer.

A signal handler runs in the middle of whatever its thread is doing, so a lock that the thread holds must let it in, and
what the lock guards must bear that. A forked child has the locks as they were, but not the threads that hold them. And
a thread that waits for a disk may hold a lock for ever: who has to end waits for it a while, and then goes on without.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    ReentrantLock = threading.RLock

LIMIT_SECS = 1.0  # how long a lock is waited for by who can go on without it
LOADING_SECS = 5.0  # how long a fork waits for modules that other threads are loading
_POLL_SECS = 0.001

_ALL: weakref.WeakSet[ReentrantLock] = weakref.WeakSet()


def reentrant_lock() -> ReentrantLock:
    """Return a lock that its thread may take again, and that is free in a forked child."""
    lock = threading.RLock()
    _ALL.add(lock)
    return lock


# Held while a thread of ours loads something, and while a part of the SDK is loaded that only some runs need: Python's
# own lock of a module that another thread is loading in the moment of a fork is never free again in the child, which
# hangs when it needs that module. A fork waits for this one, and for what others load, as far as Python tells.
LOADING = reentrant_lock()


def is_mine(lock: ReentrantLock) -> bool:
    """Tell whether this thread holds the lock, which means that a signal handler asks in the middle of something."""
    return bool(getattr(lock, "_is_owned")())  # noqa: B009 - of the standard library's Condition, which needs it as well


@contextlib.contextmanager
def held(lock: ReentrantLock, limit_secs: float = LIMIT_SECS) -> Iterator[bool]:
    """Hold a lock for the time of a `with`; gives False where another thread did not let it go within the limit."""
    interrupts, taken = is_mine(lock), False
    try:
        taken = lock.acquire(timeout=limit_secs)
        yield taken
    finally:
        # Ctrl-C may come when the lock is taken and that is not noted yet.
        if taken or (not interrupts and is_mine(lock)):
            lock.release()


class Flag:
    """What threading.Event is, and may be set from a signal handler: an Event's own lock would hang the handler if it
    came in the middle of a set(). Setting this one is one call in C.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._closed = _thread.allocate_lock()
        self._closed.acquire()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        """Let everybody pass who waits, now or later."""
        self._is_set = True
        with contextlib.suppress(RuntimeError):  # it is open already
            self._closed.release()

    def wait(self, timeout_secs: float) -> bool:
        """Wait until it is set, at most so long; return whether it is."""
        if not self._is_set and self._closed.acquire(timeout=timeout_secs):
            self.set()  # for the next one who waits
        return self._is_set


def _before_fork() -> None:
    deadline = time.monotonic() + LOADING_SECS
    LOADING.acquire(timeout=LOADING_SECS)
    while _others_load() and time.monotonic() < deadline:
        time.sleep(_POLL_SECS)


def _others_load() -> bool:
    """Tell whether another thread is in the middle of loading a module."""
    me = threading.get_ident()
    known = getattr(sys.modules.get("_frozen_importlib"), "_module_locks", {})
    owners = {getattr(reference(), "owner", None) for reference in list(known.values())}
    return bool(owners - {None, me})


def _after_fork_in_parent() -> None:
    if is_mine(LOADING):
        LOADING.release()


def _renew() -> None:
    """Free all locks in a forked child. Registered first, so that what other modules do there finds them free."""
    for lock in list(_ALL):
        getattr(lock, "_at_fork_reinit")()  # noqa: B009 - as the standard library's logging and threading do


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_renew)
