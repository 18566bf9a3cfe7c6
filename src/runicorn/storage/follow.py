"""What was appended to runs since a place in their files: for live views. Each follower keeps its own places.

All runs that somebody looks at are followed together: one look at all of their folders, and one call for what is new.
"""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runicorn.storage import layout, records
from runicorn.storage.files import Files, Listing, Range, by_name
from runicorn.storage.growing import GrowingFile, Verdict, without_coming
from runicorn.storage.tail import Piece, RecordTail
from runicorn.storage.texts import cut_lines, cut_text

CHUNK_RECORDS = 20_000
_CHUNK_BYTES = CHUNK_RECORDS * records.RECORD_BYTES
_TEXT_BYTES = 256 * 1024
_MAX_LINE_BYTES = 16 * 2**20
# Of what is skipped, so much is read nevertheless: the newest lines are what somebody wants to see first.
_KEPT_BYTES = 64 * 1024
# On network disks a record may be seen before the line that names its metric: it is waited for so long.
_NAME_SECS = 2.0
_MAX_UNNAMED = 1000


@dataclass
class NewPoints:
    """Points of one record file in its order, by metric: steps, times, values."""

    file: str
    metrics: dict[str, tuple[list[int], list[float], list[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class NewText:
    """What the program printed; start and end are byte offsets in console.log."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class NewEvents:
    """Events that were appended to one events file; start and end are byte offsets in it."""

    file: str
    start: int
    end: int
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class Gap:
    """A part of a file that was left out because the follower was too far behind; from start to end in bytes."""

    file: str
    start: int
    end: int


@dataclass(frozen=True)
class Replaced:
    """Another file lies in the place of this one: what was sent of it before is void, and it begins anew."""

    file: str


News = NewPoints | NewText | NewEvents | Gap | Replaced


class RunFollower:
    """Follows one run. `offsets` says how far it came, and can be given to a new follower to go on from there.

    offsets: by file, in bytes; None for the ends that the first look shows. heads: of record files, what tells them
    from others, see head_crc. max_behind: where more than so many bytes of a file are new at once, leave them out but
    for its end; None for never.
    """

    def __init__(
        self,
        run_id: str,
        offsets: Mapping[str, int] | None = None,
        heads: Mapping[str, int] | None = None,
        *,
        max_behind: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run_id = run_id
        self.offsets: dict[str, int] = dict(offsets or {})
        self._heads = dict(heads or {})
        self._from_now = offsets is None
        self._max_behind = max_behind
        self._monotonic = monotonic
        self._readers: dict[str, _Records | _Growing] = {}

    @property
    def heads(self) -> dict[str, int]:
        """What tells the record files from others that may lie in their places later."""
        found = dict(self._heads)
        found.update({name: crc for name, each in self._readers.items()
                      if isinstance(each, _Records) and (crc := each.tail.head_crc) is not None})  # fmt: skip
        return found

    def begin(self, listing: Listing) -> None:
        """Take what was there at a look as known, if the places were not given."""
        if self._from_now:
            self._from_now = False
            self.offsets = ends(listing)

    def readers(self, listing: Listing) -> Iterator[_Records | _Growing]:
        """Yield what reads the files that are there: points first, then output, then events."""
        self.begin(listing)
        for name in layout.record_files(listing):
            if name not in self._readers:
                self._readers[name] = self._records(name)
            yield self._readers[name]
        for name in ([layout.CONSOLE_FILE] if layout.CONSOLE_FILE in listing else []) + layout.event_files(listing):
            if name not in self._readers:
                self._readers[name] = self._text(name)
            yield self._readers[name]

    def _records(self, name: str) -> _Records:
        path, offset = layout.run_path(self.run_id, name), self.offsets.setdefault(name, 0)
        tail = RecordTail(path, offset, head_crc=self._heads.get(name), monotonic=self._monotonic)
        return _Records(name, tail, self._max_behind, self._monotonic)

    def _text(self, name: str) -> _Growing:
        path, offset = layout.run_path(self.run_id, name), self.offsets.setdefault(name, 0)
        kind = _Text if name == layout.CONSOLE_FILE else _Lines
        return kind(name, GrowingFile(path, offset), self._max_behind)


def ends(listing: Listing) -> dict[str, int]:
    """Return the places at the ends of a run's files; of record files, behind their last whole records."""
    sizes = {name: status.size_bytes for name, status in listing.items()}
    found = {name: sizes[name] - sizes[name] % records.RECORD_BYTES for name in layout.record_files(sizes)}
    return {**found, **text_ends(listing)}


def text_ends(listing: Listing) -> dict[str, int]:
    """Return the places at the end of what a run has printed, and of its events."""
    names = [layout.CONSOLE_FILE, *layout.event_files(listing)]
    return {name: listing[name].size_bytes if name in listing else 0 for name in names}


def news(files: Files, followers: Sequence[RunFollower]) -> Iterator[tuple[RunFollower, News]]:
    """Yield what is new of all runs, in pieces; after each, its follower's `offsets` says where the next one begins.

    A run that cannot be read now has no news.
    """
    folders = files.look([layout.run_path(follower.run_id) for follower in followers])
    pending = [
        (follower, reader, listing)
        for follower, entries in zip(followers, folders, strict=True)
        if not isinstance(entries, OSError)
        for listing in [by_name(entries)]
        for reader in follower.readers(listing)
    ]
    while pending:
        left = files.batch_bytes
        asked, wanted, later = [], [], []
        for follower, reader, listing in pending:
            if left <= 0:
                later.append((follower, reader, listing))
                continue
            ranges = reader.plan(listing)
            left -= sum(each.length or 0 for each in ranges)
            wanted += ranges
            asked.append((follower, reader, listing, len(ranges)))
        read = files.fetch(wanted) if wanted else []
        at = 0
        again = []
        for follower, reader, listing, count in asked:
            answers, at = read[at : at + count], at + count
            if any(isinstance(each, OSError) for each in answers):
                continue  # its disk does not answer; the next round looks again
            whole = [each for each in answers if not isinstance(each, OSError)]
            for item, offset in reader.take(listing, whole):
                follower.offsets[reader.name] = offset
                yield follower, item
            follower.offsets[reader.name] = reader.offset
            if reader.is_behind(listing):
                again.append((follower, reader, listing))
        pending = again + later


class _Records:
    """Follows a record file."""

    def __init__(self, name: str, tail: RecordTail, max_behind: int | None, monotonic: Callable[[], float]) -> None:
        self.name = name
        self.tail = tail
        self.offset = tail.offset
        self._max_behind = max_behind
        self._monotonic = monotonic
        self._gap: Gap | None = None
        self._held: tuple[Piece, float] | None = None
        self._generation = 0
        self._name_ranges = 0
        self._sent_unnamed: set[int] = set()
        self._progressed = False

    def plan(self, listing: Listing) -> list[Range]:
        status = listing[self.name]
        behind = status.size_bytes - self.tail.offset
        if self._held is None and self._max_behind is not None and behind > self._max_behind:
            end = status.size_bytes - behind % records.RECORD_BYTES
            self._gap = Gap(self.name, self.tail.offset, end)
            self.tail.jump(end)
        data = self.tail.plan(status, _CHUNK_BYTES) if self._held is None else []
        names = self.tail.names.plan(listing.get(self.tail.names.path.rsplit("/", 1)[-1]))
        self._name_ranges = len(names)
        return data + names

    def take(self, listing: Listing, read: list[bytes]) -> Iterator[tuple[News, int]]:
        """Yield what is new, each with the place behind it."""
        data, names = read[: len(read) - self._name_ranges], read[len(read) - self._name_ranges :]
        for each in names:
            self.tail.names.take(each)
        if any(self.tail.names.is_known(number) for number in self._sent_unnamed):
            # What was sent without its name is sent again with it.
            self.tail.begin_again()
            data = []
        if self._gap is not None:
            gap, self._gap = self._gap, None
            self.offset = gap.end
            yield gap, self.offset
        piece = self.tail.take(listing[self.name], data) if data else None
        replaced = self.tail.generation != self._generation
        if replaced:
            self._generation, self._held, self.offset = self.tail.generation, None, 0
            self._sent_unnamed = set()
            yield Replaced(self.name), 0
        since = self._monotonic()
        if self._held is not None:
            (piece, since), self._held = self._held, None
        self._progressed = replaced or piece is not None
        if piece is None:
            return
        if self._is_unnamed(piece) and self._monotonic() - since < _NAME_SECS:
            self._held, self._progressed = (piece, since), False
            return
        self.offset = piece.start + piece.found.consumed
        points = self._points(piece)
        if points.metrics:
            yield points, self.offset

    def is_behind(self, listing: Listing) -> bool:
        return self._progressed and self.tail.is_behind(listing[self.name])

    def _is_unnamed(self, piece: Piece) -> bool:
        names = self.tail.names
        return any(record.metric >= len(names) for record in records.unpack(piece.data, piece.found))

    def _points(self, piece: Piece) -> NewPoints:
        points = NewPoints(self.name)
        for record in records.unpack(piece.data, piece.found):
            if not self.tail.names.is_known(record.metric) and len(self._sent_unnamed) < _MAX_UNNAMED:
                self._sent_unnamed.add(record.metric)
            steps, times, values = points.metrics.setdefault(self.tail.names.name(record.metric), ([], [], []))
            steps.append(record.step)
            times.append(record.time)
            values.append(record.value)
        return points


class _Growing(abc.ABC):
    """Follows a text file."""

    limit = _TEXT_BYTES

    def __init__(self, name: str, file: GrowingFile, max_behind: int | None) -> None:
        self.name = name
        self._file = file
        self._max_behind = max_behind
        self._gap_from: int | None = None
        self._generation = 0
        self._progressed = False

    @property
    def offset(self) -> int:
        return self._file.offset

    def plan(self, listing: Listing) -> list[Range]:
        size = listing[self.name].size_bytes
        if self._max_behind is not None and size - self.offset > self._max_behind:
            self._gap_from = self.offset
            self._file.jump(size - _KEPT_BYTES)
        return self._file.plan(listing[self.name], self.limit)

    def take(self, listing: Listing, read: list[bytes]) -> Iterator[tuple[News, int]]:
        """Yield what is new, each with the place behind it."""
        verdict, new = self._file.judge(read) if read else (Verdict.UNSURE, b"")
        self._progressed = replaced = self._file.generation != self._generation
        if replaced:
            self._generation, self._gap_from = self._file.generation, None
            yield Replaced(self.name), 0
        if verdict is not Verdict.SAME:
            return
        if self._gap_from is not None:
            yield self._left_out(new), self.offset
            return
        status = listing[self.name]
        at_end = self.offset + len(new) >= status.size_bytes
        settled = without_coming(new, status) if at_end else new
        start = self.offset
        item, consumed = self._read(settled, start)
        self._file.advance(new, consumed)
        if at_end and len(settled) == len(new):
            self._file.rest(status)
        self._progressed = replaced or consumed > 0 or not at_end
        if item is not None:
            yield item, self.offset

    def is_behind(self, listing: Listing) -> bool:
        return self._progressed and self.offset < listing[self.name].size_bytes

    def _left_out(self, new: bytes) -> Gap:
        """Go on at the beginning of one of the last lines; an endless line is cut where it may be."""
        assert self._gap_from is not None
        self._file.advance(new, new.find(b"\n") + 1)
        gap, self._gap_from, self._progressed = Gap(self.name, self._gap_from, self.offset), None, True
        return gap

    @abc.abstractmethod
    def _read(self, data: bytes, start: int) -> tuple[News | None, int]:
        """Return what a piece of the file from byte `start` tells, and how many bytes of it are done with."""


class _Text(_Growing):
    def _read(self, data: bytes, start: int) -> tuple[News | None, int]:
        text, lead, end = cut_text(data, inside=start > 0)
        return (NewText(start + lead, start + end, text) if text else None), end


class _Lines(_Growing):
    def _read(self, data: bytes, start: int) -> tuple[News | None, int]:
        events, end = cut_lines(data)
        if not end and len(data) >= self.limit:  # a line longer than what was read
            if self.limit >= _MAX_LINE_BYTES:
                return None, len(data)
            self.limit = min(2 * self.limit, _MAX_LINE_BYTES)
        elif end:
            self.limit = _TEXT_BYTES
        return (NewEvents(self.name, start, start + end, events) if events else None), end
