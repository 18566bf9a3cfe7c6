"""The points of runs, kept in memory and followed as their files grow. Files are the truth; memory is bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runicorn.model import MetricStats
from runicorn.storage import layout
from runicorn.storage.files import Files

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns, GrowingColumns

DEFAULT_BUDGET_BYTES = 256 * 2**20
_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class RunPoints:
    """One metric of one run. columns: None where the run has no such metric. offsets: how far each file was read."""

    columns: Columns | None
    offsets: Mapping[str, int]


@dataclass(frozen=True)
class RunStats:
    """All metrics of one run by name, and how many records' worth of bytes were unreadable."""

    metrics: Mapping[str, MetricStats]
    skipped: int


class PointStore:
    """Reads record files, each byte once, and forgets the least recently used ones above a budget of memory.

    Safe to use from several threads; two of them never read the same file at once.
    """

    def __init__(self, files: Files, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self._files = files
        self._budget_bytes = budget_bytes
        self._tables: OrderedDict[tuple[str, str | None], _Table] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, run_id: str, metric: str) -> RunPoints:
        """Return all points of a metric so far, from every file of the run."""
        from runicorn.storage.columns import joined

        parts: list[Columns] = []
        offsets: dict[str, int] = {}
        for name in self._record_files(run_id):
            table = self._table(layout.run_path(run_id, name), metric)
            found, offsets[name] = table.read(metric)
            parts.extend(found)
        self._make_room()
        return RunPoints(joined(parts) if parts else None, offsets)

    def stats(self, run_id: str) -> RunStats:
        """Return count, last, least and greatest value of every metric, from every file of the run."""
        metrics: dict[str, MetricStats] = {}
        skipped = 0
        for name in self._record_files(run_id):
            table = self._table(layout.run_path(run_id, name), None)
            found, missing = table.stats()
            skipped += missing
            for metric, stats in found.items():
                metrics[metric] = _combined(metrics[metric], stats) if metric in metrics else stats
        self._make_room()
        return RunStats(metrics, skipped)

    @property
    def size_bytes(self) -> int:
        with self._lock:
            return sum(table.size_bytes for table in self._tables.values())

    def _record_files(self, run_id: str) -> list[str]:
        return layout.record_files(entry.name for entry in self._files.list(layout.run_path(run_id)))

    def _table(self, path: str, metric: str | None) -> _Table:
        """Return the table of a file; for one too big to keep whole, the table of this metric alone."""
        status = self._files.stat(path)
        # 24 of 32 bytes stay in memory; a quarter of the budget for each file leaves room for a comparison of runs.
        whole = status is None or status.size_bytes <= self._budget_bytes // 4
        with self._lock:
            key = (path, None)
            if not whole and key not in self._tables:
                key = (path, metric or "")
            table = self._tables.get(key)
            if table is None:
                table = self._tables[key] = _Table(self._files, path, None if whole else metric or "")
            self._tables.move_to_end(key)
            return table

    def _make_room(self) -> None:
        with self._lock:
            total = sum(table.size_bytes for table in self._tables.values())
            while total > self._budget_bytes and len(self._tables) > 1:
                _, oldest = self._tables.popitem(last=False)
                total -= oldest.size_bytes


class _Table:
    """One record file in memory. only: the one metric whose points are kept, None for all; statistics cover all."""

    def __init__(self, files: Files, path: str, only: str | None) -> None:
        self._files = files
        self._path = path
        self._only = only
        self._lock = threading.Lock()
        self._forget()

    def read(self, metric: str) -> tuple[list[Columns], int]:
        with self._lock:
            self._follow()
            parts = [self._points[number].view() for number in self._numbers(metric) if number in self._points]
            return parts, self._offset

    def stats(self) -> tuple[dict[str, MetricStats], int]:
        with self._lock:
            self._follow()
            named: dict[str, MetricStats] = {}
            for number, stats in self._stats.items():
                name = layout.key_or_number(self._names, number)
                named[name] = _combined(named[name], stats) if name in named else stats
            return named, self._skipped

    @property
    def size_bytes(self) -> int:
        return sum(points.size_bytes for points in list(self._points.values()))

    def _forget(self) -> None:
        self._inode = 0
        self._offset = 0
        self._skipped = 0
        self._names: list[str | None] = []
        self._names_size = -1
        self._points: dict[int, GrowingColumns] = {}
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
            before = self._offset
            self._take(self._files.read(self._path, self._offset, min(_CHUNK_BYTES, status.size_bytes - self._offset)))
            if self._offset == before:
                break
        # After the records: a name is written before the first record that uses it.
        self._read_names()

    def _take(self, data: bytes) -> None:
        from runicorn.storage.columns import GrowingColumns, merged_stats, split, unpack

        rows, skipped, consumed = unpack(data)
        self._skipped += skipped
        self._offset += consumed
        if self._only is not None and len(rows):
            self._read_names()
        wanted = None if self._only is None else set(self._numbers(self._only))
        for number, columns in split(rows):
            self._stats[number] = merged_stats(self._stats.get(number), columns)
            if wanted is None or number in wanted:
                self._points.setdefault(number, GrowingColumns()).append(columns)

    def _read_names(self) -> None:
        path = layout.keys_file(self._path)
        status = self._files.stat(path)
        if status is None or status.size_bytes == self._names_size:
            return
        self._names, _ = layout.decode_keys(self._files.read(path))
        self._names_size = status.size_bytes

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
