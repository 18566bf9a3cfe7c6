"""What GET /api/live sends: changes of runs, new points, new output, the state of remote sessions - as they happen.

A stream is one client's; it keeps its own places in the files, and every event's id is all of these places, so that a
client which comes back with the last id it saw gets exactly what came after it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import math
import os
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runicorn.errors import RunNotFoundError, UsageError
from runicorn.storage import layout
from runicorn.storage.files import Files
from runicorn.storage.follow import Gap, NewEvents, NewPoints, News, RunFollower
from runicorn.viewer.hooks import RemoteHook
from runicorn.viewer.schemas import encode, events_to_wire, gap_to_wire, points_to_wire, text_to_wire
from runicorn.viewer.state import ViewerState

POLL_SECS = 0.2
RUNS_EVERY_SECS = 0.5
# More changes than this, as while a big root is read for the first time, are told by their number only.
_MAX_RUNS = 500
# Each run that is followed costs a look into its folder per round.
MAX_FOLLOWED = 1000
PING_SECS = 15.0
# A client that asks for the list and then for the stream misses nothing that changed in between.
_OVERLAP_SECS = 30.0
# Versions of the run index mean something to the process that counted them only.
INSTANCE = os.urandom(6).hex()
# A cursor names every file of every run: packed, that of a hundred runs takes 3 kB instead of 16, in each event's id.
_PACKED = "z"
_MAX_UNPACKED_BYTES = 16 * 2**20


@dataclass
class Cursor:
    """A place in a stream. version: of the run index.

    runs: for each run, how far each of its files was sent; nothing of one that was not there.
    """

    at: float
    runs: dict[str, dict[str, int]] = field(default_factory=dict)
    version: int | None = None
    instance: str = INSTANCE

    def encode(self) -> str:
        content = json.dumps(
            [self.instance, self.version, round(self.at, 3), self.runs], separators=(",", ":")
        ).encode()
        return _PACKED + base64.urlsafe_b64encode(zlib.compress(content, 1)).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Raises UsageError for anything that encode() did not make."""
        try:
            instance, version, at, runs = json.loads(_unpack(text))
            cursor = cls(float(at), {}, version, instance)
            if not isinstance(instance, str) or not (version is None or isinstance(version, int)):
                raise ValueError(version)
            if not math.isfinite(cursor.at):  # no change is newer than NaN, and all of them would be missed
                raise ValueError(at)
            for run_id, places in runs.items():
                if not layout.is_run_id(run_id):
                    raise ValueError(run_id)
                cursor.runs[run_id] = {str(name): int(offset) for name, offset in places.items() if offset >= 0}
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError, zlib.error) as error:
            raise UsageError(
                "The cursor is not one that this viewer has given out.", hint="Load the page again."
            ) from error
        return cursor


def _unpack(text: str) -> bytes:
    """Return the JSON in a cursor; those of earlier versions are not packed. Raises ValueError or zlib.error."""
    packed = text.startswith(_PACKED)
    text = text.removeprefix(_PACKED)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(text[:100]) from error
    return zlib.decompressobj().decompress(data, _MAX_UNPACKED_BYTES) if packed else data


def text_ends(files: Files, run_id: str) -> dict[str, int]:
    """Return the places at the end of what a run has printed, and of its events."""
    sizes = {entry.name: entry.size_bytes for entry in files.list(layout.run_path(run_id))}
    return {name: sizes.get(name, 0) for name in (layout.CONSOLE_FILE, *layout.event_files(sizes))}


class LiveStream:
    """One client's stream of server-sent events, from a cursor or from now.

    A run that is not there is no reason to end it: the client is told, and hears of the run as soon as it is there.
    """

    def __init__(
        self, state: ViewerState, runs: list[str], cursor: Cursor | None, *, max_behind: int | None = None
    ) -> None:
        self._state = state
        self._run_ids = runs[:MAX_FOLLOWED]
        self._left_out = runs[MAX_FOLLOWED:]
        self._cursor = cursor
        self._max_behind = max_behind
        self._followers: dict[str, RunFollower] = {}
        # Those that are not followed, and where each is to begin once it is there: see RunFollower.
        self._missing: dict[str, dict[str, int] | None] = {}
        self._missing_told: list[str] = []
        self._left_out_told = False
        self._version = 0
        self._runs_looked_at = float("-inf")
        self._remote_sent: dict[str, Any] | None = None

    async def events(self) -> AsyncIterator[bytes]:
        """Yield encoded events until the viewer stops or the client goes."""
        streams = self._state.streams
        wake = streams.open()
        ticks = asyncio.ensure_future(_forward(self._state.remote, wake)) if self._state.remote else None
        try:
            # Before the first byte: what is appended after a client has seen it must not be missed.
            await self._state.workers.run(self._open)
            yield b"retry: 1000\n\n"
            sent_at = time.monotonic()
            while not streams.closed:
                if self._state.remote is not None:
                    for event in self._remote_event(self._state.remote):
                        yield event
                # One piece at a time: a slow client must not make a backlog pile up in memory.
                pieces = self._pieces()
                while not streams.closed and (piece := await self._state.workers.run(next, pieces, None)) is not None:
                    yield piece
                    sent_at = time.monotonic()
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

    def _open(self) -> None:
        """Find the places to begin at: from the cursor, for what it names; from now on for the rest."""
        cursor = self._cursor
        known: Mapping[str, dict[str, int]] = cursor.runs if cursor else {}
        for run_id in self._run_ids:
            if self._is_there(run_id):
                self._follow(run_id, known.get(run_id))
            else:
                self._missing[run_id] = {}  # all of it is news to a client that waits for it
        if cursor is not None and cursor.instance == INSTANCE and cursor.version is not None:
            self._version = cursor.version
        else:
            since = (cursor.at if cursor else self._state.now()) - _OVERLAP_SECS
            self._version = self._state.index.version_at(since)

    def _follow(self, run_id: str, places: dict[str, int] | None) -> None:
        try:
            self._followers[run_id] = RunFollower(self._state.files, run_id, places, max_behind=self._max_behind)
        except OSError:  # its disk does not answer; the next round tries again
            self._missing[run_id] = places

    def _is_there(self, run_id: str) -> bool:
        """Tell whether there is such a run, or whether its disk does not answer right now."""
        try:
            self._state.index.find(run_id)
        except RunNotFoundError:
            return False
        except OSError:
            return True
        return True

    def _pieces(self) -> Iterator[bytes]:
        """Yield what is new in files, as events. Runs on a thread."""
        now = time.monotonic()
        if now - self._runs_looked_at >= RUNS_EVERY_SECS:
            self._runs_looked_at = now
            yield from self._runs_event()
            yield from self._following_event()
        for run_id, follower in self._followers.items():
            try:
                for news in follower.news():
                    yield self._news_event(run_id, news)
            except OSError:  # the run was taken away, or its disk does not answer; the next round looks again
                continue

    def _runs_event(self) -> Iterator[bytes]:
        changed, removed, version = self._state.index.changes(self._version)
        self._version = version
        for run_id in removed:
            # Its folder is gone. One that has the same id later is another run, and begins at its beginning.
            if self._followers.pop(run_id, None) is not None:
                self._missing[run_id] = {}
        if not changed and not removed:
            return
        wall = self._state.now()
        shown = [item for item in changed if item.run.deleted_at is None]
        removed += [item.run.id for item in changed if item.run.deleted_at is not None]
        runs = [self._state.run_list.encoded(item, wall) for item in shown[:_MAX_RUNS]]
        yield self._event("runs", {"runs": runs, "removed": removed, "more": len(shown) > _MAX_RUNS})

    def _following_event(self) -> Iterator[bytes]:
        """Yield which of the runs asked for are not followed, whenever that changes; it begins with none."""
        for run_id in [run_id for run_id in self._missing if self._is_there(run_id)]:
            self._follow(run_id, self._missing.pop(run_id))
        missing, first = list(self._missing), self._left_out and not self._left_out_told
        if missing != self._missing_told or first:
            self._missing_told, self._left_out_told = missing, True
            yield self._event("following", {"missing": missing, "left_out": self._left_out})

    def _news_event(self, run_id: str, news: News) -> bytes:
        if isinstance(news, NewPoints):
            return self._event("points", points_to_wire(run_id, news.metrics))
        if isinstance(news, NewEvents):
            return self._event("events", events_to_wire(run_id, news))
        if isinstance(news, Gap):
            return self._event("gap", gap_to_wire(run_id, news))
        return self._event("console", {"run": run_id, **text_to_wire(news.text, news.start, news.end)})

    def _remote_event(self, remote: RemoteHook) -> Iterator[bytes]:
        body = remote.snapshot()
        steady = remote.steady(body)
        if steady != self._remote_sent:
            self._remote_sent = steady
            yield self._frame("remote", encode(body))

    def _event(self, name: str, data: Any) -> bytes:
        return self._frame(name, encode(data))

    def _frame(self, name: str, data: bytes) -> bytes:
        places = {run_id: follower.offsets for run_id, follower in self._followers.items()}
        for run_id, begin in self._missing.items():
            if begin is not None and layout.is_run_id(run_id):
                places[run_id] = begin
        cursor = Cursor(self._state.now(), places, self._version).encode()
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), name.encode(), data)


async def _forward(remote: RemoteHook, wake: asyncio.Event) -> None:
    """Wake a stream at every change of the remote sessions."""
    ticks = remote.subscribe()
    try:
        async for _ in ticks:
            wake.set()
    finally:
        if isinstance(ticks, AsyncGenerator):
            await ticks.aclose()
