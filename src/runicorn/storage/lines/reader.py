"""Where the buckets of a chart come from: from points that are in memory where these are few, else from pyramids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runicorn.model import Axis
from runicorn.storage import layout
from runicorn.storage.files import Listing
from runicorn.storage.points import PointStore, RunPoints
from runicorn.storage.pyramid.answers import Buckets
from runicorn.storage.pyramid.store import PyramidStore
from runicorn.storage.series import Window

if TYPE_CHECKING:
    from runicorn.storage.columns import Columns
    from runicorn.storage.lines.curve import Curve
    from runicorn.storage.pyramid.levels import Points, Rows
    from runicorn.storage.pyramid.window import Span

# A run with fewer bytes of records is read whole: its metrics take turns in the file, and a pyramid would have little
# to leave out. But not where all of them together would not stay in memory.
_SMALL_BYTES = 4 * 2**20
_SMALL_ALL_BYTES = 48 * 2**20


@dataclass(frozen=True)
class LineBuckets:
    """A metric of a run in a window. held: an array of levels.BUCKET, or points where each would be a bucket.

    hidden: how many points are left out. last_step, last_time: of the very last point, the window aside.
    """

    held: Rows | Points
    hidden: int
    last_step: int
    last_time: float

    @property
    def rows(self) -> Rows:
        """An array of levels.BUCKET."""
        from runicorn.storage.pyramid.levels import Points, rows_of_each

        return rows_of_each(self.held) if isinstance(self.held, Points) else self.held

    def curve(self, span: Span) -> Curve:
        """Return what is drawn of it."""
        from runicorn.storage.lines.curve import curve_of, curve_of_points
        from runicorn.storage.pyramid.levels import Points

        # Points made buckets first take five times as long.
        return curve_of_points(self.held, span) if isinstance(self.held, Points) else curve_of(self.held, span)


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
        *,
        overwritten: bool,
    ) -> Iterator[tuple[str, Mapping[str, LineBuckets] | OSError]]:
        """Yield the metrics of each run by name, or the error in its place; in no order.

        overwritten: whether steps that a resumed run logged once more are given as they were first, too. Where they are
        left out, a bucket may hold a few points of both; where there are few points, none is left by mistake.
        """
        wanted = set(metrics)
        hide = not overwritten and window.axis is Axis.STEP
        sizes = {run_id: record_bytes(listing) for run_id, listing in listings.items()}
        small = {run_id: listings[run_id] for run_id, size in sizes.items() if size <= _SMALL_BYTES}
        if sum(sizes[run_id] for run_id in small) > _SMALL_ALL_BYTES:
            small = {}
        for run_id, points in self._points.read_each(small, wanted):
            if isinstance(points, OSError):
                yield run_id, points
                continue
            span = span_of(window, created_at[run_id])
            yield run_id, {metric: _of_points(columns, span, hide) for metric, columns in points.columns.items()}
        rest = {run_id: listing for run_id, listing in listings.items() if run_id not in small}
        for run_id, found in self._pyramids.read_each(rest, wanted, window, created_at):
            if isinstance(found, OSError):
                yield run_id, found
            else:
                yield run_id, {metric: _of_buckets(buckets, hide) for metric, buckets in found.metrics.items()}

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


def _of_buckets(buckets: Buckets, hide: bool) -> LineBuckets:
    from runicorn.storage.lines.overwritten import without_overwritten

    rows, hidden = without_overwritten(buckets.rows) if hide else (buckets.rows, 0)
    return LineBuckets(rows, hidden, buckets.last_step, buckets.last_time)


def _of_points(columns: Columns, span: Span, hide: bool) -> LineBuckets:
    import numpy as np

    from runicorn.storage.lines.overwritten import columns_without_overwritten
    from runicorn.storage.pyramid.levels import Points
    from runicorn.storage.pyramid.window import Part

    kept, hidden = columns_without_overwritten(columns) if hide else (columns, 0)
    nothing = np.zeros(len(kept), np.int64)
    points = Points(nothing.astype(np.uint32), kept.step, kept.time, kept.value, nothing)
    points = span.cut(points)
    held = points if points.size <= 2 * span.buckets else Part(None, points).bucketed(span)
    return LineBuckets(held, hidden, int(columns.step[-1]), float(columns.time[-1]))
