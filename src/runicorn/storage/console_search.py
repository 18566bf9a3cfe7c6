"""Looks for a pattern in a run's whole output: in pieces of bounded size, for a bounded time, on from where it stopped.

A place to go on from is the beginning of a line. The line that is still being written, without its end, is looked at
each time and never passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runicorn.storage.files import Files, FileStat
from runicorn.storage.growing import without_coming
from runicorn.storage.patterns import Pattern
from runicorn.storage.visible_text import visible_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Bytes that are read and looked through at once; more of a line is looked at as if it were lines of its own.
PIECE_BYTES = 256 * 1024
_TEXT_CHARACTERS = 300
# So much after a request came, it answers with what it has.
BUDGET_SECS = 0.4


@dataclass(frozen=True)
class Place:
    """Where a line begins: its byte, and how many lines are before it."""

    offset: int
    line: int


@dataclass(frozen=True)
class Match:
    """A line that matches. text: as a terminal shows it, cut; start and end: of the first match, in UTF-16 units."""

    offset: int
    line: int
    text: str
    start: int
    end: int


@dataclass
class Found:
    """What a search came to.

    matches: at most as many as were asked for. next: where to look for more; None where there are no more. total:
    matching lines from where it began up to `counted`. complete: whether that is all there is now. unfinished: whether
    the last line, which has no end yet, matches; it is among the matches, and not in the total. last_line: whether
    there is such a line.
    """

    matches: list[Match] = field(default_factory=list)
    next: Place | None = None
    total: int = 0
    counted: Place = Place(0, 0)
    complete: bool = False
    unfinished: bool = False
    last_line: bool = False
    size_bytes: int = 0


def search_console(
    files: Files,
    path: str,
    pattern: Pattern | None,
    begin: Place,
    *,
    limit: int,
    count: bool,
    monotonic: Callable[[], float] = time.monotonic,
) -> Found:
    """Look from the beginning of a line on; without a pattern, count lines. Raises OSError, PatternTooSlowError.

    count: whether to go on counting behind the last match that is returned.
    """
    until = monotonic() + BUDGET_SECS
    status = files.stat(path)
    if status is None:
        return Found(counted=Place(0, 0), complete=True)
    size = status.size_bytes
    found = Found(counted=Place(min(begin.offset, size), begin.line), size_bytes=size)
    for piece in _pieces(files, path, status, found.counted):
        if not _look_through(piece, pattern, limit, count, found):
            return found
        found.complete = piece.last
        if not piece.last and monotonic() > until:
            break
    found.complete |= size <= found.counted.offset
    if not found.complete and found.next is None:
        found.next = found.counted
    return found


@dataclass(frozen=True)
class _Piece:
    """Whole lines from a place on. last: whether there is no more; `open` is then a line that has no end yet."""

    begin: Place
    data: bytes
    last: bool
    open: bytes


def _pieces(files: Files, path: str, status: FileStat, begin: Place) -> Iterator[_Piece]:
    """Yield the lines of a file; those of each piece are counted by who takes it."""
    offset, line, rest = begin.offset, begin.line, b""
    while True:
        at = offset + len(rest)
        read = files.read(path, at, min(PIECE_BYTES, status.size_bytes - at)) if at < status.size_bytes else b""
        last = at + len(read) >= status.size_bytes or not read
        data = rest + (without_coming(read, status) if last else read)
        end = data.rfind(b"\n") + 1
        if not last and not end and len(data) >= 2 * PIECE_BYTES:
            end = len(data)  # a line without end, as a binary file has them
        yield _Piece(Place(offset, line), data[:end], last, data[end:] if last else b"")
        if last:
            return
        offset, line, rest = offset + end, line + data.count(b"\n", 0, end), data[end:]


def _look_through(piece: _Piece, pattern: Pattern | None, limit: int, count: bool, found: Found) -> bool:
    """Add what a piece holds to what was found; return False where that is all that was asked for."""
    starts = _line_starts(piece.data)
    text = visible_text(piece.data) if pattern is not None else ""
    for hit in pattern.hits(text) if pattern is not None and text else ():
        if hit.line_start >= len(text):  # behind the last end of a line there is nothing
            continue
        if len(found.matches) >= limit:
            if found.next is None:
                found.next = Place(piece.begin.offset + int(starts[hit.line]), piece.begin.line + hit.line)
            if not count:
                found.counted = found.next
                return False
        else:
            place = Place(piece.begin.offset + int(starts[hit.line]), piece.begin.line + hit.line)
            found.matches.append(_match(text, hit.line_start, hit.start, hit.end, place))
        found.total += 1
    found.counted = Place(piece.begin.offset + len(piece.data), piece.begin.line + len(starts) - 1)
    if piece.open:
        found.last_line = True
        _look_at_open_line(piece.open, pattern, limit, found)
    return True


def _look_at_open_line(data: bytes, pattern: Pattern | None, limit: int, found: Found) -> None:
    text = visible_text(data)
    hit = next(pattern.hits(text), None) if pattern is not None else None
    if hit is None:
        return
    found.unfinished = True
    if len(found.matches) < limit:
        found.matches.append(_match(text, 0, hit.start, hit.end, found.counted))
    elif found.next is None:
        found.next = found.counted


def _line_starts(data: bytes) -> npt.NDArray[np.int64]:
    """Return where each line begins, and the end."""
    import numpy as np

    ends: npt.NDArray[np.int64] = np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1
    return np.concatenate((np.zeros(1, np.int64), ends))


def _match(text: str, line_start: int, start: int, end: int, place: Place) -> Match:
    line_end = text.find("\n", line_start)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    return Match(place.offset, place.line, line[:_TEXT_CHARACTERS], _utf16(line[:start]), _utf16(line[:end]))


def _utf16(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
