"""Metrics of one run in a window: what its pyramids give, which bytes are read besides, and what comes of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runicorn.storage import layout
from runicorn.storage.files import Range
from runicorn.storage.pyramid.answers import Buckets, RunBuckets
from runicorn.storage.pyramid.table import Chosen, PyramidTable

if TYPE_CHECKING:
    from runicorn.storage.pyramid.window import Part, Span


@dataclass(frozen=True)
class _FileChoice:
    """What a window needs of one record file, by metric; ranges: the parts of it to be read."""

    chosen: Sequence[tuple[str, Chosen]]
    ranges: Sequence[Range]


@dataclass(frozen=True)
class RunChoice:
    """What a window needs of a run. It stands on its own: what its tables learn meanwhile changes nothing of it."""

    run_id: str
    span: Span
    files: Sequence[_FileChoice]
    offsets: Mapping[str, int]
    heads: Mapping[str, int]

    @property
    def ranges(self) -> list[Range]:
        """What to read of its files."""
        return [each for file in self.files for each in file.ranges]

    @property
    def wanted_bytes(self) -> int:
        return sum(each.length or 0 for each in self.ranges)

    def finish(self, read: Sequence[bytes]) -> RunBuckets:
        """Return the buckets of each metric. read: what the ranges hold."""
        from runicorn.storage.pyramid.levels import of_metric, points_by_metric
        from runicorn.storage.pyramid.window import joined

        pieces = iter(read)
        parts: dict[str, list[Part]] = {}
        ends: dict[str, tuple[float, int]] = {}
        for file in self.files:
            points = points_by_metric([(each.start, next(pieces)) for each in file.ranges])
            for metric, (number, choice, last_step, last_time) in file.chosen:
                parts.setdefault(metric, []).append(choice.finish(of_metric(points, number)))
                ends[metric] = max(ends.get(metric, (last_time, last_step)), (last_time, last_step))
        metrics = {
            metric: Buckets(joined(found, self.span), ends[metric][1], ends[metric][0])
            for metric, found in parts.items()
        }
        return RunBuckets(metrics, self.offsets, self.heads)


def choose_of_run(
    run_id: str, tables: Mapping[str, PyramidTable], wanted: set[str], span: Span, point_bytes: int
) -> RunChoice:
    """Return what a window needs of these metrics of a run.

    tables: by its record files' names, all locks held. point_bytes: of each file, how much may be read for points where
    the window holds few buckets; those at its edges aside.
    """
    return RunChoice(
        run_id,
        span,
        [
            _choose_of_file(layout.run_path(run_id, name), table, wanted, span, point_bytes)
            for name, table in tables.items()
        ],
        {name: table.offset for name, table in tables.items()},
        {name: crc for name, table in tables.items() if (crc := table.tail.head_crc) is not None},
    )


def _choose_of_file(path: str, table: PyramidTable, wanted: set[str], span: Span, point_bytes: int) -> _FileChoice:
    from runicorn.storage.pyramid.window import ranges

    chosen = list(table.choose(wanted, span))
    parts = ranges(each.choice.wanted for _, each in chosen)
    if sum(end - start for start, end in parts) > point_bytes and any(each.choice.fine for _, each in chosen):
        chosen = [(metric, each._replace(choice=each.choice.coarse())) for metric, each in chosen]
        parts = ranges(each.choice.wanted for _, each in chosen)
    return _FileChoice(chosen, [Range(path, start, end - start) for start, end in parts])
