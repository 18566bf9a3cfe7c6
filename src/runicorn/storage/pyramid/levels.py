"""Buckets of points: made of points, merged into larger ones. Pure; one of the three modules with numpy.

A bucket is a row of BUCKET, so that a million of them is one array.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from runicorn.storage.columns import RECORD_DTYPE, Floats, Ints, as_bytes, count_marked, joined_rows, rows_in
from runicorn.storage.records import RECORD_BYTES, Scan, scan

Rows = npt.NDArray[Any]

# count: of all points. nans, infs, minus_infs: how many of them are no finite numbers; low, high and total are those of
# the rest, low and high NaN where there is no rest. first, last: in file order, whatever they are. step_low, time_low
# and so on: the extremes, which are the first and last where the steps or times are sorted; NaN where a time is NaN.
# start, end: the bytes of the file from the first record of it to behind the last one.
BUCKET = np.dtype(
    [("metric", "<u4"), ("count", "<u4"), ("nans", "<u4"), ("infs", "<u4"), ("minus_infs", "<u4")]
    + [("steps_sorted", "?"), ("times_sorted", "?"), ("unused", "<u2")]
    + [(name, "<f8") for name in ("first", "last", "low", "high", "total")]
    + [(name, "<i8") for name in ("step_first", "step_last", "step_low", "step_high")]
    + [(name, "<f8") for name in ("time_first", "time_last", "time_low", "time_high")]
    + [("start", "<i8"), ("end", "<i8")]
)
# How many buckets make one of the level above.
FACTOR = 8
# How many records are worked on at a time: what a local disk gives at once, which stays in a processor's cache. Half as
# many take a tenth more time, twice as many a third.
AT_ONCE = 131_072
# Fewer are merged as fast as the levels above them are looked up.
WORTH_LEVELS = 16_384


class Points(NamedTuple):
    """Points of several metrics, each with the byte of the file at which its record begins."""

    metric: npt.NDArray[np.uint32]
    step: Ints
    time: Floats
    value: Floats
    at: Ints

    def select(self, chosen: Any) -> Points:
        return Points(*(column[chosen] for column in self))

    @property
    def size(self) -> int:
        return len(self.value)

    @property
    def size_bytes(self) -> int:
        return sum(column.nbytes for column in self)


# How the columns of Points lie in a cache file.
POINT_KINDS = ("<u4", "<i8", "<f8", "<f8", "<i8")


def no_points() -> Points:
    return Points(*(np.empty(0, kind) for kind in POINT_KINDS))


def together(parts: Sequence[Points]) -> Points:
    """Return the points of all parts, one after the other."""
    parts = [part for part in parts if part.size]
    if len(parts) < 2:
        return parts[0] if parts else no_points()
    return Points(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def points_in(data: bytes, start: int, found: Scan) -> Points:
    """Return the points that a scan of `data` found, which lies at byte `start` of its file: views, where it can be."""
    rows = rows_in(data, found)
    # Of 64 bits, which is not what numpy 1 takes on Windows.
    spans = [
        np.arange(start + at, start + at + count * RECORD_BYTES, RECORD_BYTES, dtype=np.int64)
        for at, count in found.spans
    ]
    at = spans[0] if len(spans) == 1 else np.concatenate([np.empty(0, np.int64), *spans])
    return Points(rows["metric"], rows["step"], rows["time"], rows["value"], at)


def points_of_row(data: bytes | memoryview, at: int, count: int) -> Points:
    """Return the points of at most AT_ONCE records that follow each other from byte `at` on: views.

    Their places are counted from the first one.
    """
    rows = np.frombuffer(data, RECORD_DTYPE, count, at)
    return Points(rows["metric"], rows["step"], rows["time"], rows["value"], _places()[:count])


def moved(points: Points, by: int) -> Points:
    """Return copies of points whose places are so many bytes further on."""
    return copied(points)._replace(at=points.at + by)


def copied(points: Points) -> Points:
    """Return points that hold on to nothing else."""
    return Points(*(column.copy() for column in points))


def by_metric(points: Points) -> tuple[Points, Ints]:
    """Return points sorted by metric, in file order within each, and where each metric begins, and where all end."""
    numbers = points.metric
    if not points.size or (numbers == numbers[0]).all():
        return points, np.array([0, points.size][: 1 + (points.size > 0)])
    if numbers.max() < 2**16:
        numbers = numbers.astype(np.uint16)  # sorted by radix, 4 times faster
    ordered = points.select(np.argsort(numbers, kind="stable"))
    return ordered, np.concatenate(([0], changes(ordered.metric), [points.size]))


def points_by_metric(pieces: Sequence[tuple[int, bytes]]) -> Points:
    """Return the points in pieces of a file, sorted by metric, in file order within each. pieces: (start, bytes)."""
    return by_metric(together([points_in(data, start, scan(data, count_marked)) for start, data in pieces]))[0]


def of_metric(points: Points, number: int) -> Points:
    """Return those of one metric. points: sorted by metric."""
    begin, end = np.searchsorted(points.metric, [number, number + 1])
    return points.select(slice(int(begin), int(end)))


def condensed(points: Points, starts: Ints, size: int) -> tuple[Rows, Points]:
    """Return a bucket for each `size` points of a metric, and the points that are left over.

    points, starts: see by_metric().
    """
    counts = np.diff(starts)
    whole = counts // size * size
    if not whole.any():
        return np.empty(0, BUCKET), points
    if len(counts) == 1:
        end = int(whole[0])
        return rows_of(points.select(slice(0, end)), np.arange(0, end, size)), points.select(slice(end, None))
    place = np.arange(points.size) - np.repeat(starts[:-1], counts)
    inside = place < np.repeat(whole, counts)
    return rows_of(points.select(inside), np.arange(0, int(whole.sum()), size)), points.select(~inside)


def rows_of(points: Points, starts: Ints) -> Rows:
    """Return the buckets that begin at `starts`, sorted; each ends where the next one begins, and none is empty."""
    if len(starts) == points.size:
        return rows_of_each(points)
    rows = np.zeros(len(starts), BUCKET)
    ends = np.append(starts[1:], points.size) - 1
    value = np.ascontiguousarray(points.value)
    rows["metric"], rows["count"] = points.metric[starts], ends + 1 - starts
    rows["first"], rows["last"] = value[starts], value[ends]
    rows["start"], rows["end"] = points.at[starts], points.at[ends] + RECORD_BYTES
    with np.errstate(over="ignore", invalid="ignore"):
        rows["total"] = np.add.reduceat(value, starts)
        if not np.isfinite(rows["total"]).all():
            value = _odd_apart(rows, value, starts)
        rows["low"], rows["high"] = np.fmin.reduceat(value, starts), np.fmax.reduceat(value, starts)
    for name, x in (("step", points.step), ("time", points.time)):
        rows[f"{name}_first"], rows[f"{name}_last"] = x[starts], x[ends]
        rows[f"{name}s_sorted"], low, high = _extent(x, starts, ends)
        rows[f"{name}_low"], rows[f"{name}_high"] = low, high
    return rows


def rows_of_each(points: Points) -> Rows:
    """Return each point as a bucket."""
    rows = np.zeros(points.size, BUCKET)
    value = points.value
    rows["metric"], rows["count"] = points.metric, 1
    for name in ("first", "last", "low", "high", "total"):
        rows[name] = value
    finite = np.isfinite(value)
    if not finite.all():
        rows["nans"], rows["infs"], rows["minus_infs"] = np.isnan(value), value == np.inf, value == -np.inf
        rows["low"][~finite] = rows["high"][~finite] = np.nan
        rows["total"][~finite] = 0.0
    for side in ("first", "last", "low", "high"):
        rows[f"step_{side}"], rows[f"time_{side}"] = points.step, points.time
    rows["steps_sorted"], rows["times_sorted"] = True, ~np.isnan(points.time)
    rows["start"], rows["end"] = points.at, points.at + RECORD_BYTES
    return rows


def stacked(parts: Sequence[Rows]) -> Rows:
    """Return the buckets of all parts, one after the other, at least one part."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    return parts[0] if len(parts) == 1 else joined_rows(parts)


def merged(rows: Rows, starts: Ints) -> Rows:
    """Return larger buckets, which begin at these places among the rows, sorted, and none is empty."""
    found = np.zeros(len(starts), BUCKET)
    if not len(starts):
        return found
    ends = np.append(starts[1:], len(rows)) - 1
    for name in ("metric", "first", "step_first", "time_first", "start"):
        found[name] = rows[name][starts]
    for name in ("last", "step_last", "time_last", "end"):
        found[name] = rows[name][ends]
    for name in ("count", "nans", "infs", "minus_infs"):
        if rows[name].any():
            found[name] = np.add.reduceat(rows[name], starts)
    with np.errstate(over="ignore", invalid="ignore"):
        found["total"] = np.add.reduceat(rows["total"], starts)
        found["low"], found["high"] = np.fmin.reduceat(rows["low"], starts), np.fmax.reduceat(rows["high"], starts)
    for name in ("step", "time"):
        onward = rows[f"{name}s_sorted"].copy()
        onward[1:] &= follow(rows, name)
        onward[starts] = rows[f"{name}s_sorted"][starts]  # whatever lay before a bucket
        if onward.all():
            found[f"{name}s_sorted"] = True
            found[f"{name}_low"], found[f"{name}_high"] = found[f"{name}_first"], found[f"{name}_last"]
        else:
            found[f"{name}s_sorted"] = np.logical_and.reduceat(onward, starts)
            found[f"{name}_low"] = np.minimum.reduceat(rows[f"{name}_low"], starts)
            found[f"{name}_high"] = np.maximum.reduceat(rows[f"{name}_high"], starts)
    return found


def follow(rows: Rows, name: str) -> npt.NDArray[np.bool_]:
    """Tell of each bucket but the first whether its steps (name: step, or time) go on where those before it ended."""
    return np.asarray(rows[f"{name}_first"][1:] >= rows[f"{name}_last"][:-1])


def are_sorted(rows: Rows, name: str) -> bool:
    """Tell whether steps or times never go back, within buckets and from one to the next."""
    return bool(rows[f"{name}s_sorted"].all() and follow(rows, name).all())


def changes(values: npt.NDArray[Any]) -> Ints:
    """Return where a value differs from the one before it."""
    return np.flatnonzero(values[1:] != values[:-1]) + 1


def levels_above(rows: Rows, known: Sequence[Rows] = ()) -> list[Rows]:
    """Return the levels above the buckets of one metric, lowest first: only whole groups of FACTOR; none where few are.

    known: what this returned when there were fewer.
    """
    levels: list[Rows] = []
    while len(rows) >= WORTH_LEVELS:
        old = known[len(levels)] if len(levels) < len(known) else np.empty(0, BUCKET)
        new = rows[len(old) * FACTOR : len(rows) // FACTOR * FACTOR]
        rows = stacked([old, merged(new, np.arange(0, len(new), FACTOR))])
        levels.append(rows)
    return levels


class GrowingRows:
    """Buckets in the order in which they became whole, put together when they are looked at; then there is room
    for some more, so that a file that grows is not copied each time.
    """

    def __init__(self, rows: Rows | None = None) -> None:
        self._rows = np.empty(0, BUCKET) if rows is None else rows
        self._length = len(self._rows)
        self._more: list[Rows] = []

    def reserve(self, length: int) -> None:
        """Make room for so many at first, where there are none yet. It takes memory as they come."""
        if not self._length and not self._more:
            self._rows = np.empty(length, BUCKET)

    def append(self, more: Rows) -> None:
        if not len(more):
            return
        end = self._length + len(more)
        if not self._more and end <= len(self._rows):
            as_bytes(self._rows)[self._length : end] = as_bytes(more)
            self._length = end
        else:
            self._more.append(more)

    def view(self) -> Rows:
        if self._more:
            end = self._length + sum(map(len, self._more))
            if end > len(self._rows):
                larger = np.empty(end + self._length // 8, BUCKET)
                as_bytes(larger)[: self._length] = as_bytes(self._rows)[: self._length]
                self._rows = larger
            for more in self._more:
                as_bytes(self._rows)[self._length : self._length + len(more)] = as_bytes(more)
                self._length += len(more)
            self._more = []
        return self._rows[: self._length]

    @property
    def size_bytes(self) -> int:
        return self._rows.nbytes + sum(more.nbytes for more in list(self._more))


def from_parts(parts: Iterable[bytes | memoryview]) -> Points:
    """Return points from the bytes of their columns."""
    return Points(*(np.frombuffer(part, kind) for part, kind in zip(parts, POINT_KINDS, strict=True)))


@functools.cache
def _places() -> Ints:
    """Return the byte at which each of AT_ONCE records begins. Making them anew takes longer than their values do."""
    places = np.arange(0, AT_ONCE * RECORD_BYTES, RECORD_BYTES, dtype=np.int64)
    places.flags.writeable = False
    return places


def _odd_apart(rows: Rows, value: Floats, starts: Ints) -> Floats:
    """Count what is not finite, set the totals without it, and return the values with NaN in its place."""
    finite = np.isfinite(value)
    for name, odd in (("nans", np.isnan(value)), ("infs", value == np.inf), ("minus_infs", value == -np.inf)):
        rows[name] = np.add.reduceat(odd, starts, dtype=np.int64)
    rows["total"] = np.add.reduceat(np.where(finite, value, 0.0), starts)
    return np.where(finite, value, np.nan)


def _extent(x: npt.NDArray[Any], starts: Ints, ends: Ints) -> tuple[Any, Any, Any]:
    """Return of each bucket whether its x never goes back, and its least and greatest x."""
    onward = np.empty(len(x), bool)
    onward[0] = x[0] == x[0]  # not NaN
    np.greater_equal(x[1:], x[:-1], out=onward[1:])
    if onward.all():
        return True, x[starts], x[ends]
    onward[starts] = x[starts] == x[starts]
    return np.logical_and.reduceat(onward, starts), np.minimum.reduceat(x, starts), np.maximum.reduceat(x, starts)
