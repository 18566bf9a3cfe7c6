"""What GET /api/live sends: changes of runs, new points, new output, the state of remote sessions - as they happen.

A stream is one client's; it keeps its own places in the files, and every event's id stands for all of these places, so
that a client which comes back with the last id it saw gets exactly what came after it. Each source is followed by
itself: one that takes its time holds up no other. What it found counts as told in the moment in which it is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from runicorn.errors import RunNotFoundError
from runicorn.viewer.cursors import INSTANCE, Cursor
from runicorn.viewer.hooks import RemoteHook
from runicorn.viewer.live_part import LivePart, Piece
from runicorn.viewer.places import Journal
from runicorn.viewer.schemas import encode
from runicorn.viewer.source_state import DEADLINE_SECS, LOCAL, SourceState
from runicorn.viewer.state import ViewerState

POLL_SECS = 0.2
# Each run that is followed costs a look into its folder per round.
MAX_FOLLOWED = 1000
PING_SECS = 15.0
# A client that asks for the list and then for the stream misses nothing that changed in between.
_OVERLAP_SECS = 30.0
_AWAY_SECS = 0.5


@dataclass
class _Follower:
    """A source that is followed, and the task that does it."""

    part: LivePart
    task: asyncio.Task[None]


class LiveStream:
    """One client's stream of server-sent events, from a cursor or from now.

    A run that is not there is no reason to end it: the client is told, and hears of the run as soon as it is there; so
    it is with a source. again: whether the client's last place is not known, so that what it has may be older than what
    it knows.
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
        self._max_behind = max_behind
        self._left_out = runs[MAX_FOLLOWED:]
        self._wanted = runs[:MAX_FOLLOWED]
        self._openings: dict[str, asyncio.Task[None]] = {}
        self._followers: dict[str, _Follower] = {}
        # One piece at a time: a slow client must not make a backlog pile up in memory.
        self._found: asyncio.Queue[tuple[LivePart, Piece]] = asyncio.Queue(1)
        self._unknown: list[str] = []  # of sources that are not there
        self._missing_told: list[str] = []
        self._left_out_told = False
        self._remote_sent: dict[str, Any] | None = None
        self._sources_told: list[dict[str, str]] | None = None
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
            sent_at, looked_at = time.monotonic(), float("-inf")
            while not streams.closed:
                if wake.is_set() or time.monotonic() - looked_at >= POLL_SECS:
                    wake.clear()
                    looked_at = time.monotonic()
                    await self._attend()
                    for event in self._remote_events():
                        yield event
                    self._state.places.touch(self._journal)
                piece = await self._next_piece(wake)
                for event in self._piece_events(*piece) if piece is not None else ():
                    yield event
                    sent_at = time.monotonic()
                if time.monotonic() - sent_at >= PING_SECS:
                    yield b": ping\n\n"
                    sent_at = time.monotonic()
        finally:
            streams.leave(wake)
            tasks = [*self._openings.values(), *(each.task for each in self._followers.values())]
            for task in [*tasks, *([ticks] if ticks is not None else [])]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self) -> None:
        """Find the places to begin at: from the cursor, for what it names; from now on for the rest.

        A host that takes its time is followed as soon as it has answered.
        """
        self._journal = self._state.places.open(Cursor(self._state.now()))
        self._begin_new()
        await self._openings.pop(LOCAL)
        if self._openings:
            await asyncio.wait(self._openings.values(), timeout=DEADLINE_SECS)
        await self._attend()

    async def _attend(self) -> None:
        """Follow the sources that have come, and no longer those that have gone."""
        sources = self._state.sources
        for source_id, follower in list(self._followers.items()):
            if sources.get(source_id) is not follower.part.place:
                del self._followers[source_id]
                follower.task.cancel()
                await asyncio.gather(follower.task, return_exceptions=True)
                self._note_unknown()
            elif follower.task.done():  # it does not end by itself
                follower.task.result()
        for source_id, opening in list(self._openings.items()):
            if opening.done():
                del self._openings[source_id]
                error = opening.exception()
                # A host that is away is tried again.
                if error is not None and source_id in sources and not isinstance(error, OSError):
                    raise error
        self._begin_new()

    def _begin_new(self) -> None:
        """Begin to follow the sources that are not followed yet."""
        for source_id, place in self._state.sources.items():
            if source_id not in self._followers and source_id not in self._openings:
                self._openings[source_id] = asyncio.ensure_future(self._begin(place))

    async def _begin(self, place: SourceState) -> None:
        """Follow a source from the place that is known of it."""
        cursor, at = self._cursor, self._state.now()
        part = LivePart(place, self._max_behind)
        for address in self._wanted:
            with contextlib.suppress(RunNotFoundError):
                found = self._state.find(address)
                if found.place is place:
                    part.addresses[found.run_id] = address
        known = self._journal.source(place.id) or (cursor.sources.get(place.id) if cursor else None)
        same = cursor is not None and cursor.instance == INSTANCE
        since = (cursor.at if cursor else at) - _OVERLAP_SECS
        await place.workers.run(part.open, known, since, same)
        self._journal.begin(place.id, part.cursor())
        self._followers[place.id] = _Follower(part, asyncio.ensure_future(self._follow(part)))
        self._note_unknown()

    async def _follow(self, part: LivePart) -> None:
        """Look for what is new in a source, for as long as the stream lasts and the source is there."""
        while True:
            pieces = part.pieces(self._state.now())
            try:
                while (piece := await part.place.workers.run(next, pieces, None)) is not None:
                    await self._found.put((part, piece))
            except OSError:  # the host is away, which its session knows and tells
                await asyncio.sleep(_AWAY_SECS)
            await asyncio.sleep(POLL_SECS)

    def _note_unknown(self) -> None:
        followed = {address for each in self._followers.values() for address in each.part.addresses.values()}
        self._unknown = [address for address in self._wanted if address not in followed]

    async def _next_piece(self, wake: asyncio.Event) -> tuple[LivePart, Piece] | None:
        """Return what was found next; None where there is nothing for a while, or something else to do."""
        if not self._found.empty():
            return self._found.get_nowait()
        getting, waking = asyncio.ensure_future(self._found.get()), asyncio.ensure_future(wake.wait())
        try:
            await asyncio.wait({getting, waking}, timeout=POLL_SECS, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
            return None
        finally:
            for each in (getting, waking):
                each.cancel()

    def _piece_events(self, part: LivePart, piece: Piece) -> Iterator[bytes]:
        follower = self._followers.get(part.place.id)
        if follower is None or follower.part is not part:
            return  # the source has gone meanwhile; it is told from where it was when it comes back
        if piece.version is not None:
            self._journal.see(part.place.id, piece.version)
        for run_id, place in piece.moved:
            self._journal.move(part.place.id, run_id, place)
        if piece.name is not None:
            yield self._frame(piece.name, piece.data)
        yield from self._following_event()

    def _following_event(self) -> Iterator[bytes]:
        """Yield which of the runs asked for are not followed, whenever that changes; it begins with none."""
        missing = [*self._unknown, *(address for each in self._followers.values() for address in each.part.missing)]
        first = self._left_out and not self._left_out_told
        if missing != self._missing_told or first:
            self._missing_told, self._left_out_told = missing, True
            yield self._event("following", {"missing": missing, "left_out": self._left_out})

    def _remote_events(self) -> Iterator[bytes]:
        """Yield how the sessions stand, and which sources there are, where either has changed."""
        remote = self._state.remote
        if remote is None:
            return
        body = remote.snapshot()
        steady = remote.steady(body)
        if steady != self._remote_sent:
            self._remote_sent = steady
            yield self._frame("remote", encode(body))
        running = {each["sessionId"] for each in body.get("viewer_sessions", ()) if each["status"] == "running"}
        sources = [
            {"id": place.id, "state": _standing(place, place.id == LOCAL or place.session_id in running)}
            for place in self._state.sources.values()
        ]
        if sources != self._sources_told:
            # Also at first, of this machine alone: a client may know one that has gone since it asked for the list.
            self._sources_told = sources
            yield self._event("sources", {"sources": sources})

    def _event(self, name: str, data: Any) -> bytes:
        return self._frame(name, encode(data))

    def _frame(self, name: str, data: bytes) -> bytes:
        event_id = self._journal.event_id(self._state.now())
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (event_id.encode(), name.encode(), data)


def _standing(place: SourceState, is_running: bool) -> str:
    """Return how a source stands, in the words of GET /api/runs; late is one whose files keep somebody waiting now."""
    if not is_running or place.source.problem is not None:
        return "away"
    return "late" if place.is_silent else "ready"


async def _forward(remote: RemoteHook, wake: asyncio.Event) -> None:
    """Wake a stream at every change of the remote sessions."""
    ticks = remote.subscribe()
    try:
        async for _ in ticks:
            wake.set()
    finally:
        if isinstance(ticks, AsyncGenerator):
            await ticks.aclose()
