"""Columns of points: unpack them from records, keep them per metric, thin them out. The only module with numpy.

Loading numpy takes 40 ms and more, so import this file where it is needed, not before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from runicorn.model import MetricStats, number_to_json
from runicorn.storage import records

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RECORD_DTYPE = np.dtype([("mark", "<u4"), ("metric", "<u4"), ("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
POINT_DTYPE = np.dtype([("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
_STATS_DTYPE = np.dtype(
    [("count", "<i8"), ("last", "<f8"), ("low", "<f8"), ("high", "<f8"), ("step", "<i8"), ("time", "<f8")]
)
_WORDS = records.RECORD_BYTES // 8
_FIRST_LOOK = 64
_EXACT = 2**53  # up to it, floats have all whole numbers
# What three small arrays take besides what is in them, measured with tracemalloc.
_OBJECTS_BYTES = 700


@dataclass(frozen=True)
class Columns:
    """The points of one metric in file order."""

    step: Ints
    time: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.value)

    def select(self, chosen: Any) -> Columns:
        return Columns(self.step[chosen], self.time[chosen], self.value[chosen])

    def copy(self) -> Columns:
        return Columns(self.step.copy(), self.time.copy(), self.value.copy())


@dataclass(frozen=True)
class Thinned:
    """A drawable line: x and y of chosen points, and the true extremes around each of them.

    low and high are None where every point was chosen.
    """

    x: npt.NDArray[Any]
    y: Floats
    low: Floats | None
    high: Floats | None


def count_marked(data: bytes, start: int) -> int:
    """Return how many marked records follow each other: records.count_marked, for millions of them."""
    return MarkedCounter()(data, start)


class MarkedCounter:
    """count_marked(), which remembers where it last found records of one metric only.

    alike: their first byte, how many they are, and the metric's number; None where they are of several.
    """

    alike: tuple[int, int, int] | None = None

    def __call__(self, data: bytes, start: int) -> int:
        self.alike = None
        limit = (len(data) - start) // records.RECORD_BYTES
        if limit <= 0:
            return 0
        rows = np.frombuffer(data, RECORD_DTYPE, limit, start)
        marks = rows["mark"]
        if marks[0] == records.MARK:
            # Mark and metric at once, which takes a third of what both take.
            heads = np.frombuffer(data, "<u8", limit * _WORDS, start)[::_WORDS]
            if heads[-1] == heads[0] and (heads == heads[0]).all():
                self.alike = start, limit, int(rows["metric"][0])
                return limit
        # Look at a few first: in damaged files, stretches are short and many.
        done, size = 0, _FIRST_LOOK
        while done < limit:
            bad = marks[done : done + size] != records.MARK
            if bad.any():
                return done + int(bad.argmax())
            done, size = done + size, size * 16
        return limit


def unpack(data: bytes) -> tuple[npt.NDArray[Any], int, int]:
    """Return the records in `data` as a structured array, how many were skipped, how many bytes are settled."""
    found = records.scan(data, count_marked)
    return rows_in(data, found), found.skipped, found.consumed


def rows_in(data: bytes, found: records.Scan) -> npt.NDArray[Any]:
    """Return the records that a scan of `data` found as a structured array."""
    parts = [np.frombuffer(data, RECORD_DTYPE, count, start) for start, count in found.spans]
    return parts[0] if len(parts) == 1 else joined_rows(parts) if parts else np.empty(0, RECORD_DTYPE)


def as_bytes(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows of several fields as rows of bytes, to be copied whole: field by field, numpy takes 20 times as long.

    To choose rows by their places, take() does the same; to choose them by a mask, nothing does but to look up places.
    """
    return rows.view(np.dtype((np.void, rows.itemsize)))


def joined_rows(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the rows of all parts, at least one, of several fields each, one after the other."""
    return np.concatenate([as_bytes(part) for part in parts]).view(parts[0].dtype)


def split(rows: npt.NDArray[Any], wanted: set[int] | None = None) -> Iterator[tuple[int, Columns]]:
    """Yield each metric's number with its points, in file order; only those of the `wanted` metrics, if given."""
    if wanted is not None and len(rows):
        rows = rows.take(np.flatnonzero(np.isin(rows["metric"], list(wanted))))
    if len(rows):
        yield from group(rows).each()


@dataclass(frozen=True)
class Grouped:
    """Points sorted by metric, in file order within each: those of numbers[i] lie at starts[i]:starts[i + 1]."""

    numbers: npt.NDArray[np.uint32]
    starts: Ints
    points: Columns

    def each(self) -> Iterator[tuple[int, Columns]]:
        """Yield each metric's number with its points, which are copies."""
        bounds = self.starts.tolist()
        for number, start, end in zip(self.numbers.tolist(), bounds, bounds[1:], strict=False):
            yield number, self.points.select(slice(start, end)).copy()

    def of(self, number: int) -> Columns | None:
        """Return the points of one metric, which are not to be changed; None where it has none."""
        at = int(np.searchsorted(self.numbers, number))
        if at == len(self.numbers) or int(self.numbers[at]) != number:
            return None
        return self.points.select(slice(int(self.starts[at]), int(self.starts[at + 1])))

    @property
    def counts(self) -> list[int]:
        counts: list[int] = np.diff(self.starts).tolist()
        return counts

    def without(self, dropped: Sequence[bool]) -> Grouped:
        """Return what is left without some of the metrics, as a copy. dropped: for each of the numbers."""
        kept, counts = ~np.array(dropped, bool), np.diff(self.starts)
        return Grouped(self.numbers[kept], _starts(counts[kept]), self.points.select(np.repeat(kept, counts)))

    @property
    def size_bytes(self) -> int:
        return 24 * len(self.points) + 12 * len(self.numbers) + _OBJECTS_BYTES


def group(rows: npt.NDArray[Any]) -> Grouped:
    """Return records, at least one, sorted by metric, as copies."""
    numbers = rows["metric"]
    if (numbers == numbers[0]).all():
        return Grouped(numbers[:1].copy(), _starts(np.array([len(rows)])), _columns(rows, slice(None)))
    if numbers.max() < 2**16:
        numbers = numbers.astype(np.uint16)  # sorted by radix, 4 times faster
    return _grouped(numbers, rows)


def regroup(parts: list[Grouped]) -> Grouped:
    """Return several groups, at least one, as one; the points of a metric in the order of the parts."""
    if len(parts) == 1:
        return parts[0]
    numbers = np.concatenate([np.repeat(part.numbers, np.diff(part.starts)) for part in parts])
    points = [np.concatenate(arrays) for arrays in zip(*(_arrays(part.points) for part in parts), strict=True)]
    return _grouped(numbers, dict(zip(("step", "time", "value"), points, strict=True)))


class GrowingStats:
    """Count, last, least and greatest value of every metric of a record file, however many there are."""

    def __init__(self) -> None:
        self._numbers = np.empty(0, np.uint32)
        self._rows = np.empty(0, _STATS_DTYPE)

    def add(self, more: Grouped) -> None:
        """Take in points that come after those that were."""
        new = _stats_of(more)
        if len(self._numbers) != len(more.numbers) or not np.array_equal(self._numbers, more.numbers):
            numbers = union(self._numbers, more.numbers)
            rows = np.zeros(len(numbers), _STATS_DTYPE)
            rows["low"] = rows["high"] = np.nan
            as_bytes(rows)[np.searchsorted(numbers, self._numbers)] = as_bytes(self._rows)
            self._numbers, self._rows = numbers, rows
        at = np.searchsorted(self._numbers, more.numbers)
        old = self._rows.take(at)
        new["count"] += old["count"]
        new["low"], new["high"] = np.fmin(old["low"], new["low"]), np.fmax(old["high"], new["high"])
        as_bytes(self._rows)[at] = as_bytes(new)

    def each(self) -> Iterator[tuple[int, MetricStats]]:
        """Yield each metric's number with its statistics."""
        for number, row in zip(self._numbers.tolist(), self._rows.tolist(), strict=True):
            count, last, low, high, step, moment = row
            seen = not math.isnan(low)
            yield number, MetricStats(count, last, low if seen else None, high if seen else None, step, moment)

    @property
    def size_bytes(self) -> int:
        return self._rows.nbytes + self._numbers.nbytes + _OBJECTS_BYTES


class GrowingColumns:
    """The points of one metric, appended to as a file grows; doubles its room, so that appending stays cheap.

    expected: how many there will be soon, about. Room for them takes memory as they come.
    """

    def __init__(self, begin: Sequence[Columns] = (), expected: int = 0) -> None:
        self._parts = Columns(np.empty(0, np.int64), np.empty(0), np.empty(0))
        self._length = 0
        self._expected = expected
        for each in begin:
            self.append(each)

    def append(self, more: Columns) -> None:
        end = self._length + len(more)
        if self._length == 0 and end >= self._expected:
            self._parts = more.copy()  # the bytes behind it can be let go of
        else:
            if end > len(self._parts):
                self._parts = _with_room(self._parts, self._length, max(2 * end if self._length else 0, self._expected))
            for ours, new in zip(_arrays(self._parts), _arrays(more), strict=True):
                ours[self._length : end] = new
        self._length = end

    def view(self) -> Columns:
        return self._parts.select(slice(0, self._length))

    @property
    def size_bytes(self) -> int:
        return 24 * len(self._parts) + _OBJECTS_BYTES


def merged_stats(stats: MetricStats | None, more: Columns) -> MetricStats:
    """Return the statistics of a metric with `more` points, at least one, after those it had."""
    low, high = float(np.fmin.reduce(more.value)), float(np.fmax.reduce(more.value))
    ours_low, ours_high = (stats.min, stats.max) if stats else (None, None)
    return MetricStats(
        count=(stats.count if stats else 0) + len(more),
        last=float(more.value[-1]),
        min=ours_low if np.isnan(low) else low if ours_low is None else min(low, ours_low),
        max=ours_high if np.isnan(high) else high if ours_high is None else max(high, ours_high),
        last_step=int(more.step[-1]),
        last_time=float(more.time[-1]),
    )


def joined(parts: list[Columns]) -> Columns:
    """Return the points of several writers in one order: by step, and as written within a step."""
    if len(parts) == 1:
        return parts[0]
    together = Columns(*(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True)))
    return together.select(np.argsort(together.step, kind="stable"))


def concatenated(parts: Sequence[Columns]) -> Columns | None:
    """Return the points of all parts, one after the other; None where there are no parts."""
    if len(parts) < 2:
        return parts[0] if parts else None
    return Columns(*(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True)))


def select(x: npt.NDArray[Any], low: float | None, high: float | None) -> Any:
    """Return what selects the points whose x lies from `low` to `high`, both included."""
    if low is None and high is None:
        return slice(None)
    low, high = -np.inf if low is None else low, np.inf if high is None else high
    if is_sorted(x):
        return slice(int(np.searchsorted(x, low, "left")), int(np.searchsorted(x, high, "right")))
    return np.flatnonzero((x >= low) & (x <= high))


def thin(x: npt.NDArray[Any], y: Floats, points: int) -> Thinned:
    """Return at most `points` points that draw the same line, the highest and the lowest among them.

    Chosen by MinMaxLTTB. NaN and infinities have no place in its geometry: they are thinned apart, and at most a
    quarter of the points are kept for them. The same input gives the same output.
    """
    if len(y) <= points:
        return Thinned(x, y, None, None)
    finite = np.isfinite(y)
    if finite.all():
        picks = _pick(x, y, points)
    else:
        odd = _thin_odd(y, np.flatnonzero(~finite), max(1, points // 4))
        even = np.flatnonzero(finite)
        picks = union(odd, even[_pick(x[even], y[even], points - len(odd))])
    # Each point speaks for those nearer to it than to its neighbours.
    edges = np.concatenate(([0], (picks[:-1] + picks[1:] + 1) // 2))
    return Thinned(x[picks], y[picks], np.fmin.reduceat(y, edges), np.fmax.reduceat(y, edges))


def plain(column: npt.NDArray[Any]) -> list[Any]:
    """Return a column as JSON numbers, NaN and infinities as strings."""
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        return [number_to_json(value) for value in values]
    return values


def plain_rows(rows: npt.NDArray[Any]) -> tuple[list[int], list[int], list[float], list[float]]:
    """Return records as four lists: metric, step, time, value."""
    return rows["metric"].tolist(), rows["step"].tolist(), rows["time"].tolist(), rows["value"].tolist()


def structured(step: Ints, time: Floats, value: Floats) -> npt.NDArray[Any]:
    """Return points as one array with the fields step, time and value."""
    points = np.empty(len(value), POINT_DTYPE)
    points["step"], points["time"], points["value"] = step, time, value
    return points


def together(parts: list[npt.NDArray[Any]], kind: str) -> npt.NDArray[Any]:
    """Return the parts as one array of a kind such as "f8"; an empty one where there are none."""
    return np.concatenate([np.empty(0, kind), *parts])


def union(*parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the different whole numbers in all parts, sorted. What numpy has for it loads its masked arrays, 30 ms."""
    numbers = np.sort(np.concatenate(parts))
    is_new = np.empty(len(numbers), bool)
    is_new[:1] = True
    np.not_equal(numbers[1:], numbers[:-1], out=is_new[1:])
    return numbers[is_new]


def is_sorted(x: npt.NDArray[Any]) -> bool:
    return bool((x[1:] >= x[:-1]).all())


def _pick(x: npt.NDArray[Any], y: Floats, points: int) -> Ints:
    """Return the indices of at most `points` finite points, in order, extremes included."""
    if len(y) <= points:
        return np.arange(len(y))
    extremes = np.array([y.argmin(), y.argmax()])
    if points < 5:  # too few for the sampler's own first and last point besides
        return union(extremes)[:points]
    wanted = points - len(extremes)
    from tsdownsample import MinMaxLTTBDownsampler  # 8 ms, and charts of the page do without

    sampler: Any = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
    # Buckets of equal width in x where x allows it (a resumed run goes back in steps), else of equal count.
    along = _distances(x)
    picked = sampler.downsample(y, n_out=wanted) if along is None else sampler.downsample(along, y, n_out=wanted)
    return union(picked.astype(np.int64), extremes)


def _distances(x: npt.NDArray[Any]) -> Floats | None:
    """Return how far each x lies from the first one; None where they go back, all are one, or floats do not reach.

    Not x itself: the sampler computes with whole numbers, too, and ends in a panic where the sum of two overflows.
    """
    if not is_sorted(x):
        return None
    along: Floats
    if x.dtype.kind == "i":
        first, last = int(x[0]), int(x[-1])
        if max(-first, last) <= _EXACT:
            # In one array: where several large ones come and go, the system is asked for their memory each time.
            along = np.subtract(x, first, dtype=np.float64)
        else:
            unsigned = x.view(np.uint64)
            along = (unsigned - unsigned[0]).astype(np.float64)  # modulo 2**64, which is right as none goes back
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            along = x - x[0]
    return along if 0 < along[-1] < np.inf else None


def _thin_odd(y: Floats, odd: Ints, room: int) -> Ints:
    """Return at most `room` of the indices `odd`, evenly, keeping one of each kind of value where there is room."""
    if len(odd) <= room:
        return odd
    kinds = [found[0] for test in (np.isnan(y[odd]), y[odd] > 0, y[odd] < 0) if len(found := odd[test])]
    even = odd[np.linspace(0, len(odd) - 1, max(1, room - len(kinds))).astype(np.int64)]
    return union(even, np.array(kinds))[:room]


def _starts(counts: Ints) -> Ints:
    return np.concatenate(([0], np.cumsum(counts)))


def _grouped(numbers: npt.NDArray[Any], rows: Any) -> Grouped:
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    first = np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1))
    starts = np.concatenate((first, [len(order)]))
    return Grouped(ordered[first].astype(np.uint32), starts, _columns(rows, order))


def _stats_of(grouped: Grouped) -> npt.NDArray[Any]:
    first, last, points = grouped.starts[:-1], grouped.starts[1:] - 1, grouped.points
    rows = np.empty(len(grouped.numbers), _STATS_DTYPE)
    rows["count"] = np.diff(grouped.starts)
    rows["low"], rows["high"] = np.fmin.reduceat(points.value, first), np.fmax.reduceat(points.value, first)
    rows["last"], rows["step"], rows["time"] = points.value[last], points.step[last], points.time[last]
    return rows


def _columns(rows: npt.NDArray[Any], chosen: Any) -> Columns:
    # np.array copies in any case, so that the bytes behind `rows` can be let go of.
    return Columns(*(np.array(rows[name][chosen]) for name in ("step", "time", "value")))


def _arrays(columns: Columns) -> tuple[npt.NDArray[Any], ...]:
    return columns.step, columns.time, columns.value


def _with_room(columns: Columns, used: int, room: int) -> Columns:
    grown = []
    for array in _arrays(columns):
        larger = np.empty(room, array.dtype)
        larger[:used] = array[:used]
        grown.append(larger)
    return Columns(*grown)
