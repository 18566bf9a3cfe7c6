"""The points of runs, kept in memory and followed as their files grow. Files are the truth; memory is bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runicorn.model import MetricStats
from runicorn.storage import layout
from runicorn.storage.files import Files

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns, GrowingColumns

DEFAULT_BUDGET_BYTES = 256 * 2**20
_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class RunPoints:
    """Metrics of one run at one moment. columns: by metric; those that the run lacks are not in it.

    offsets: how far each record file was read for all of them, so that a follower can go on from there.
    """

    columns: Mapping[str, Columns]
    offsets: Mapping[str, int]


@dataclass(frozen=True)
class RunStats:
    """All metrics of one run by name, and how many records' worth of bytes were unreadable."""

    metrics: Mapping[str, MetricStats]
    skipped: int


class PointStore:
    """Reads record files, each byte once, and forgets the least recently used ones above a budget of memory.

    Of a file too big to keep whole, only the metrics that were asked for are kept. Safe to use from several threads;
    two of them never read the same file at once.
    """

    def __init__(self, files: Files, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self._files = files
        self._budget_bytes = budget_bytes
        self._tables: OrderedDict[str, _Table] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, run_id: str, metrics: Iterable[str]) -> RunPoints:
        """Return all points of these metrics so far, from every file of the run."""
        from runicorn.storage.columns import joined

        wanted = set(metrics)
        parts: dict[str, list[Columns]] = {}
        offsets: dict[str, int] = {}
        for name in self._record_files(run_id):
            table = self._table(layout.run_path(run_id, name))
            found, offsets[name] = table.read(wanted)
            for metric, columns in found.items():
                parts.setdefault(metric, []).extend(columns)
            self._make_room(table, wanted)
        return RunPoints({metric: joined(columns) for metric, columns in parts.items()}, offsets)

    def stats(self, run_id: str) -> RunStats:
        """Return count, last, least and greatest value of every metric, from every file of the run."""
        metrics: dict[str, MetricStats] = {}
        skipped = 0
        for name in self._record_files(run_id):
            table = self._table(layout.run_path(run_id, name))
            found, missing = table.stats()
            skipped += missing
            for metric, stats in found.items():
                metrics[metric] = _combined(metrics[metric], stats) if metric in metrics else stats
            self._make_room(table, set())
        return RunStats(metrics, skipped)

    @property
    def size_bytes(self) -> int:
        """How much memory the points take that are kept."""
        with self._lock:
            return sum(table.size_bytes for table in self._tables.values())

    def _record_files(self, run_id: str) -> list[str]:
        return layout.record_files(entry.name for entry in self._files.list(layout.run_path(run_id)))

    def _table(self, path: str) -> _Table:
        with self._lock:
            table = self._tables.get(path)
            if table is None:
                # 24 of 32 bytes stay in memory; a quarter of the budget leaves room for a comparison of runs.
                status = self._files.stat(path)
                whole = status is None or status.size_bytes <= self._budget_bytes // 4
                table = self._tables[path] = _Table(self._files, path, None if whole else set())
            self._tables.move_to_end(path)
            return table

    def _make_room(self, newest: _Table, wanted: set[str]) -> None:
        with self._lock:
            total = sum(table.size_bytes for table in self._tables.values())
            while total > self._budget_bytes and len(self._tables) > 1:
                _, oldest = self._tables.popitem(last=False)
                total -= oldest.size_bytes
        if total > self._budget_bytes:
            newest.keep_only(wanted)
        if newest.size_bytes > self._budget_bytes:  # one metric of more than ten million points: read anew each time
            newest.keep_only(set())


class _Table:
    """One record file in memory. kept: the metrics whose points are kept, None for all; statistics cover all."""

    def __init__(self, files: Files, path: str, kept: set[str] | None) -> None:
        self._files = files
        self._path = path
        self._kept = kept
        self._lock = threading.Lock()
        self._points: dict[int, GrowingColumns] = {}
        self._forget()

    def read(self, metrics: set[str]) -> tuple[dict[str, list[Columns]], int]:
        with self._lock:
            self._follow()
            if self._kept is not None and not metrics <= self._kept:
                self._fill_in(metrics - self._kept)
            found: dict[str, list[Columns]] = {}
            for metric in metrics:
                parts = [self._points[number].view() for number in self._numbers(metric) if number in self._points]
                if parts:
                    found[metric] = parts
            return found, self._offset

    def stats(self) -> tuple[dict[str, MetricStats], int]:
        with self._lock:
            self._follow()
            named: dict[str, MetricStats] = {}
            for number, stats in self._stats.items():
                name = layout.key_or_number(self._names, number)
                named[name] = _combined(named[name], stats) if name in named else stats
            return named, self._skipped

    def keep_only(self, metrics: set[str]) -> None:
        """Let go of the points of all other metrics; they can be read again."""
        with self._lock:
            numbers = self._all_numbers(metrics)
            self._kept = set(metrics)
            self._points = {number: points for number, points in self._points.items() if number in numbers}

    @property
    def size_bytes(self) -> int:
        return sum(points.size_bytes for points in list(self._points.values()))

    def _forget(self) -> None:
        self._inode = 0
        self._offset = 0
        self._skipped = 0
        self._names: list[str | None] = []
        self._names_size = -1
        self._points = {}
        self._stats: dict[int, MetricStats] = {}

    def _follow(self) -> None:
        """Take in what was appended since the last call; start over where the file is another one."""
        status = self._files.stat(self._path)
        if status is None:
            self._forget()
            return
        if status.inode != self._inode or status.size_bytes < self._offset:
            self._forget()
            self._inode = status.inode
        while self._offset < status.size_bytes:
            length = min(_CHUNK_BYTES, status.size_bytes - self._offset)
            rows, skipped, consumed = self._unpacked(self._offset, length)
            if not consumed:
                break
            self._offset += consumed
            self._skipped += skipped
            # After the records: a name is written before the first record that uses it.
            self._read_names()
            self._take(rows, None if self._kept is None else self._all_numbers(self._kept))

    def _take(self, rows: Any, wanted: set[int] | None) -> None:
        from runicorn.storage.columns import GrowingColumns, merged_stats, split

        for number, columns in split(rows):
            self._stats[number] = merged_stats(self._stats.get(number), columns)
            if wanted is None or number in wanted:
                self._points.setdefault(number, GrowingColumns()).append(columns)

    def _fill_in(self, metrics: set[str]) -> None:
        """Read the points of further metrics, up to where the others were read."""
        from runicorn.storage.columns import GrowingColumns, split

        wanted = self._all_numbers(metrics)
        offset = 0
        while wanted and offset < self._offset:
            rows, _, consumed = self._unpacked(offset, min(_CHUNK_BYTES, self._offset - offset))
            if not consumed:
                break
            offset += consumed
            for number, columns in split(rows, wanted):
                self._points.setdefault(number, GrowingColumns()).append(columns)
        assert self._kept is not None
        self._kept |= metrics

    def _unpacked(self, offset: int, length: int) -> tuple[Any, int, int]:
        from runicorn.storage.columns import unpack

        return unpack(self._files.read(self._path, offset, length))

    def _read_names(self) -> None:
        path = layout.keys_file(self._path)
        status = self._files.stat(path)
        if status is None or status.size_bytes == self._names_size:
            return
        self._names = layout.shown_keys(self._files.read(path))
        self._names_size = status.size_bytes

    def _all_numbers(self, metrics: set[str]) -> set[int]:
        return {number for metric in metrics for number in self._numbers(metric)}

    def _numbers(self, metric: str) -> list[int]:
        """Return the numbers that go by this name; more than one where a keys file was damaged and written on."""
        numbers = [number for number, name in enumerate(self._names) if name == metric]
        if not numbers and metric.startswith("unnamed/") and metric[8:].isdecimal():
            return [int(metric[8:])]
        return numbers


def _combined(first: MetricStats, second: MetricStats) -> MetricStats:
    """Return the statistics of two parts of one metric; the later point is the last one."""
    last = max(first, second, key=lambda stats: stats.last_time or 0.0)
    lows = [value for value in (first.min, second.min) if value is not None]
    highs = [value for value in (first.max, second.max) if value is not None]
    return MetricStats(
        count=first.count + second.count,
        last=last.last,
        min=min(lows, default=None),
        max=max(highs, default=None),
        last_step=last.last_step,
        last_time=last.last_time,
    )
