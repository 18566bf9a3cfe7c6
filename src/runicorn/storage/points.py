"""The points of runs, kept in memory and followed as their files grow. Files are the truth; memory is bounded."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runicorn.model import MetricStats
from runicorn.storage import layout
from runicorn.storage.files import Files, FileStat, Listing, by_name, found_or_raise
from runicorn.storage.holding import holding
from runicorn.storage.point_table import PointTable, counting
from runicorn.storage.tail import RecordTail, advance

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns

DEFAULT_BUDGET_BYTES = 96 * 2**20


@dataclass(frozen=True)
class RunPoints:
    """Metrics of one run at one moment. columns: by metric; those that the run lacks are not in it.

    offsets: how far each record file was read for all of them, and heads: what tells it from another one, so that a
    follower can go on from there.
    """

    columns: Mapping[str, Columns]
    offsets: Mapping[str, int]
    heads: Mapping[str, int]


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

    def __init__(
        self,
        files: Files,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._now = now
        self._monotonic = monotonic
        self._budget_bytes = budget_bytes
        self._tables: OrderedDict[str, PointTable] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, run_id: str, metrics: Iterable[str], listing: Listing | None = None) -> RunPoints:
        """Return all points of these metrics so far, from every file of the run.

        listing: what look() showed of the run's folder a moment ago, by name. Raises OSError.
        """
        found = dict(self.read_each({run_id: self._listed(run_id, listing)}, metrics))
        return found_or_raise(found[run_id])

    def read_each(
        self, listings: Mapping[str, Listing], metrics: Iterable[str]
    ) -> Iterator[tuple[str, RunPoints | OSError]]:
        """Yield what read() returns for each run, or the error in its place; as many are read at once as one call may
        ask for.
        """
        wanted = set(metrics)
        for batch in self._batches(listings):
            found: list[tuple[str, _Parts | OSError]] = []
            with holding(batch, self._table) as tables:
                errors = self._follow(tables, wanted)
                for run_id, listing in batch.items():
                    mine = {name: layout.run_path(run_id, name) for name in layout.record_files(listing)}
                    failed = next((errors[path] for path in mine.values() if path in errors), None)
                    found.append(
                        (run_id, failed or _parts({name: tables[path][0] for name, path in mine.items()}, wanted))
                    )
            self._make_room(wanted)
            # Not while the tables are held: who takes what is found may take it slowly.
            found.reverse()
            while found:
                run_id, parts = found.pop()
                yield run_id, parts if isinstance(parts, OSError) else parts.joined()

    def stats(self, run_id: str, listing: Listing | None = None) -> RunStats:
        """Return count, last, least and greatest value of every metric, from every file of the run. Raises OSError."""
        batch = {run_id: self._listed(run_id, listing)}
        metrics: dict[str, MetricStats] = {}
        skipped = 0
        with holding(batch, self._table) as tables:
            for error in self._follow(tables, set()).values():
                raise error
            for table, _ in tables.values():
                skipped += table.skipped
                for metric, stats in table.stats():
                    metrics[metric] = combined(metrics[metric], stats) if metric in metrics else stats
        self._make_room(set())
        return RunStats(metrics, skipped)

    @property
    def size_bytes(self) -> int:
        """How much memory is taken by what is kept."""
        with self._lock:
            return sum(table.size_bytes for table in self._tables.values())

    def _listed(self, run_id: str, listing: Listing | None) -> Listing:
        return by_name(self._files.list(layout.run_path(run_id))) if listing is None else listing

    def _batches(self, listings: Mapping[str, Listing]) -> Iterator[Mapping[str, Listing]]:
        """Yield the runs in groups whose files can be read in one call, as far as that is possible."""
        batch: dict[str, Listing] = {}
        left = self._files.batch_bytes
        for run_id, listing in listings.items():
            size = sum(
                max(0, listing[name].size_bytes - self._offset(layout.run_path(run_id, name)))
                for name in layout.record_files(listing)
            )
            if batch and size > left:
                yield batch
                batch, left = {}, self._files.batch_bytes
            batch[run_id] = listing
            left -= size
        if batch:
            yield batch

    def _offset(self, path: str) -> int:
        with self._lock:
            table = self._tables.get(path)
            return 0 if table is None else table.offset

    def _table(self, path: str, status: FileStat) -> PointTable:
        with self._lock:
            table = self._tables.get(path)
            if table is None:
                # 24 of 32 bytes stay in memory; a third of the budget leaves room for a comparison of runs.
                whole = status.size_bytes <= self._budget_bytes // 3
                tail = RecordTail(path, count=counting(), now=self._now, monotonic=self._monotonic)
                table = self._tables[path] = PointTable(tail, None if whole else set())
            self._tables.move_to_end(path)
            return table

    def _follow(self, tables: Mapping[str, tuple[PointTable, Listing]], wanted: set[str]) -> dict[str, OSError]:
        """Take in what is new in all of them, as many bytes at once as one call may ask for. Return what failed."""
        for table, _ in tables.values():
            table.want(wanted)
        errors: dict[str, OSError] = {}
        pending: Sequence[tuple[PointTable, Listing]] = list(tables.values())
        while pending:
            found = advance(self._files, [(table.tail, listing) for table, listing in pending], self._files.batch_bytes)
            again = []
            for (table, listing), piece in zip(pending, found, strict=True):
                path = table.tail.path
                if isinstance(piece, OSError):
                    errors[path] = piece
                elif table.take(piece, listing[path.rsplit("/", 1)[-1]]):
                    again.append((table, listing))
            pending = again
        return errors

    def _make_room(self, wanted: set[str]) -> None:
        """Let go of what was not used for longest; of the one that was used last, of what was not asked for."""
        with self._lock:
            total = sum(table.size_bytes for table in self._tables.values())
            while total > self._budget_bytes and len(self._tables) > 1:
                _, oldest = self._tables.popitem(last=False)
                total -= oldest.size_bytes
            newest = next(reversed(self._tables.values()), None)
        if newest is None or total <= self._budget_bytes:
            return
        with newest.lock:
            newest.keep_only(wanted)
            if newest.size_bytes > self._budget_bytes:  # one metric of millions of points: read anew each time
                newest.keep_only(set())


@dataclass(frozen=True)
class _Parts:
    """What the tables of a run's record files hold of some metrics; see RunPoints."""

    columns: Mapping[str, list[Columns]]
    offsets: Mapping[str, int]
    heads: Mapping[str, int]

    def joined(self) -> RunPoints:
        from runicorn.storage.columns import joined

        columns = {metric: joined(parts) for metric, parts in self.columns.items()}
        return RunPoints(columns, self.offsets, self.heads)


def _parts(tables: Mapping[str, PointTable], wanted: set[str]) -> _Parts:
    columns: dict[str, list[Columns]] = {}
    for table in tables.values():
        for metric, parts in table.read(wanted).items():
            columns.setdefault(metric, []).extend(parts)
    return _Parts(
        columns,
        {name: table.offset for name, table in tables.items()},
        {name: crc for name, table in tables.items() if (crc := table.tail.head_crc) is not None},
    )


def combined(first: MetricStats, second: MetricStats) -> MetricStats:
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
