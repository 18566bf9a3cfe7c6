"""The end of a record file, as it grows: what is settled of it, whoever listens. Asks for bytes, and touches no files.

The rules that all readers share: a record that is torn at the end is waited for; zeros are waited for as well, since
network disks show a file's size before its bytes; bytes that hold no records are skipped and counted; and where another
file lies in the place of this one, everything begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runicorn.storage import layout, records
from runicorn.storage.files import Files, FileStat, Listing, Range, found_or_raise
from runicorn.storage.growing import GrowingFile, Marks, Verdict, is_young
from runicorn.storage.names import MetricNames
from runicorn.storage.records import RECORD_BYTES, Scan

# Zeros that stay so long are no bytes that are still coming; in a file that was not written to for a while, at once.
_ZEROS_SECS = 10.0
# For so long after zeros were passed over, and at each change of the file, they are looked at again each time; then
# whenever they are twice as old as they were.
_LOOK_BACK_SECS = 60.0
_MAX_HOLES = 8
# Of less than two records' worth, garbage could not be told from a record that is still being written.
_LEAST_BYTES = 4096


class Piece(NamedTuple):
    """Settled bytes of a record file, from `start` on. found: where in `data` the records lie."""

    generation: int
    start: int
    data: bytes
    found: Scan


@dataclass
class _Hole:
    """Zeros in a file, from byte `start` on, since when they are known, and their age when they were looked at last."""

    start: int
    since: float
    looked_at_age: float = 0.0

    def is_due(self, moment: float) -> bool:
        """Tell whether to look at them again, though the file says nothing of a change."""
        age = moment - self.since
        return age < _LOOK_BACK_SECS or age >= 2 * self.looked_at_age


class TailState(NamedTuple):
    """How far a record file was read: what resume() needs. holes: where zeros were taken for damage, in bytes."""

    marks: Marks
    skipped: int
    holes: tuple[int, ...]


class RecordTail:
    """One record file and how far it was read.

    offset: where to begin, in bytes. head_crc: see GrowingFile, of what was read before. count: a faster
    records.count_marked.
    """

    def __init__(
        self,
        path: str,
        offset: int = 0,
        *,
        head_crc: int | None = None,
        count: Callable[[bytes, int], int] = records.count_marked,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.names = MetricNames(layout.keys_file(path), now)
        self.skipped = 0
        self._file = GrowingFile(path, offset, head_crc=head_crc)
        self._count = count
        self._now = now
        self._monotonic = monotonic
        self._holes: list[_Hole] = []
        self._waiting: _Hole | None = None
        self._asked: list[_Hole] = []

    @property
    def offset(self) -> int:
        """Where to go on, in bytes."""
        return self._file.offset

    @property
    def generation(self) -> int:
        """Grows whenever all that was read before is void."""
        return self._file.generation

    @property
    def head_crc(self) -> int | None:
        """What tells this file from another one that may lie in its place later."""
        return self._file.head_crc

    def plan(self, status: FileStat, limit: int) -> list[Range]:
        """Return what to read now, at most `limit` new bytes; nothing where there is nothing new."""
        if self._waiting is not None:
            self._file.look_again()
        before = self.generation
        ranges = self._file.plan(status, max(_LEAST_BYTES, limit))
        if self.generation != before:
            self._void()
        moment = self._monotonic()
        self._asked = [hole for hole in self._holes if ranges or hole.is_due(moment)]
        return ranges + [Range(self.path, hole.start, RECORD_BYTES) for hole in self._asked]

    def take(self, status: FileStat, read: Sequence[bytes]) -> Piece | None:
        """Return what is settled of what plan() asked for, None where nothing is. read: in the order of the ranges."""
        holes = read[len(read) - len(self._asked) :]
        if any(any(found) for found in holes):  # what was missing has come after all
            self.begin_again()
            return None
        for hole in self._asked:
            hole.looked_at_age = self._monotonic() - hole.since
        read = read[: len(read) - len(self._asked)]
        if not read:
            return None
        verdict, new = self._file.judge(list(read))
        if verdict is not Verdict.SAME:
            if verdict is Verdict.ANOTHER:
                self._void()
            return None
        start = self._file.offset
        settled, found = self._settled(new, status)
        self._file.advance(new, found.consumed)
        self.skipped += found.skipped
        if start + len(new) >= status.size_bytes:
            self._file.rest(status)
        return Piece(self.generation, start, settled, found) if found.consumed else None

    def begin_again(self) -> None:
        """Read all of the file once more; what was read before is void."""
        self._file.begin_again()
        self._void()

    def jump(self, offset: int) -> None:
        """Leave out what lies before `offset`."""
        self._file.jump(offset)

    def state(self) -> TailState:
        """Return what resume() needs to go on from here, in another process, too."""
        return TailState(self._file.marks(), self.skipped, tuple(hole.start for hole in self._holes))

    def resume(self, state: TailState) -> None:
        """Go on from there with a file of which nothing was read yet. Raises ValueError for what is no state.

        Until is_proven, it is not known whether it is the same file.
        """
        self._file.resume(state.marks)
        self.skipped = state.skipped
        moment = self._monotonic()
        self._holes = [_Hole(start, moment) for start in state.holes][-_MAX_HOLES:]

    def take_up(self, marks: Marks, status: FileStat) -> None:
        """Go on behind records that somebody else has read of it just now, all of them whole. Raises ValueError."""
        self._file.take_up(marks, status)

    @property
    def is_proven(self) -> bool:
        """Whether it was seen that the file is the one that resume() spoke of."""
        return self._file.is_proven

    def is_behind(self, status: FileStat) -> bool:
        """Tell whether there is a whole record to be read that was there at a look."""
        return status.size_bytes - self.offset >= RECORD_BYTES and self._waiting is None

    def _settled(self, new: bytes, status: FileStat) -> tuple[bytes, Scan]:
        """Return the bytes that count now, and the records in them: all up to zeros that may still be filled."""
        found = records.scan(new, self._count, more=self._file.offset + len(new) < status.size_bytes)
        start = _first_zeros(new, found)
        if start is None:
            self._waiting = None
            return new, found
        place, moment = self._file.offset + start, self._monotonic()
        if self._waiting is None or self._waiting.start != place:
            self._waiting = _Hole(place, moment)
        waited = moment - self._waiting.since
        if waited < _ZEROS_SECS and is_young(status, self._now):
            new = new[:start]
            return new, records.scan(new, self._count)
        self._holes = [*self._holes, _Hole(place, moment)][-_MAX_HOLES:]
        self._waiting = None
        return new, found

    def _void(self) -> None:
        self.skipped = 0
        self._holes, self._waiting, self._asked = [], None, []
        self.names.forget()


def advance(files: Files, tails: Sequence[tuple[RecordTail, Listing]], limit: int) -> list[Piece | OSError | None]:
    """Read on in several record files at once, in one call, at most about `limit` bytes of all of them together.

    Each comes with what look() showed of its folder, by name.
    """
    plans: list[tuple[RecordTail, FileStat | None, list[Range], list[Range]]] = []
    wanted: list[Range] = []
    for tail, listing in tails:
        status = listing.get(_name(tail.path))
        ranges = tail.plan(status, limit) if status is not None else []
        limit -= sum(each.length or 0 for each in ranges)
        keys = tail.names.plan(listing.get(_name(tail.names.path))) if status is not None else []
        plans.append((tail, status, ranges, keys))
        wanted += ranges + keys  # the names last: they are written before the first record that uses them
    read = iter(files.fetch(wanted) if wanted else [])
    found: list[Piece | OSError | None] = []
    for tail, status, ranges, keys in plans:
        parts, names = [next(read) for _ in ranges], [next(read) for _ in keys]
        try:
            for each in names:
                tail.names.take(found_or_raise(each))
            bytes_read = [found_or_raise(each) for each in parts]
            found.append(tail.take(status, bytes_read) if status is not None else None)
        except OSError as error:
            found.append(error)
    return found


def _first_zeros(new: bytes, found: Scan) -> int | None:
    """Return where the first record's worth of nothing but zeros begins, between records or behind them."""
    at = 0
    for start, count in (*found.spans, (len(new), 0)):
        if start - at >= RECORD_BYTES and not any(new[at : at + RECORD_BYTES]):
            return at
        at = start + count * RECORD_BYTES
    return None


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
