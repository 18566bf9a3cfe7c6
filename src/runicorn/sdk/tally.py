"""What the records of a file come to, metric by metric: counted from the file, a piece at a time."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runicorn import locks
from runicorn.regular_files import open_regular
from runicorn.storage.records import RECORD_BYTES, Scan, count_marked, scan, unpack

_CHUNK_BYTES = 1 << 20
# From so many records on, loading numpy (150 ms) is faster than going without (1 us a record).
_WORTH_ARRAYS_BYTES = 100_000 * RECORD_BYTES
_FEW_RECORDS = 64
COUNT, LAST, MIN, MAX, STEP, TIME, SUM = range(7)


@dataclass
class Tally:
    """The count so far. metrics: by number, as nothing_yet() gives it. highest_step: None without records.

    end: up to which byte the file was counted. Behind it there is at most a record that its writer's death tore.
    """

    metrics: dict[int, list[Any]] = field(default_factory=dict)
    highest_step: int | None = None
    end: int = 0

    def add(self, metric: int, count: int, last: tuple[int, float, float], low: float, high: float,
            total: Sequence[float], highest_step: int) -> None:  # fmt: skip
        """Count `count` more records of a metric, at least one.

        last: step, time and value of the last one. low, high: of the values without NaN, infinite the wrong way round
        where there are none. total: the values to sum up, in their order.
        """
        kept = self.metrics.get(metric)
        if kept is None:
            kept = self.metrics[metric] = nothing_yet()
        kept[COUNT] += count
        kept[STEP], kept[TIME], kept[LAST] = last
        kept[MIN], kept[MAX] = min(kept[MIN], low), max(kept[MAX], high)
        for value in total:  # in their order, as they were added when they were logged
            kept[SUM] += value
        if self.highest_step is None or highest_step > self.highest_step:
            self.highest_step = highest_step


def nothing_yet() -> list[Any]:
    """Return what is known of a metric without records: count, last, min, max, last step, last time, sum."""
    return [0, 0.0, math.inf, -math.inf, 0, 0.0, 0.0]


def count_on(tally: Tally, path: Path) -> None:
    """Count the records behind `tally.end`, with a few MiB of memory however many they are. Raises OSError."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(tally.end)
        _count_file(tally, file, size)


def _count_file(tally: Tally, file: io.FileIO, size: int) -> None:
    arrays = size - tally.end >= _WORTH_ARRAYS_BYTES and _numpy_is_there()
    data = b""
    while True:
        piece = file.read(_CHUNK_BYTES)
        data += piece or b""
        is_all = not piece or tally.end + len(data) >= size
        found = _scan(data, arrays=arrays, more=not is_all)
        (_add_arrays if arrays else _add_each)(tally, data, found)
        tally.end += found.consumed
        data = data[found.consumed :]
        if is_all:
            return


def _scan(data: bytes, *, arrays: bool, more: bool) -> Scan:
    if not arrays:
        return scan(data, count_marked, more=more)
    from runicorn.storage import columns

    return scan(data, columns.count_marked, more=more)


def _add_each(tally: Tally, data: bytes, found: Scan) -> None:
    for metric, step, time, value in unpack(data, found):
        low, high = (value, value) if value == value else (math.inf, -math.inf)  # noqa: PLR0124 - NaN
        tally.add(metric, 1, (step, time, value), low, high, (value,), step)


def _add_arrays(tally: Tally, data: bytes, found: Scan) -> None:
    from runicorn.storage import columns

    for start, count in found.spans:
        if count < _FEW_RECORDS:  # between damages
            _add_each(tally, data, Scan(((start, count),), 0, 0))
            continue
        rows, _, _ = columns.unpack(data[start : start + count * RECORD_BYTES])
        for number, points in columns.split(rows):
            stats = columns.merged_stats(None, points)
            low = math.inf if stats.min is None else stats.min
            high = -math.inf if stats.max is None else stats.max
            last = (int(points.step[-1]), float(points.time[-1]), float(points.value[-1]))
            tally.add(number, len(points), last, low, high, points.value.tolist(), int(points.step.max()))


def _numpy_is_there() -> bool:
    try:
        with locks.LOADING:
            import runicorn.storage.columns  # noqa: F401 - loaded here, used below
    except ImportError:  # a bare Python on a server
        return False
    return True
