"""When files that are replaced as a whole are worth replacing again: the larger they are, the more seldom. Pure."""

from __future__ import annotations

from collections.abc import Callable

# What grows by a kilobyte must not cost a megabyte each time: with 5,000 metrics, status.json alone has 700 kB.
BYTES_PER_SEC = 1 << 16
# A heartbeat counts for 60 s, and whoever looks at the list of runs wants to see it move.
LONGEST_SECS = 10.0
# Small ones are renewed at each growth, which is looked for four times a second.
SMALL_BYTES = BYTES_PER_SEC // 4


class Pace:
    """Tells when to write again, so that no more than 64 KiB/s are written over time, but every 10 s at least.

    monotonic: a clock in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.hurry()

    @property
    def due(self) -> bool:
        return self._monotonic() >= self._due_at

    def hurry(self) -> None:
        """Let it be due now, whatever was written before."""
        self._due_at = float("-inf")

    def wrote(self, size_bytes: int) -> None:
        """Note that this much was written just now."""
        rest = 0.0 if size_bytes <= SMALL_BYTES else min(size_bytes / BYTES_PER_SEC, LONGEST_SECS)
        self._due_at = self._monotonic() + rest
