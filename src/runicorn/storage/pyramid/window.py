"""What a window needs of a metric's buckets: which of them, which bytes of the file besides, what comes of both. Pure.

Buckets that lie in the window are taken as they are. Those at its edges are cut exactly, by the points in them, which
are read from the file; and where the window holds few buckets, all of its points are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from runicorn.model import Axis
from runicorn.storage.columns import Ints, select, union
from runicorn.storage.pyramid.levels import (
    BUCKET,
    FACTOR,
    Points,
    Rows,
    are_sorted,
    changes,
    follow,
    merged,
    no_points,
    rows_of,
    stacked,
    together,
)

# Ranges of a file that lie so near to each other are read as one.
_GAP_BYTES = 16 * 2**10


class Span(NamedTuple):
    """A window over one run. low, high: included, in what `axis` counts; None for no end. origin: the run's start in
    unix seconds, which Axis.RELATIVE counts from. buckets: about how many are wanted.
    """

    axis: Axis
    low: float | None
    high: float | None
    origin: float
    buckets: int

    @property
    def name(self) -> str:
        return "step" if self.axis is Axis.STEP else "time"

    def of(self, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return steps or times as the axis counts them."""
        return column - self.origin if self.axis is Axis.RELATIVE else column

    def x(self, points: Points) -> npt.NDArray[Any]:
        return self.of(points.step if self.axis is Axis.STEP else points.time)

    def cut(self, points: Points) -> Points:
        """Return the points in the window."""
        return points.select(select(self.x(points), self.low, self.high))


@dataclass(frozen=True)
class Part:
    """What one record file has of a metric in a window: buckets, or all of the points."""

    rows: Rows | None
    points: Points | None = None

    def bucketed(self, span: Span) -> Rows:
        if self.rows is not None:
            return self.rows
        assert self.points is not None
        return _bucketed(self.points, span)


@dataclass(frozen=True)
class Choice:
    """Buckets of a metric that lie in a window, or partly so, in file order.

    index: where each lies among the smallest ones. edges: which of them lie partly in the window. unit: how many of the
    smallest ones a bucket stands for at most. open: the points in the window that are in no bucket yet. fine: whether
    there are so few that all of their points are wanted.
    """

    span: Span
    rows: Rows
    index: Ints
    edges: Ints
    unit: int
    open: Points
    fine: bool

    def coarse(self) -> Choice:
        """Return the same without a wish for points but at the edges."""
        return replace(self, fine=False)

    @property
    def wanted(self) -> Rows:
        """The buckets whose points are needed."""
        return self.rows if self.fine else self.rows.take(self.edges)

    @property
    def is_whole(self) -> bool:
        """Whether nothing has to be read for it."""
        return not self.fine and not len(self.edges)

    def finish(self, read: Points) -> Part:
        """Return what the file has in the window. read: the metric's points in the bytes of `wanted`, in file order.

        A bucket whose points are not among them, as the file is damaged there or another one by now, is taken whole.
        """
        return self._finished if self.is_whole else self._finish(read)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes, the smallest buckets of the file aside."""
        made: Part | None = self.__dict__.get("_finished")
        copies = [each.rows for each in (made, self if self.unit > 1 else None) if each is not None]
        return self.index.nbytes + self.open.size_bytes + sum(rows.nbytes for rows in copies if rows is not None)

    @functools.cached_property
    def _finished(self) -> Part:
        part = self._finish(no_points())
        if part.rows is not None:
            part.rows.flags.writeable = False  # everybody who asks gets the same
        return part

    def _finish(self, read: Points) -> Part:
        wanted = self.wanted
        points, number, found = _points_of(wanted, read)
        if self.fine and found.all():
            return Part(None, self.span.cut(together([points, self.open])))
        size = self._size()
        position = np.arange(len(self.rows)) if self.fine else self.edges
        rows, index, are_merged = self._without(position[found], size)
        chosen = _chosen(self.span, points)
        points, number = points.select(chosen), number[chosen]
        cut, places = [], []
        if points.size:
            starts = np.concatenate(([0], changes(number)))
            cut.append(rows_of(points, starts))
            places.append(self.index[position[number[starts]]])
        if self.open.size:
            cut.append(rows_of(self.open, np.array([0])))
            places.append(np.array([self._end]))
        if are_merged and not cut:
            return Part(rows)
        least = min((int(place[0]) for place in places), default=0)
        index = np.concatenate([index, *places])
        rows = stacked([rows, *cut])
        if (index[1:] < index[:-1]).any():  # else no copy is taken
            order = np.argsort(index, kind="stable")
            rows, index = rows.take(order), index[order]
        # What lies before all that came stays as it is, which is everything where a run grows at its end.
        same = int(np.searchsorted(index // size, least // size)) if are_merged else 0
        return Part(stacked([rows[:same], self._merged(rows[same:], index[same:], size)[0]]))

    @property
    def _end(self) -> int:
        """The index of what is in no bucket yet."""
        return int(self.index[-1]) + self.unit if len(self.index) else 0

    def _size(self) -> int:
        """Return how many of the smallest buckets become one."""
        count = self._end - int(self.index[0]) + 1 if len(self.index) else 1
        return -(-count // (2 * self.span.buckets * self.unit)) * self.unit

    def _without(self, dropped: Ints, size: int) -> tuple[Rows, Ints, bool]:
        """Return all buckets but some, and their index; and whether they are merged, as where these lie at the ends.

        That takes no copy of the many for the sake of the few.
        """
        begin, end = 0, len(self.rows)
        if len(dropped) and dropped[0] == 0:
            begin, dropped = 1, dropped[1:]
        if len(dropped) and dropped[-1] == end - 1:
            end, dropped = end - 1, dropped[:-1]
        rows, index = self.rows[begin:end], self.index[begin:end]
        if not len(dropped):
            return *self._merged(rows, index, size), True
        kept = np.delete(np.arange(len(rows)), dropped - begin)
        return rows.take(kept), index[kept], False

    def _merged(self, rows: Rows, index: Ints, size: int) -> tuple[Rows, Ints]:
        """Return the buckets that these become, each up to `size`, and where these begin."""
        if not len(rows):
            return rows, index
        starts = np.concatenate(([0], changes(index // size)))
        starts = _parted(starts, np.flatnonzero(~follow(rows, self.span.name)) + 1, self.span)
        return (merged(rows, starts), index[starts]) if len(starts) < len(rows) else (rows, index)


def choose(rows: Rows, levels: Sequence[Rows], points: Points, span: Span) -> Choice:
    """Return what a window needs of a metric. rows: all of its buckets; levels: those above; points: in none yet."""
    end = len(rows)
    points = span.cut(points)
    if span.low is None and span.high is None:
        return _stretch(rows, levels, points, span, 0, end, np.empty(0, np.int64))
    low, high = (-np.inf if span.low is None else span.low), (np.inf if span.high is None else span.high)
    least, greatest = span.of(rows[f"{span.name}_low"]), span.of(rows[f"{span.name}_high"])
    if are_sorted(rows, span.name):
        begin, end = int(np.searchsorted(greatest, low, "left")), int(np.searchsorted(least, high, "right"))
        end = max(begin, end)
        partly = (least[begin:end] < low) | (greatest[begin:end] > high)
        return _stretch(rows, levels, points, span, begin, end, np.flatnonzero(partly) + begin)
    # Whatever is not proven to lie outside, or inside, as where a time is NaN.
    chosen = np.flatnonzero(~((greatest < low) | (least > high)))
    inside = (least[chosen] >= low) & (greatest[chosen] <= high)
    fine = 2 * len(chosen) < span.buckets
    return Choice(span, rows.take(chosen), np.arange(len(chosen)), np.flatnonzero(~inside), 1, points, fine)


def ranges(wanted: Iterable[Rows]) -> list[tuple[int, int]]:
    """Return the parts of a file, from byte to byte, that hold all points of these buckets."""
    parts = list(wanted)
    starts = np.concatenate([np.empty(0, np.int64), *(part["start"] for part in parts)])
    ends = np.concatenate([np.empty(0, np.int64), *(part["end"] for part in parts)])
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    gaps = np.flatnonzero(starts[1:] > ends[:-1] + _GAP_BYTES) + 1
    first = np.concatenate(([0], gaps))[: len(starts)]
    last = np.concatenate((gaps, [len(ends)]))[: len(starts)] - 1
    return list(zip(starts[first].tolist(), ends[last].tolist(), strict=True))


def joined(parts: Sequence[Part], span: Span) -> Rows:
    """Return the buckets of one metric from all who wrote it.

    Of several writers: ordered by where they begin; where points are merged, each bucket of the one with the most of
    them takes in those of the others that begin in it, so that two may overlap by as much as one of these. `metric`,
    `start` and `end` say nothing then.
    """
    parts = [part for part in parts if len(part.rows if part.rows is not None else part.points.value)]  # type: ignore[union-attr]
    if len(parts) < 2:
        return parts[0].bucketed(span) if parts else np.empty(0, BUCKET)
    points = [part.points for part in parts if part.points is not None]
    if len(points) == len(parts):
        all_points = together(points)
        return _bucketed(all_points.select(np.argsort(span.x(all_points), kind="stable")), span)
    bucketed = [part.bucketed(span) for part in parts]
    return _in_cells(bucketed, span.name)


def _stretch(
    rows: Rows, levels: Sequence[Rows], points: Points, span: Span, begin: int, end: int, edges: Ints
) -> Choice:
    """Choose the buckets from `begin` to `end`, the inner ones from a level above where there are many."""
    height = 0
    while height < len(levels) and (end - begin) // (2 * span.buckets) >= FACTOR ** (height + 1):
        height += 1
    unit = FACTOR**height
    first, last = -(-(begin + 1) // unit) * unit, (end - 1) // unit * unit
    if not height or first >= last:
        fine = 2 * (end - begin) < span.buckets
        return Choice(span, rows[begin:end], np.arange(begin, end), edges - begin, 1, points, fine)
    inner = levels[height - 1][first // unit : last // unit]
    index = np.concatenate([np.arange(begin, first), np.arange(first, last, unit), np.arange(last, end)])
    chosen = stacked([rows[begin:first], inner, rows[last:end]])
    return Choice(span, chosen, index, np.searchsorted(index, edges), unit, points, False)


def _points_of(wanted: Rows, read: Points) -> tuple[Points, Ints, npt.NDArray[np.bool_]]:
    """Return the points of these buckets, the number of the bucket of each, and which buckets were found whole."""
    if not len(wanted):
        return read.select(slice(0, 0)), np.empty(0, np.int64), np.empty(0, bool)
    number = np.searchsorted(wanted["start"], read.at, "right") - 1
    inside = (number >= 0) & (read.at < wanted["end"][number])
    points, number = read.select(inside), number[inside]
    counts = np.bincount(number, minlength=len(wanted))
    found = counts == wanted["count"]
    behind = np.cumsum(counts)
    for side, place in (("first", behind - counts), ("last", behind - 1)):
        if points.size:  # of a bucket that was not found, any
            at = np.minimum(np.maximum(place, 0), points.size - 1)
            found &= points.step[at] == wanted[f"step_{side}"]
            found &= points.time[at].view("<i8") == wanted[f"time_{side}"].view("<i8")
    whole = found[number]
    return points.select(whole), number[whole], found


def _chosen(span: Span, points: Points) -> npt.NDArray[np.bool_]:
    if span.low is None and span.high is None:
        return np.ones(points.size, bool)
    low, high = (-np.inf if span.low is None else span.low), (np.inf if span.high is None else span.high)
    x = span.x(points)
    return np.asarray((x >= low) & (x <= high))  # no NaN


def _bucketed(points: Points, span: Span) -> Rows:
    if not points.size:
        return np.empty(0, BUCKET)
    size = -(-points.size // (2 * span.buckets))
    x = span.x(points)
    starts = np.arange(0, points.size, size)
    return rows_of(points, _parted(starts, np.flatnonzero(~(x[1:] >= x[:-1])) + 1, span))


def _parted(starts: Ints, back: Ints, span: Span) -> Ints:
    """Let buckets begin as well where x goes back, as it does where a run was resumed, unless it always does."""
    return union(starts, back) if len(back) and 2 * len(back) <= span.buckets else starts


def _in_cells(parts: Sequence[Rows], name: str) -> Rows:
    finest = max(parts, key=len)
    rows = stacked(parts)
    first, last = rows[f"{name}_first"], rows[f"{name}_last"]
    cell = np.searchsorted(np.sort(finest[f"{name}_first"]), first, "right")
    order = np.lexsort((first, cell))
    starts = np.concatenate(([0], changes(cell[order])))
    found = merged(rows.take(order), starts)
    latest = rows.take(np.lexsort((last, cell))[np.append(starts[1:], len(rows)) - 1])
    for field in ("last", "step_last", "time_last"):
        found[field] = latest[field]
    return found
