"""What a live stream follows of one source: its list of runs, and the files of those runs that were asked for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runicorn.errors import RunicornError
from runicorn.model import RunState
from runicorn.sources.folder import Place
from runicorn.storage.follow import Gap, NewEvents, NewPoints, News, Replaced, RunFollower
from runicorn.storage.indexed_run import IndexedRun
from runicorn.viewer.cursors import SourceCursor
from runicorn.viewer.schemas import encode, events_to_wire, gap_to_wire, points_to_wire, text_to_wire
from runicorn.viewer.source_state import LOCAL, SourceState

RUNS_EVERY_SECS = 0.5
# Where every look comes over a link as a whole, runs that ended are looked at this seldom, from so long after that.
_ENDED_EVERY_SECS, _LATE_SECS = 10.0, 10.0
# More changes than this, as while a big root is read for the first time, are told by their number only.
_MAX_RUNS = 500


@dataclass(frozen=True)
class Piece:
    """Something new of a source. name, data: of the event; None where there is nothing to tell but what moved.

    moved: how far it brings runs, by id, None for one whose place is not known. version: of the list of runs.
    """

    name: str | None = None
    data: bytes = b""
    moved: tuple[tuple[str, Place | None], ...] = ()
    version: int | None = None


class LivePart:
    """See above. Everything here runs on one thread of that source at a time, but what is said to be for others.

    missing: the addresses of runs that are not there, for others; never changed, but replaced.
    """

    def __init__(self, place: SourceState, max_behind: int | None) -> None:
        self.place = place
        self.addresses: dict[str, str] = {}  # how each run was asked for
        self._max_behind = max_behind
        self._followers: dict[str, RunFollower] = {}
        # Those that are not followed, and where each is to begin once it is there; see RunFollower.
        self._missing: dict[str, Place | None] = {}
        self.missing: tuple[str, ...] = ()
        self._version = 0
        self._looked_at = float("-inf")
        self._ended: dict[str, float] = {}  # runs that have, and from when on they are seldom looked at
        self._looked_at_ended = float("-inf")

    def open(self, known: SourceCursor | None, since: float, same_instance: bool) -> None:
        """Begin where a cursor says; since: unix seconds, for the list of runs where its version means nothing."""
        runs = known.runs if known else {}
        self._follow({run_id: runs.get(run_id) for run_id in self.addresses}, absent=Place())
        # Of another session's list, the version means something else.
        if same_instance and known is not None and known.version is not None and self.place.id == LOCAL:
            self._version = known.version
        else:
            self._version = self.place.source.version_at(since)

    def cursor(self) -> SourceCursor:
        places = {run_id: place for run_id in self.addresses if (place := self.place_of(run_id)) is not None}
        return SourceCursor(self._version, places)

    def place_of(self, run_id: str) -> Place | None:
        """Return how far a run was read, as it is now; None where that is not known."""
        follower = self._followers.get(run_id)
        if follower is None:
            return self._missing.get(run_id)
        return Place(dict(follower.offsets), dict(follower.heads))

    def pieces(self, now: float) -> Iterator[Piece]:
        """Yield what is new. now: unix seconds."""
        moment = time.monotonic()
        if moment - self._looked_at >= RUNS_EVERY_SECS:
            self._looked_at = moment
            yield self._runs(now)
            yield Piece(moved=tuple(self._find_missing()))
        if due := self._due(moment):
            for follower, news in self.place.source.news(due):
                run_id = follower.run_id
                yield _piece(self.addresses[run_id], news, ((run_id, self.place_of(run_id)),))

    def _due(self, moment: float) -> list[RunFollower]:
        """Return the followers of those runs whose files are looked at now."""
        if self.place.source.files.is_metered and moment - self._looked_at_ended < _ENDED_EVERY_SECS:
            return [each for run_id, each in self._followers.items() if moment < self._ended.get(run_id, float("inf"))]
        self._looked_at_ended = moment
        return list(self._followers.values())

    def _note_ends(self, items: Iterable[IndexedRun], rests_from: float) -> None:
        """Take note which of these runs have ended. rests_from: from when on one that has just done so may rest."""
        for item in items:
            if item.run.state is RunState.RUNNING:
                self._ended.pop(item.run.id, None)
            else:
                self._ended.setdefault(item.run.id, rests_from)

    def _runs(self, now: float) -> Piece:
        """Return how the list of runs changed."""
        changed, removed, self._version = self.place.source.changes(self._version)
        self._note_ends(changed, time.monotonic() + _LATE_SECS)
        moved = tuple((run_id, Place()) for run_id in self._take_away(removed))
        if not changed and not removed:
            return Piece(moved=moved, version=self._version)
        shown = [item for item in changed if item.run.deleted_at is None]
        removed += [item.run.id for item in changed if item.run.deleted_at is not None]
        runs = [self.place.run_list.encoded(item, now) for item in self.place.shown(shown[:_MAX_RUNS])]
        data = {
            "source": self.place.id,
            "runs": runs,
            "removed": [self.place.address(run_id) for run_id in removed],
            "more": len(shown) > _MAX_RUNS,
        }
        return Piece("runs", encode(data), moved, self._version)

    def _take_away(self, removed: list[str]) -> list[str]:
        """Follow these runs no more, whose folders are gone; return those that were followed.

        One that has the same id later is another run, and begins at its beginning.
        """
        gone = [run_id for run_id in removed if self._followers.pop(run_id, None) is not None]
        self._missing.update({run_id: Place() for run_id in gone})
        for run_id in gone:
            self._ended.pop(run_id, None)
        self._tell_missing()
        return gone

    def _find_missing(self) -> Iterator[tuple[str, Place | None]]:
        """Follow those of the missing runs that are there now; yield their places."""
        if self._missing:
            before = dict(self._missing)
            self._follow(before)
            for run_id in before:
                if run_id in self._followers:
                    yield run_id, self.place_of(run_id)

    def _tell_missing(self) -> None:
        self.missing = tuple(self.addresses[run_id] for run_id in self._missing)

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
        self._note_ends((item for item in self.place.source.known_runs() if item.run.id in found), time.monotonic())
        self._tell_missing()


def _piece(address: str, news: News, moved: tuple[tuple[str, Place | None], ...]) -> Piece:
    name, data = _told(address, news)
    return Piece(name, encode(data), moved)


def _told(address: str, news: News) -> tuple[str, dict[str, Any]]:
    """Return the name and the data of the event that tells of some news."""
    if isinstance(news, NewPoints):
        return "points", points_to_wire(address, news)
    if isinstance(news, NewEvents):
        return "events", events_to_wire(address, news)
    if isinstance(news, Gap):
        return "gap", gap_to_wire(address, news)
    if isinstance(news, Replaced):
        return "replaced", {"run": address, "file": news.file}
    return "console", {"run": address, **text_to_wire(news.text, news.start, news.end)}
