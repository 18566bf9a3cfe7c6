"""What a session holds on to: resources that arrive from several threads and are released once, together."""

from __future__ import annotations

import threading
from typing import Protocol, TypeVar

from runicorn.errors import StartCancelledError


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Holder:
    """Owns resources until `release`; one that arrives later is closed at once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[Closable] = []
        self._released = False

    def own(self, resource: C) -> C:
        """Take the resource over and return it. Raises StartCancelledError, after closing it, if it comes too late."""
        with self._lock:
            if not self._released:
                self._held.append(resource)
                return resource
        resource.close()
        raise StartCancelledError("The start was cancelled.")

    def drop(self, resource: Closable) -> None:
        """Close this one now."""
        with self._lock:
            if resource in self._held:
                self._held.remove(resource)
        resource.close()

    def release(self) -> None:
        """Close everything, newest first."""
        with self._lock:
            self._released = True
            held, self._held = self._held, []
        for resource in reversed(held):
            resource.close()

    def close(self) -> None:
        """As release(), for whoever holds this one."""
        self.release()
