"""Where the buckets of a chart come from: from points that are in memory where these are few, else from pyramids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from runicorn.storage import layout
from runicorn.storage.files import Listing
from runicorn.storage.points import PointStore, RunPoints
from runicorn.storage.pyramid.answers import Buckets, RunBuckets
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.series import Window

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns
    from runicorn.storage.pyramid.window import Span

# A run with fewer bytes of records is read whole: its metrics take turns in the file, and a pyramid would have little
# to leave out. But not where all of them together would not stay in memory.
_SMALL_BYTES = 4 * 2**20
_SMALL_ALL_BYTES = 32 * 2**20


class LineReader:
    """Gives buckets of metrics of runs, out of two stores of the same files."""

    def __init__(self, points: PointStore, pyramids: PyramidStore) -> None:
        self._points = points
        self._pyramids = pyramids

    def read_each(
        self,
        listings: Mapping[str, Listing],
        metrics: Iterable[str],
        window: Window,
        created_at: Mapping[str, float],
    ) -> Iterator[tuple[str, RunBuckets | OSError]]:
        """Yield what PyramidStore.read_each does for each run, in no order."""
        wanted = set(metrics)
        sizes = {run_id: record_bytes(listing) for run_id, listing in listings.items()}
        small = {run_id: listings[run_id] for run_id, size in sizes.items() if size <= _SMALL_BYTES}
        if sum(sizes[run_id] for run_id in small) > _SMALL_ALL_BYTES:
            small = {}
        for run_id, found in self._points.read_each(small, wanted):
            yield run_id, found if isinstance(found, OSError) else _bucketed(found, span_of(window, created_at[run_id]))
        rest = {run_id: listing for run_id, listing in listings.items() if run_id not in small}
        yield from self._pyramids.read_each(rest, wanted, window, created_at)

    def read_points(
        self, listings: Mapping[str, Listing], metrics: Iterable[str]
    ) -> Iterator[tuple[str, RunPoints | OSError]]:
        """Yield the points themselves; see PointStore.read_each."""
        return self._points.read_each(listings, metrics)


def span_of(window: Window, created_at: float) -> Span:
    """Return a window over one run, which was created at this unix time."""
    from runicorn.storage.pyramid.window import Span

    return Span(window.axis, window.low, window.high, created_at, max(1, window.points))


def record_bytes(listing: Listing) -> int:
    """Return how long all record files of a run are together. listing: what look() showed of its folder."""
    return sum(listing[name].size_bytes for name in layout.record_files(listing))


def is_small(listing: Listing) -> bool:
    """Tell whether a run has so few records that all of its points are read at once. listing: see record_bytes()."""
    return record_bytes(listing) <= _SMALL_BYTES


def _bucketed(found: RunPoints, span: Span) -> RunBuckets:
    metrics = {metric: _of_points(columns, span) for metric, columns in found.columns.items()}
    return RunBuckets(metrics, found.offsets, found.heads)


def _of_points(columns: Columns, span: Span) -> Buckets:
    import numpy as np

    from runicorn.storage.pyramid.levels import Points
    from runicorn.storage.pyramid.window import Part

    nothing = np.zeros(len(columns), np.int64)
    points = Points(nothing.astype(np.uint32), columns.step, columns.time, columns.value, nothing)
    rows = Part(None, span.cut(points)).bucketed(span)
    return Buckets(rows, int(columns.step[-1]), float(columns.time[-1]))
