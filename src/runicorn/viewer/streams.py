"""Open streams: which there are, and how to end them all."""

from __future__ import annotations

import asyncio


class Streams:
    """The wake-up events of open streams. After close(), every stream ends and no new one begins."""

    def __init__(self) -> None:
        self.closed = False
        self._wakes: set[asyncio.Event] = set()

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._wakes)

    def open(self) -> asyncio.Event:
        """Return an event that is set when the stream should look whether it is to end."""
        wake = asyncio.Event()
        self._wakes.add(wake)
        return wake

    def leave(self, wake: asyncio.Event) -> None:
        self._wakes.discard(wake)

    def close(self) -> None:
        """End all streams; call it in the event loop."""
        self.closed = True
        for wake in self._wakes:
            wake.set()
