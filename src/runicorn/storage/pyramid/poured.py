"""Buckets of a long file that holds one metric only, made of each piece as it is read, with nothing kept in between.

That is how most long files are; of any other one, what is made here ends where that is no longer so, and the rest is
read. It takes less time than reading it in ranges: see docs/decisions/pyramids.md.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from runicorn.storage.columns import RECORD_DTYPE, Ints
from runicorn.storage.files import Condensed, Condensing, Files
from runicorn.storage.growing import FILE_MARK_BYTES
from runicorn.storage.pyramid.condensed import packed_points
from runicorn.storage.pyramid.levels import AT_ONCE, Rows, points_of_row, rows_of
from runicorn.storage.records import MARK_BYTES, RECORD_BYTES


def condense(files: Files, wish: Condensing) -> Condensed | None:
    """Return what is made of the beginning of a file; None where it cannot be read, or is to be read in another way."""
    stretch = _Stretch(wish.points)
    try:
        files.pour(wish.path, _sizes(wish), stretch.take)
    except OSError:  # whoever reads it then is told why
        return None
    return stretch.made()


def _sizes(wish: Condensing) -> Iterator[int]:
    """Yield how long each piece is: all but the last hold whole buckets, and the first one only tells if to go on."""
    first, left = wish.points * RECORD_BYTES, wish.size_bytes
    for size in itertools.chain([first], itertools.repeat(max(1, AT_ONCE // wish.points) * first)):
        if left <= 0:
            return
        yield min(size, left)
        left -= size


class _Made(NamedTuple):
    """What a piece gave. end: the byte behind its records; anchor: those before that; rest: points that fill none."""

    rows: Rows
    rest: bytes
    end: int
    anchor: bytes


class _Stretch:
    """Takes in the pieces of one file. points: how many make a bucket; of each piece but the last, all are in one."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._start = b""  # of the first record: its mark and its metric
        self._head = b""
        # The last record of a piece may have been cut short by what follows it, so it is waited for.
        self._last: _Made | None = None
        self._made: list[_Made] = []

    def take(self, data: memoryview) -> bool:
        """Take in the next piece; tell whether to go on."""
        if len(data) >= len(MARK_BYTES) and data[: len(MARK_BYTES)] != MARK_BYTES:
            self._last = None
            return False
        self._settle()
        count = len(data) // RECORD_BYTES
        behind = data[count * RECORD_BYTES :][: len(MARK_BYTES)]
        if not count:
            return False
        if not self._are_alike(data, count):
            if len(self._made) == 1:  # how large buckets are is decided by more than the first piece
                self._made.clear()
            return False
        if len(behind) == len(MARK_BYTES) and behind != MARK_BYTES:
            return False
        self._last = self._of(data, count)
        return True

    def made(self) -> Condensed | None:
        """Return what came of all pieces, once there are no more; None where nothing did."""
        self._settle()
        if not self._made:
            return None
        last = self._made[-1]
        rows = b"".join([part.rows.tobytes() for part in self._made])
        return Condensed(last.end, self._head, last.anchor, self._points, rows, last.rest)

    def _settle(self) -> None:
        if self._last is not None:
            self._made.append(self._last)
            self._last = None

    def _are_alike(self, data: memoryview, count: int) -> bool:
        """Tell whether all records are of the metric of the first one, each with its mark."""
        words = np.frombuffer(data, "<u8", count * (RECORD_BYTES // 8))[:: RECORD_BYTES // 8]
        if not self._start:
            self._start, self._head = bytes(data[:8]), bytes(data[: min(FILE_MARK_BYTES, count * RECORD_BYTES)])
        word = np.frombuffer(self._start, "<u8")[0]
        return bool(words[-1] == word and (words == word).all())

    def _of(self, data: memoryview, count: int) -> _Made:
        begin = self._made[-1].end if self._made else 0
        whole = count // self._points * self._points
        points = points_of_row(data, 0, count)
        rows = rows_of(points.select(slice(0, whole)), _starts(whole, self._points))
        for side in ("start", "end"):
            rows[side] += begin
        end = count * RECORD_BYTES
        anchor = (self._made[-1].anchor if self._made else b"") + bytes(data[max(0, end - FILE_MARK_BYTES) : end])
        rest = packed_points(np.frombuffer(data, RECORD_DTYPE, count)[whole:], begin + whole * RECORD_BYTES)
        return _Made(rows, rest, begin + end, anchor[-FILE_MARK_BYTES:])


@functools.lru_cache(4)
def _starts(whole: int, points: int) -> Ints:
    """Return where each bucket of a piece begins."""
    starts = np.arange(0, whole, points, dtype=np.int64)
    starts.flags.writeable = False
    return starts
