"""What GET /api/live sends: changes of runs, new points, new output, the state of remote sessions - as they happen.

A stream is one client's; it keeps its own places in the files, and every event's id stands for all of these places, so
that a client which comes back with the last id it saw gets exactly what came after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from runicorn.errors import RunicornError, RunNotFoundError
from runicorn.sources.folder import Place
from runicorn.storage.follow import Gap, NewEvents, NewPoints, News, Replaced, RunFollower
from runicorn.viewer.cursors import INSTANCE, Cursor, SourceCursor
from runicorn.viewer.hooks import RemoteHook
from runicorn.viewer.places import Journal
from runicorn.viewer.schemas import encode, events_to_wire, gap_to_wire, points_to_wire, text_to_wire
from runicorn.viewer.state import SourceState, ViewerState

POLL_SECS = 0.2
RUNS_EVERY_SECS = 0.5
# More changes than this, as while a big root is read for the first time, are told by their number only.
_MAX_RUNS = 500
# Each run that is followed costs a look into its folder per round.
MAX_FOLLOWED = 1000
PING_SECS = 15.0
# A client that asks for the list and then for the stream misses nothing that changed in between.
_OVERLAP_SECS = 30.0


class LiveStream:
    """One client's stream of server-sent events, from a cursor or from now.

    A run that is not there is no reason to end it: the client is told, and hears of the run as soon as it is there.
    again: whether the client's last place is not known, so that what it has may be older than what it knows.
    """

    def __init__(
        self,
        state: ViewerState,
        runs: list[str],
        cursor: Cursor | None,
        *,
        max_behind: int | None = None,
        again: bool = False,
    ) -> None:
        self._state = state
        self._cursor = cursor
        self._again = again
        self._left_out = runs[MAX_FOLLOWED:]
        self._unknown: list[str] = []  # of sources that are not there
        self._parts = {place.id: _Part(place, max_behind) for place in state.sources.values()}
        for address in runs[:MAX_FOLLOWED]:
            try:
                place, run_id = state.find(address)
            except RunNotFoundError:
                self._unknown.append(address)
            else:
                self._parts[place.id].addresses[run_id] = address
        self._missing_told: list[str] = []
        self._left_out_told = False
        self._runs_looked_at = float("-inf")
        self._remote_sent: dict[str, Any] | None = None
        self._journal: Journal

    async def events(self) -> AsyncIterator[bytes]:
        """Yield encoded events until the viewer stops or the client goes."""
        streams = self._state.streams
        wake = streams.open()
        ticks = asyncio.ensure_future(_forward(self._state.remote, wake)) if self._state.remote else None
        try:
            # Before the first byte: what is appended after a client has seen it must not be missed.
            await self._open()
            yield b"retry: 1000\n\n"
            if self._again:
                yield self._event("again", {})
            sent_at = time.monotonic()
            while not streams.closed:
                if self._state.remote is not None:
                    for event in self._remote_event(self._state.remote):
                        yield event
                for part in self._parts.values():
                    # One piece at a time: a slow client must not make a backlog pile up in memory.
                    pieces = self._pieces(part)
                    while (
                        not streams.closed and (piece := await part.place.workers.run(next, pieces, None)) is not None
                    ):
                        yield piece
                        sent_at = time.monotonic()
                self._state.places.touch(self._journal)
                if time.monotonic() - sent_at >= PING_SECS:
                    yield b": ping\n\n"
                    sent_at = time.monotonic()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(wake.wait(), POLL_SECS)
                wake.clear()
        finally:
            streams.leave(wake)
            if ticks is not None:
                ticks.cancel()

    async def _open(self) -> None:
        """Find the places to begin at: from the cursor, for what it names; from now on for the rest."""
        cursor = self._cursor
        at = self._state.now()
        begin = Cursor(at)
        for part in self._parts.values():
            known = cursor.sources.get(part.place.id) if cursor else None
            same = cursor is not None and cursor.instance == INSTANCE
            since = (cursor.at if cursor else at) - _OVERLAP_SECS
            await part.place.workers.run(part.open, known, since, same)
            begin.sources[part.place.id] = part.cursor()
        self._journal = self._state.places.open(begin)

    def _pieces(self, part: _Part) -> Iterator[bytes]:
        """Yield what is new in one source, as events. Runs on a thread."""
        if part.is_time_for_runs():
            yield from self._runs_event(part)
            yield from self._following_event()
        for run_id, news in part.news():
            self._journal.move(part.place.id, run_id, part.place_of(run_id))
            yield self._news_event(part.addresses[run_id], news)

    def _runs_event(self, part: _Part) -> Iterator[bytes]:
        changed, removed, version = part.changes()
        self._journal.see(part.place.id, version)
        for run_id in part.take_away(removed):
            self._journal.move(part.place.id, run_id, Place())
        if not changed and not removed:
            return
        wall = self._state.now()
        shown = [item for item in changed if item.run.deleted_at is None]
        removed += [item.run.id for item in changed if item.run.deleted_at is not None]
        runs = [part.place.run_list.encoded(item, wall) for item in shown[:_MAX_RUNS]]
        more = len(shown) > _MAX_RUNS
        yield self._event("runs", {"source": part.place.id, "runs": runs, "removed": removed, "more": more})

    def _following_event(self) -> Iterator[bytes]:
        """Yield which of the runs asked for are not followed, whenever that changes; it begins with none."""
        for part in self._parts.values():
            for run_id in part.find_missing():
                self._journal.move(part.place.id, run_id, part.place_of(run_id))
        missing = [*self._unknown, *(address for part in self._parts.values() for address in part.missing_addresses())]
        first = self._left_out and not self._left_out_told
        if missing != self._missing_told or first:
            self._missing_told, self._left_out_told = missing, True
            yield self._event("following", {"missing": missing, "left_out": self._left_out})

    def _news_event(self, address: str, news: News) -> bytes:
        if isinstance(news, NewPoints):
            return self._event("points", points_to_wire(address, news))
        if isinstance(news, NewEvents):
            return self._event("events", events_to_wire(address, news))
        if isinstance(news, Gap):
            return self._event("gap", gap_to_wire(address, news))
        if isinstance(news, Replaced):
            return self._event("replaced", {"run": address, "file": news.file})
        return self._event("console", {"run": address, **text_to_wire(news.text, news.start, news.end)})

    def _remote_event(self, remote: RemoteHook) -> Iterator[bytes]:
        body = remote.snapshot()
        steady = remote.steady(body)
        if steady != self._remote_sent:
            self._remote_sent = steady
            yield self._frame("remote", encode(body))

    def _event(self, name: str, data: Any) -> bytes:
        return self._frame(name, encode(data))

    def _frame(self, name: str, data: bytes) -> bytes:
        event_id = self._journal.event_id(self._state.now())
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (event_id.encode(), name.encode(), data)


class _Part:
    """What a stream follows of one source. Everything here runs on one thread of that source at a time."""

    def __init__(self, place: SourceState, max_behind: int | None) -> None:
        self.place = place
        self.addresses: dict[str, str] = {}  # how each run was asked for
        self._max_behind = max_behind
        self._followers: dict[str, RunFollower] = {}
        # Those that are not followed, and where each is to begin once it is there; see RunFollower.
        self._missing: dict[str, Place | None] = {}
        self._version = 0
        self._looked_at = float("-inf")

    def open(self, known: SourceCursor | None, since: float, same_instance: bool) -> None:
        """Begin where a cursor says; since: unix seconds, for the list of runs where its version means nothing."""
        runs = known.runs if known else {}
        self._follow({run_id: runs.get(run_id) for run_id in self.addresses}, absent=Place())
        if same_instance and known is not None and known.version is not None:
            self._version = known.version
        else:
            self._version = self.place.source.version_at(since)

    def cursor(self) -> SourceCursor:
        places = {run_id: place for run_id in self.addresses if (place := self.place_of(run_id)) is not None}
        return SourceCursor(self._version, places)

    def place_of(self, run_id: str) -> Place | None:
        follower = self._followers.get(run_id)
        return self._missing.get(run_id) if follower is None else Place(follower.offsets, follower.heads)

    def is_time_for_runs(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at < RUNS_EVERY_SECS:
            return False
        self._looked_at = now
        return True

    def changes(self) -> tuple[list[Any], list[str], int]:
        changed, removed, self._version = self.place.source.changes(self._version)
        return changed, removed, self._version

    def take_away(self, removed: list[str]) -> list[str]:
        """Follow these runs no more, whose folders are gone; return those that were followed.

        One that has the same id later is another run, and begins at its beginning.
        """
        gone = [run_id for run_id in removed if self._followers.pop(run_id, None) is not None]
        self._missing.update({run_id: Place() for run_id in gone})
        return gone

    def find_missing(self) -> list[str]:
        """Follow those of the missing runs that are there now, and return them."""
        if not self._missing:
            return []
        before = dict(self._missing)
        self._follow(before)
        return [run_id for run_id in before if run_id in self._followers]

    def missing_addresses(self) -> list[str]:
        return [self.addresses[run_id] for run_id in self._missing]

    def news(self) -> Iterator[tuple[str, News]]:
        if self._followers:
            for follower, news in self.place.source.news(list(self._followers.values())):
                yield follower.run_id, news

    def _follow(self, places: dict[str, Place | None], absent: Place | None = None) -> None:
        """Follow runs from their places; of one that is not there, all is news to a client that waits for it."""
        try:
            found = self.place.source.follow(places, self._max_behind) if places else {}
        except RunicornError:
            found = dict.fromkeys(places)
        for run_id, follower in found.items():
            if follower is None:
                self._missing[run_id] = places[run_id] if absent is None else absent
            else:
                self._missing.pop(run_id, None)
                self._followers[run_id] = follower


async def _forward(remote: RemoteHook, wake: asyncio.Event) -> None:
    """Wake a stream at every change of the remote sessions."""
    ticks = remote.subscribe()
    try:
        async for _ in ticks:
            wake.set()
    finally:
        if isinstance(ticks, AsyncGenerator):
            await ticks.aclose()
