"""The pyramid of one record file: grows with what is settled of the file, and goes to disk and back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from runicorn.model import MetricStats
from runicorn.storage.files import Condensed, Condensing, CondensingRule, FileStat
from runicorn.storage.growing import Marks
from runicorn.storage.pyramid.answers import Summary
from runicorn.storage.records import RECORD_BYTES, Scan
from runicorn.storage.tail import Piece, RecordTail, TailState

if TYPE_CHECKING:
    from runicorn.storage.pyramid.levels import GrowingRows, Points, Rows
    from runicorn.storage.pyramid.window import Choice, Span

# How many points make one of the smallest buckets, of 144 bytes. A window that holds few of them is read from the file,
# and the more metrics take turns in it, the more bytes that takes: so where many do, buckets are smaller.
BUCKET_POINTS = 256
BUCKET_POINTS_OF_MANY = 64
_MANY = 8
# Of a short file, buckets are small as well: a hundred runs of 50,000 points would be read whole for a chart each time.
# Of a long one they are large, so that those of a hundred such files take 30 MB.
SHORT_BYTES = 200_000 * RECORD_BYTES
LONG_BYTES = 800_000 * RECORD_BYTES
BUCKET_POINTS_OF_LONG = 512
# From so many records on, those of one metric are worked on as they lie in what was read.
_WORTH_ALONE = 4096
# Less is read as fast as it is condensed.
WORTH_CONDENSING_BYTES = 256 * 1024
# More is not condensed before somebody asks for it: a tenth of a second over there for 10 MB.
_MOST_FORESEEN_BYTES = 64 * 2**20
# So many buckets find room before they come, where a file's length says so: 9 MiB.
_MOST_RESERVED = 65_536
# Measured with tracemalloc: a name's place in a list; the objects of a table.
_NAME_BYTES = 32
_TABLE_BYTES = 6000


class Chosen(NamedTuple):
    """What a window needs of a metric, by its number, and where its last point lies, the window aside."""

    number: int
    choice: Choice
    last_step: int
    last_time: float


def _bucket_points(metrics: int, size_bytes: int) -> int:
    """Return how many points make a bucket of a file with so many metrics, which is so long when it is read first."""
    if metrics >= _MANY or size_bytes < SHORT_BYTES:
        return BUCKET_POINTS_OF_MANY
    return BUCKET_POINTS if size_bytes < LONG_BYTES else BUCKET_POINTS_OF_LONG


def foreseen_rule() -> CondensingRule:
    """Return what PyramidTable.wish() will say of files of any size."""
    steps = ((SHORT_BYTES, BUCKET_POINTS_OF_MANY), (LONG_BYTES, BUCKET_POINTS))
    last = (_MOST_FORESEEN_BYTES + 1, BUCKET_POINTS_OF_LONG)
    return CondensingRule(WORTH_CONDENSING_BYTES, _MOST_FORESEEN_BYTES, (*steps, last), BUCKET_POINTS_OF_MANY, _MANY)


class PyramidTable:
    """Buckets of all metrics of one record file, and the points at its end that fill none yet.

    Hold `lock` for every call.
    """

    def __init__(self, path: str) -> None:
        from runicorn.storage.columns import MarkedCounter

        self.lock = threading.Lock()
        self._counter = MarkedCounter()
        self.tail = RecordTail(path, count=self._counter)
        self.saved_offset = 0
        self._generation = 0
        self._forget()

    def _forget(self) -> None:
        from runicorn.storage.pyramid.levels import GrowingRows, no_points

        self._rows: GrowingRows = GrowingRows()
        self._open: Points = no_points()  # sorted by metric
        self._fresh: list[Points] = []  # in file order
        self._size_bytes = 0
        self._bucket_points, self._is_empty = BUCKET_POINTS, True
        self._order: tuple[Any, Any] | None = None  # of the buckets by metric, and their metrics in this order
        self._levels: dict[int, list[Rows]] = {}
        self._whole: dict[int, tuple[tuple[Any, ...], Choice]] = {}  # what was chosen of each metric without a window

    @property
    def offset(self) -> int:
        return self.tail.offset

    def take(self, piece: Piece | None, status: FileStat) -> bool:
        """Take in what was read last, None for nothing; tell whether to read on at once."""
        before, self._generation = self._generation, self.tail.generation
        if before != self._generation:
            self._forget()
            self.saved_offset = 0
        self._size_bytes = status.size_bytes
        if piece is not None:
            self._add(piece)
        return self.tail.is_behind(status) if piece is not None else before != self._generation

    def wish(self, status: FileStat) -> Condensing | None:
        """Return what to have made of the file where it lies, which has not been read yet; None where it is short."""
        size = status.size_bytes
        if self.tail.offset or self._fresh or size < WORTH_CONDENSING_BYTES:
            return None
        return Condensing(self.tail.path, size, _bucket_points(1, size), _bucket_points(_MANY, size), _MANY)

    def take_condensed(self, made: Condensed, status: FileStat) -> None:
        """Take in what was made of the file. Raises ValueError where it makes no sense; it is to be read then."""
        from runicorn.storage.pyramid.condensed import rows_and_points
        from runicorn.storage.pyramid.levels import GrowingRows

        rows, points = rows_and_points(made)
        self.tail.take_up(Marks(made.offset, made.head, made.anchor), status)
        self._forget()  # what was looked up while nothing was there yet
        self._generation, self._size_bytes = self.tail.generation, status.size_bytes
        self._rows, self._open = GrowingRows(rows), points
        self._bucket_points, self._is_empty = made.points, not len(rows)

    def choose(self, metrics: set[str], span: Span) -> Iterator[tuple[str, Chosen]]:
        """Yield by name what a window needs of these metrics; a name may come twice."""
        from runicorn.storage.pyramid.levels import of_metric

        self._settle()
        for metric, numbers in self.tail.names.numbers(metrics).items():
            for number in numbers:
                rows, points = self._rows_of(number), of_metric(self._open, number)
                if points.size:
                    last_step, last_time = int(points.step[-1]), float(points.time[-1])
                elif len(rows):
                    last_step, last_time = int(rows["step_last"][-1]), float(rows["time_last"][-1])
                else:
                    continue
                yield metric, Chosen(number, self._choice(number, rows, points, span), last_step, last_time)

    def _choice(self, number: int, rows: Rows, points: Points, span: Span) -> Choice:
        """Return what a window needs of a metric; the same as last time where that was the same."""
        from runicorn.storage.pyramid.levels import levels_above
        from runicorn.storage.pyramid.window import choose

        asked = (self.offset, span.name, span.buckets)
        if span.low is None and span.high is None and (kept := self._whole.get(number)) and kept[0] == asked:
            return kept[1]
        levels = levels_above(rows, self._levels.get(number, ()))
        if levels:
            self._levels[number] = levels
        choice = choose(rows, levels, points, span)
        if span.low is None and span.high is None and choice.is_whole:
            self._whole[number] = asked, choice
        return choice

    def summaries(self) -> Iterator[tuple[str, Summary]]:
        """Yield each metric's name with what is known of all of it; a name may come twice."""
        import numpy as np

        from runicorn.storage.pyramid.levels import by_metric, changes, merged, rows_of, stacked

        self._settle()
        _, starts = by_metric(self._open)
        rows = stacked([self._rows.view(), rows_of(self._open, starts[:-1])])
        rows = rows[np.argsort(rows["metric"], kind="stable")]
        for row in merged(rows, np.concatenate(([0], changes(rows["metric"]))) if len(rows) else np.arange(0)):
            yield self.tail.names.name(int(row["metric"])), _summary(row)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes, about."""
        fresh = sum(points.size_bytes for points in list(self._fresh))
        levels = sum(level.nbytes for levels in list(self._levels.values()) for level in levels)
        order: int = sum(array.nbytes for array in self._order or ())
        names = _NAME_BYTES * len(self.tail.names) + sum(choice.size_bytes for _, choice in list(self._whole.values()))
        return self._rows.size_bytes + self._open.size_bytes + fresh + levels + order + names + _TABLE_BYTES

    def save(self) -> tuple[dict[str, Any], list[Any]]:
        """Return what load() needs: some plain values, and arrays."""
        self._settle()
        head = {"tail": self.tail.state(), "bucket_points": self._bucket_points, "rows": len(self._rows.view())}
        return head, [self._rows.view(), *self._open]

    def load(self, head: dict[str, Any], parts: list[memoryview]) -> None:
        """Go on from what save() returned. Raises ValueError, TypeError, KeyError where it is something else."""
        import numpy as np

        from runicorn.storage.pyramid.levels import BUCKET, GrowingRows, from_parts

        marks, skipped, holes = head["tail"]
        state, bucket_points = TailState(Marks(*marks), skipped, tuple(holes)), head["bucket_points"]
        rows, points = np.frombuffer(parts[0], BUCKET), from_parts(parts[1:])
        if len({len(column) for column in points}) != 1:
            raise ValueError("columns of different lengths")
        self.tail.resume(state)
        self._rows, self._open = GrowingRows(rows), points
        self._bucket_points, self._is_empty = bucket_points, not len(rows)
        self.saved_offset = self.tail.offset

    def _add(self, piece: Piece) -> None:
        from runicorn.storage.pyramid.levels import AT_ONCE, copied, points_in

        for found in _in_parts(piece, AT_ONCE):
            if self._is_only_metric_of(found):
                self._condense(piece, *found.spans[0])
                continue
            self._fresh.append(copied(points_in(piece.data, piece.start, found)))
            # Sorting in each time would take as long as the open ends are many.
            if sum(points.size for points in self._fresh) >= max(AT_ONCE, self._open.size):
                self._settle()

    def _is_only_metric_of(self, found: Scan) -> bool:
        """Tell whether these are many records of one metric, which go on where all of the open points ended."""
        alike = self._counter.alike
        if alike is None or self._fresh or len(found.spans) != 1 or found.spans[0][1] < _WORTH_ALONE:
            return False
        (start, count), (first, amount, number) = found.spans[0], alike
        if start < first or start + count * RECORD_BYTES > first + amount * RECORD_BYTES:
            return False
        open_numbers = self._open.metric
        return not len(open_numbers) or open_numbers[0] == open_numbers[-1] == number

    def _condense(self, piece: Piece, at: int, count: int) -> None:
        """Make buckets of points of the only metric as they lie there: what is copied is what fills none."""
        import numpy as np

        from runicorn.storage.pyramid.levels import moved, points_of_row, rows_of, together

        size = self._bucket_points
        if self._is_empty:
            size = self._bucket_points = _bucket_points(1, self._size_bytes)
            # In many small pieces, they would lie all over what the next reading could use again.
            self._rows.reserve(min(_MOST_RESERVED, self._size_bytes // RECORD_BYTES // size))
        points, begin = points_of_row(piece.data, at, count), piece.start + at
        missing = -self._open.size % size
        if missing:
            first = together([self._open, moved(points.select(slice(0, missing)), begin)])
            self._rows.append(rows_of(first, np.arange(0, 1)))
        end = missing + (points.size - missing) // size * size
        rows = rows_of(points.select(slice(missing, end)), np.arange(0, end - missing, size))
        for side in ("start", "end"):
            rows[side] += begin
        self._rows.append(rows)
        self._open = moved(points.select(slice(end, None)), begin)
        self._order, self._is_empty = None, False

    def _settle(self) -> None:
        """Make buckets of what came last, as far as it fills some."""
        from runicorn.storage.pyramid.levels import by_metric, condensed, copied, together

        if not self._fresh:
            return
        points, starts = by_metric(together([self._open, *self._fresh]))
        self._fresh = []
        if self._is_empty:  # before, it is not known how many metrics there are
            self._bucket_points = _bucket_points(len(starts) - 1, self._size_bytes)
        rows, rest = condensed(points, starts, self._bucket_points)
        self._open = copied(rest) if len(rows) else rest
        if len(rows):
            self._rows.append(rows)
            self._order, self._is_empty = None, False

    def _rows_of(self, number: int) -> Rows:
        import numpy as np

        rows = self._rows.view()
        if self._order is None:
            order = np.argsort(rows["metric"], kind="stable")
            self._order = order, rows["metric"][order]
        order, numbers = self._order
        begin, end = np.searchsorted(numbers, [number, number + 1])
        # Of a file with one metric, they need no copy.
        found: Rows = rows if end - begin == len(rows) else rows.take(order[begin:end])
        return found


def _in_parts(piece: Piece, most: int) -> Iterator[Scan]:
    """Yield what a scan found in parts of at most so many records."""
    spans: list[tuple[int, int]] = []
    count = 0
    for start, length in piece.found.spans:
        at, left = start, length
        while left:
            taken = min(left, most - count)
            spans.append((at, taken))
            at, left, count = at + taken * RECORD_BYTES, left - taken, count + taken
            if count == most:
                yield Scan(tuple(spans), 0, 0)
                spans, count = [], 0
    if spans:
        yield Scan(tuple(spans), 0, 0)


def _summary(row: Any) -> Summary:
    count, nans, infs, minus_infs = (int(row[name]) for name in ("count", "nans", "infs", "minus_infs"))
    finite = count - nans - infs - minus_infs
    low = float("-inf") if minus_infs else float(row["low"]) if finite else float("inf") if infs else None
    high = float("inf") if infs else float(row["high"]) if finite else float("-inf") if minus_infs else None
    last_step, last_time = int(row["step_last"]), float(row["time_last"])
    stats = MetricStats(count, float(row["last"]), low, high, last_step, last_time)
    return Summary(stats, float(row["total"]) / finite if finite else None, count - finite)
