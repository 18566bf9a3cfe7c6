"""Where each live stream was at each of its events, so that an event's id can be short.

A place names every file of every run. With a few runs it stands in each event's id, and any viewer understands it.
With many it would be larger than what the event tells; then the id is a number, and the place is remembered here: as
it is now, and by what each event changed.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from copy import deepcopy

from runicorn.sources.folder import Place
from runicorn.viewer.cursors import Cursor, SourceCursor

# So many runs fit into an id that is smaller than an event.
_FEW_RUNS = 3
# More events than these are not lost on their way: they are in no buffer.
_MAX_EVENTS = 4096
_MAX_JOURNALS = 64
_KEPT_SECS = 15 * 60.0
_SHORT = "~"


class Journal:
    """The place of one stream. Safe to use from several threads."""

    def __init__(self, cursor: Cursor) -> None:
        self.token = os.urandom(9).hex()
        self._cursor = cursor
        self._number = 0
        self._undo: deque[tuple[int, str, str | None, Place | int | None]] = deque(maxlen=_MAX_EVENTS)
        self._lock = threading.Lock()
        self._runs = sum(len(each.runs) for each in cursor.sources.values())

    def begin(self, source_id: str, place: SourceCursor) -> None:
        """Take note of where a source begins, which is no news to the client."""
        with self._lock:
            self._cursor.sources[source_id] = place
            self._runs = sum(len(each.runs) for each in self._cursor.sources.values())

    def source(self, source_id: str) -> SourceCursor | None:
        """Return the place in a source; None for one that has not begun."""
        with self._lock:
            return deepcopy(self._cursor.sources.get(source_id))

    def move(self, source_id: str, run_id: str, place: Place | None) -> None:
        """Take note of how far the next event brings a run; None for a run whose place is not known."""
        with self._lock:
            runs = self._cursor.source(source_id).runs
            self._undo.append((self._number + 1, source_id, run_id, runs.get(run_id)))
            self._runs += (place is not None) - (run_id in runs)
            if place is None:
                runs.pop(run_id, None)
            else:
                runs[run_id] = Place(dict(place.offsets), place.heads)

    def see(self, source_id: str, version: int) -> None:
        """Take note of the version of a source's list that the next event brings."""
        with self._lock:
            known = self._cursor.source(source_id)
            if known.version != version:
                self._undo.append((self._number + 1, source_id, None, known.version))
                known.version = version

    def event_id(self, now: float) -> str:
        """Return the id of the next event: the place behind it, or what stands for it."""
        with self._lock:
            self._number += 1
            self._cursor.at = now
            return self._cursor.encode() if self._runs <= _FEW_RUNS else f"{_SHORT}{self.token}.{self._number}"

    def at(self, number: int) -> Cursor | None:
        """Return the place behind an event; None where that is not known any more."""
        with self._lock:
            oldest = self._undo[0][0] if len(self._undo) == _MAX_EVENTS else 0
            if not oldest <= number <= self._number:
                return None
            cursor = deepcopy(self._cursor)
            for later, source_id, run_id, before in reversed(self._undo):
                if later <= number:
                    break
                known = cursor.source(source_id)
                if run_id is None:
                    known.version = before if isinstance(before, int) else None
                elif isinstance(before, Place):
                    known.runs[run_id] = before
                else:
                    known.runs.pop(run_id, None)
            return cursor


class PlaceBook:
    """The journals of the streams that are open, and of those that were open a moment ago."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._journals: OrderedDict[str, tuple[Journal, float]] = OrderedDict()

    def open(self, cursor: Cursor) -> Journal:
        """Return the journal of a stream that begins at `cursor`, which belongs to it from now on."""
        journal = Journal(cursor)
        self.touch(journal)
        return journal

    def touch(self, journal: Journal) -> None:
        """Say that a stream is there; it is remembered for a while from its last such sign."""
        self._journals[journal.token] = (journal, self._monotonic())
        self._journals.move_to_end(journal.token)
        while self._journals:
            token, (_, touched_at) = next(iter(self._journals.items()))
            if len(self._journals) <= _MAX_JOURNALS and self._monotonic() - touched_at <= _KEPT_SECS:
                return
            del self._journals[token]

    def find(self, event_id: str) -> Cursor | None:
        """Return the place that an id stands for; None for a short one that this viewer does not know.

        Raises UsageError for what is no id.
        """
        if not event_id.startswith(_SHORT):
            return Cursor.decode(event_id)
        token, _, number = event_id[1:].partition(".")
        known = self._journals.get(token)
        return known[0].at(int(number)) if known is not None and number.isdecimal() and len(number) < 16 else None
