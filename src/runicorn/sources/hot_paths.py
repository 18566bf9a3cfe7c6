"""Which names are asked for again and again, as those of runs that somebody watches are."""

from __future__ import annotations

from collections.abc import Iterable

_AGAIN_SECS = 2.0
_TIMES = 3
_COLD_SECS = 5.0
_MOST_HOT = 1000
_MOST_KNOWN = 20_000


class HotPaths:
    """Counts how often each name was asked for without a pause. Moments: as of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, int]] = {}

    def note(self, names: Iterable[str], moment: float) -> None:
        """Note that these are asked for."""
        for name in names:
            before, times = self._known.get(name, (float("-inf"), 0))
            self._known[name] = (moment, times + 1 if moment - before < _AGAIN_SECS else 1)
        if len(self._known) > _MOST_KNOWN:
            self._known = {name: each for name, each in self._known.items() if moment - each[0] < _COLD_SECS}

    def hot(self, moment: float) -> list[str]:
        """Return those that are asked for all the time, the ones asked for last if they are many."""
        found = [
            (last, name)
            for name, (last, times) in self._known.items()
            if times >= _TIMES and moment - last < _COLD_SECS
        ]
        return sorted(name for _, name in sorted(found)[-_MOST_HOT:])

    def forget(self) -> None:
        """Count anew."""
        self._known.clear()
