"""A file that grows by appending, and how it is told from another one that lies in its place. Touches no files.

Neither size, nor inode (which is used again), nor time tells that a file was replaced; its own bytes do. So at each
growth its first bytes are read again, and those before the place that was reached, in the same call as what is new.
"""

from __future__ import annotations

import enum
import time
import zlib
from collections.abc import Callable
from typing import NamedTuple

from runicorn.storage.files import FileStat, Range

# Of its beginning, and of what lies before the place that was reached.
FILE_MARK_BYTES = 64
# From so many new bytes on, the marks are read apart from them: to cut them off would copy it all.
_MARKS_APART_FROM_BYTES = 256 * 1024
# Zeros in a file that was not written to for so long are no bytes that are still coming.
OLD_SECS = 60.0


class State(NamedTuple):
    """What is compared to know whether something changed."""

    size_bytes: int
    mtime_ns: int
    inode: int


class Marks(NamedTuple):
    """How far a file was read, and what tells it from another one: its first bytes, and those before the offset."""

    offset: int
    head: bytes
    anchor: bytes


class Verdict(enum.Enum):
    """What a look at the marks says. UNSURE: they could not be read whole now; ask again."""

    SAME = "same"
    ANOTHER = "another"
    UNSURE = "unsure"


class GrowingFile:
    """How far one file was read. generation grows when another one is found in its place; it is read from 0 then.

    offset: where to go on, in bytes; a follower may begin anywhere. head_crc: what an earlier reader that came so far
    found this to be.
    """

    def __init__(self, path: str, offset: int = 0, *, head_crc: int | None = None) -> None:
        self.path = path
        self.offset = offset
        self.generation = 0
        self._expected_crc = head_crc
        # False while it was not seen yet that the file is the one that resume() spoke of.
        self.is_proven = True
        # The first bytes, and those before the offset: as many as there are of them, or none while nothing is known.
        self._head = b""
        self._anchor = b""
        self._seen: State | None = None
        # What plan() asked for last: the marks behind what is new; only the marks, of a file that looks shorter.
        self._marks_apart = self._doubts = False

    @property
    def head_crc(self) -> int | None:
        """The CRC-32 of the first 64 bytes, which no other file has, as they hold times; None until they are known."""
        return zlib.crc32(self._head) if len(self._head) == FILE_MARK_BYTES else self._expected_crc

    def plan(self, status: FileStat, limit: int) -> list[Range]:
        """Return what to read now: the marks and at most `limit` new bytes; nothing where nothing changed."""
        if self._seen == _state(status):
            return []
        known, length = min(FILE_MARK_BYTES, self.offset), min(limit, status.size_bytes - self.offset)
        head, anchor = Range(self.path, 0, known), Range(self.path, self.offset - known, known)
        # A look may be older than what was read since: the file's own bytes say whether it was cut.
        self._doubts = length < 0
        if self._doubts:
            return [head, anchor]
        if not status.size_bytes:
            self.rest(status)
            return []
        self._marks_apart = length >= _MARKS_APART_FROM_BYTES
        if self._marks_apart:  # behind what is new, so that they speak of the file from which it came
            return [Range(self.path, self.offset, length), *((head, anchor) if known else ())]
        main = Range(self.path, anchor.start, known + length)
        return [main] if main.start == 0 else [head, main]

    def judge(self, read: list[bytes]) -> tuple[Verdict, bytes]:
        """Return whether it is the same file, and the new bytes; for another one, it begins again. read: by plan()."""
        known = min(FILE_MARK_BYTES, self.offset)
        if self._doubts:
            (head, anchor), new = read, b""
        elif self._marks_apart:
            new, head, anchor = read if known else (read[0], b"", b"")
        else:
            head, anchor, new = read[0][:known], read[-1][:known], read[-1][known:]
        verdict = _worse(_compared(self._head, head), _compared(self._anchor, anchor))
        if self._expected_crc is not None and not self._head and len(head) == FILE_MARK_BYTES:
            verdict = Verdict.SAME if zlib.crc32(head) == self._expected_crc else Verdict.ANOTHER
        if self._doubts and len(anchor) < known:
            verdict = Verdict.ANOTHER
        if verdict is Verdict.ANOTHER:
            self.begin_again()
            return verdict, b""
        if verdict is Verdict.UNSURE or len(head) < known or len(anchor) < known:
            return Verdict.UNSURE, b""
        self._head, self._anchor, self.is_proven = head, anchor, True
        return verdict, new

    def advance(self, new: bytes, consumed: int) -> None:
        """Go on behind the first `consumed` of the new bytes, which judge() returned."""
        if len(self._head) < FILE_MARK_BYTES:
            self._head = (self._head + new[:consumed])[:FILE_MARK_BYTES]
        self._anchor = (self._anchor + new[max(0, consumed - FILE_MARK_BYTES) : consumed])[-FILE_MARK_BYTES:]
        self.offset += consumed

    def jump(self, offset: int) -> None:
        """Go on at `offset`, whatever lies before it."""
        self.offset, self._anchor, self._seen = offset, b"", None
        self._head = self._head[:offset]

    def rest(self, status: FileStat) -> None:
        """Take note that there is nothing more to read until it changes."""
        self._seen = _state(status)

    def look_again(self) -> None:
        """Let the next plan() ask, though nothing may have changed."""
        self._seen = None

    def marks(self) -> Marks:
        """Return what resume() needs to go on from here, in another process, too."""
        return Marks(self.offset, self._head, self._anchor)

    def resume(self, marks: Marks) -> None:
        """Go on from there, if it turns out to be the same file. Raises ValueError for marks that tell nothing."""
        known = min(FILE_MARK_BYTES, marks.offset)
        if known < 0 or len(marks.head) != known or len(marks.anchor) != known:
            raise ValueError("no marks of a file")
        self.offset, self._head, self._anchor = marks
        self._seen, self.is_proven = None, False

    def take_up(self, marks: Marks, status: FileStat) -> None:
        """Go on behind what somebody else has read of it just now. Raises ValueError for marks that tell nothing."""
        self.resume(marks)
        self.is_proven = True
        if self.offset >= status.size_bytes:
            self.rest(status)

    def begin_again(self) -> None:
        self.generation += 1
        self.is_proven = True
        self.offset, self._head, self._anchor, self._seen, self._expected_crc = 0, b"", b"", None, None


def is_young(status: FileStat, now: Callable[[], float] = time.time) -> bool:
    """Tell whether bytes of a file may still be coming whose place is there: network disks show its size before."""
    return now() - status.mtime_ns / 1e9 < OLD_SECS


def without_coming(data: bytes, status: FileStat, now: Callable[[], float] = time.time) -> bytes:
    """Return what was read up to the end of a text file without zeros that may be bytes still coming."""
    return data.rstrip(b"\0") if data.endswith(b"\0") and is_young(status, now) else data


def _state(status: FileStat) -> State:
    return State(status.size_bytes, status.mtime_ns, status.inode)


def _compared(known: bytes, found: bytes) -> Verdict:
    """Compare a mark with what lies in its place. Where nothing is known of it yet, anything is right."""
    if not known or found[: len(known)] == known:
        return Verdict.SAME
    # On network disks, zeros stand for a moment where bytes are still coming; and a read may be cut short.
    if known.startswith(found) or not any(found):
        return Verdict.UNSURE
    return Verdict.ANOTHER


def _worse(first: Verdict, second: Verdict) -> Verdict:
    for verdict in (Verdict.ANOTHER, Verdict.UNSURE):
        if verdict in (first, second):
            return verdict
    return Verdict.SAME
