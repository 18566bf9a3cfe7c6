"""One record file in memory: the points of its metrics, and what is known of each without them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from runicorn.model import MetricStats
from runicorn.storage.files import FileStat
from runicorn.storage.tail import Piece, RecordTail

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns, Grouped, GrowingColumns, GrowingStats

# A metric with fewer points in a piece of the file has no arrays of its own, which take as much as so many points.
_FEW_POINTS = 64
_MAX_LOOSE = 16
# Measured with tracemalloc: a name's place in a list, its line read anew now and then; the objects of a table.
_NAME_BYTES = 32
_TABLE_BYTES = 4000


def counting() -> Callable[[bytes, int], int]:
    """Return a fast records.count_marked."""
    from runicorn.storage.columns import count_marked

    return count_marked


class PointTable:
    """What was read of one record file. Hold `lock` for every call.

    kept: the metrics whose points are kept, None for all; statistics cover all metrics in any case.
    """

    def __init__(self, tail: RecordTail, kept: set[str] | None) -> None:
        from runicorn.storage.columns import GrowingStats

        self.lock = threading.Lock()
        self.tail = tail
        self._kept = kept
        self._generation = 0
        self._own: dict[int, GrowingColumns] = {}
        self._loose: list[Grouped] = []
        self._stats: GrowingStats = GrowingStats()

    @property
    def offset(self) -> int:
        return self.tail.offset

    @property
    def skipped(self) -> int:
        return self.tail.skipped

    def want(self, metrics: set[str]) -> None:
        """See to it that the points of these metrics are kept; where they were not, the file is read once more."""
        if self._kept is not None and not metrics <= self._kept:
            self._kept |= metrics
            self.tail.begin_again()

    def take(self, piece: Piece | None, status: FileStat) -> bool:
        """Take in what was read last, None for nothing; tell whether to read on at once."""
        before, self._generation = self._generation, self.tail.generation
        if before != self._generation:
            self._forget()
        if piece is not None:
            self._add(piece, max(1.0, (status.size_bytes - piece.start) / len(piece.data)))
        return self.tail.is_behind(status) if piece is not None else before != self._generation

    def read(self, metrics: set[str]) -> dict[str, list[Columns]]:
        """Return the points of these metrics, which want() was told of: each in one part or more, in file order."""
        found: dict[str, list[Columns]] = {}
        for metric, numbers in self.tail.names.numbers(metrics).items():
            parts = [part for number in numbers if (part := self._points(number)) is not None]
            if parts:
                found[metric] = parts
        return found

    def stats(self) -> Iterator[tuple[str, MetricStats]]:
        """Yield each metric's name with its statistics; a name may come twice."""
        for number, stats in self._stats.each():
            yield self.tail.names.name(number), stats

    def keep_only(self, metrics: set[str]) -> None:
        """Let go of the points of all other metrics; they can be read again."""
        self._kept = set(metrics)
        numbers = self._kept_numbers()
        self._own = {number: points for number, points in self._own.items() if number in numbers}
        self._loose = [part for part in map(self._chosen, self._loose) if part is not None]

    @property
    def size_bytes(self) -> int:
        """How much memory it takes, about."""
        own = sum(points.size_bytes for points in list(self._own.values()))
        loose = sum(part.size_bytes for part in list(self._loose))
        return own + loose + self._stats.size_bytes + _NAME_BYTES * len(self.tail.names) + _TABLE_BYTES

    def _forget(self) -> None:
        from runicorn.storage.columns import GrowingStats

        self._own, self._loose, self._stats = {}, [], GrowingStats()

    def _add(self, piece: Piece, times: float) -> None:
        """times: how many times as long all that is to be read now is, this piece included."""
        from runicorn.storage.columns import group, rows_in

        rows = rows_in(piece.data, piece.found)
        if not len(rows):
            return
        grouped = group(rows)
        self._stats.add(grouped)
        chosen = self._chosen(grouped)
        if chosen is not None:
            self._sort_in(chosen, times)

    def _chosen(self, grouped: Grouped) -> Grouped | None:
        """Return those of the points that are kept."""
        if self._kept is None:
            return grouped
        numbers = self._kept_numbers()
        dropped = [number not in numbers for number in grouped.numbers.tolist()]
        return None if all(dropped) else grouped.without(dropped) if any(dropped) else grouped

    def _sort_in(self, grouped: Grouped, times: float) -> None:
        """Append the points of metrics with many to their own arrays; those of the others stay together."""
        from runicorn.storage.columns import GrowingColumns, regroup

        large = [
            number in self._own or count >= _FEW_POINTS
            for number, count in zip(grouped.numbers.tolist(), grouped.counts, strict=True)
        ]
        is_only = len(large) == 1  # where many take turns, nothing tells how often each will have its turn
        for number, is_large in zip(grouped.numbers.tolist(), large, strict=True):
            if is_large:
                if number not in self._own:
                    expected = int(grouped.counts[0] * times) if is_only else 0
                    self._own[number] = GrowingColumns(self._take_loose(number), expected)
                points = grouped.of(number)
                assert points is not None
                self._own[number].append(points)
        if not all(large):
            self._loose.append(grouped.without(large) if any(large) else grouped)
        if len(self._loose) > _MAX_LOOSE:
            together, self._loose = regroup(self._loose), []
            if any(count >= _FEW_POINTS for count in together.counts):
                self._sort_in(together, 1.0)
            else:
                self._loose = [together]

    def _take_loose(self, number: int) -> list[Columns]:
        """Return what was kept together of a metric that now gets arrays of its own, and keep it no longer there."""
        found = []
        for at, part in enumerate(self._loose):
            points = part.of(number)
            if points is not None:
                found.append(points)
                self._loose[at] = part.without([each == number for each in part.numbers.tolist()])
        return found

    def _points(self, number: int) -> Columns | None:
        if number in self._own:
            return self._own[number].view()
        from runicorn.storage.columns import concatenated

        return concatenated([points for part in self._loose if (points := part.of(number)) is not None])

    def _kept_numbers(self) -> set[int]:
        numbers = self.tail.names.numbers(self._kept or set())
        return {number for each in numbers.values() for number in each}
