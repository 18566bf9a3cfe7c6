"""The lines of charts out of one storage root: metrics of runs as curves, and groups of runs as bands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runicorn.storage.files import Listing
from runicorn.storage.lines.reader import LineBuckets, LineReader, span_of
from runicorn.storage.series import Window

if TYPE_CHECKING:
    from runicorn.storage.lines.bands import Band, Spread, Sums
    from runicorn.storage.lines.curve import Curve


@dataclass(frozen=True)
class Wanted:
    """What a chart shows of one metric: of each of some runs a curve, and of each of some groups a band.

    along: the metric that it is drawn over; None for the window's axis.
    """

    metric: str
    runs: Sequence[str]
    groups: Sequence[Sequence[str]] = ()
    along: str | None = None


@dataclass(frozen=True)
class CurveLine:
    """A metric of a run. curve: None where the run has no point of it at all. hidden: how many points are overwritten.

    last_step, last_time: of the very last point, the window aside. chart: which of those that were asked for.
    """

    chart: int
    run_id: str
    curve: Curve | None
    hidden: int = 0
    last_step: int | None = None
    last_time: float | None = None


@dataclass(frozen=True)
class BandLine:
    """A metric of a group of runs. band: None where none of them has a point in the window. count: of their points."""

    chart: int
    group: int
    band: Band | None
    count: int = 0


@dataclass
class Lines:
    """Reads what charts want, and notes of which runs it could not."""

    reader: LineReader
    listings: Mapping[str, Listing]
    created_at: Mapping[str, float]
    window: Window
    spread: Spread
    overwritten: bool
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, OSError] = field(default_factory=dict)

    def each(self, charts: Sequence[Wanted]) -> Iterator[CurveLine | BandLine]:
        """Yield all lines, in no order."""
        plain = {number: chart for number, chart in enumerate(charts) if chart.runs and chart.along is None}
        yield from self._curves(plain)
        for number, chart in enumerate(charts):
            if chart.runs and chart.along is not None:
                yield from self._curves_along(number, chart, chart.along)
            if chart.groups:
                yield from self._bands(number, chart)

    def _curves(self, charts: Mapping[int, Wanted]) -> Iterator[CurveLine]:
        wanted: dict[str, dict[int, str]] = {}
        for number, chart in charts.items():
            for run_id in chart.runs:
                wanted.setdefault(run_id, {})[number] = chart.metric
        metrics = {chart.metric for chart in charts.values()}
        for run_id, found in self._buckets(self._there(wanted), metrics):
            for number, metric in wanted[run_id].items():
                buckets = found.get(metric)
                yield CurveLine(number, run_id, None) if buckets is None else self._curve(number, run_id, buckets)

    def _buckets(
        self, listings: Mapping[str, Listing], metrics: set[str]
    ) -> Iterator[tuple[str, Mapping[str, LineBuckets]]]:
        """Yield the metrics of each run that can be read, and take note of the others."""
        for run_id, found in self.reader.read_each(
            listings, metrics, self.window, self.created_at, overwritten=self.overwritten
        ):
            if isinstance(found, OSError):
                self._fail(run_id, found)
            else:
                yield run_id, found

    def _curve(self, number: int, run_id: str, buckets: LineBuckets) -> CurveLine:
        curve = buckets.curve(span_of(self.window, self.created_at[run_id]))
        return CurveLine(number, run_id, curve, buckets.hidden, buckets.last_step, buckets.last_time)

    def _curves_along(self, number: int, chart: Wanted, along: str) -> Iterator[CurveLine]:
        from runicorn.storage.lines.curve import curve_of
        from runicorn.storage.lines.over_metric import over_metric

        for run_id, found in self.reader.read_points(self._there(chart.runs), {chart.metric, along}):
            if isinstance(found, OSError):
                self._fail(run_id, found)
                continue
            values, axis = found.columns.get(chart.metric), found.columns.get(along)
            if values is None or axis is None:
                yield CurveLine(number, run_id, None)
                continue
            rows, span, hidden = over_metric(values, axis, self.window, overwritten=self.overwritten)
            yield CurveLine(number, run_id, curve_of(rows, span), hidden, int(values.step[-1]), float(values.time[-1]))

    def _bands(self, number: int, chart: Wanted) -> Iterator[BandLine]:
        sums = dict(self.sums(chart))
        for group, run_ids in enumerate(chart.groups):
            mine = [sums[run_id] for run_id in run_ids if run_id in sums]
            yield self.band(number, group, mine)

    def band(self, number: int, group: int, sums: Sequence[tuple[Sums, int]]) -> BandLine:
        """Return the band of a group by what its runs are to it, wherever they were read; see sums()."""
        from runicorn.storage.lines.bands import band_of

        band = band_of([each for each, _ in sums], self.spread, max(1, self.window.points))
        return BandLine(number, group, band, sum(count for _, count in sums))

    def sums(self, chart: Wanted) -> Iterator[tuple[str, tuple[Sums, int]]]:
        """Yield what the bands of a chart need of each run, and how many points that stands for."""
        from runicorn.storage.lines.bands import sums_of
        from runicorn.storage.lines.over_metric import over_metric

        listings = self._there(dict.fromkeys(run_id for group in chart.groups for run_id in group))
        if chart.along is not None:
            for run_id, found in self.reader.read_points(listings, {chart.metric, chart.along}):
                if isinstance(found, OSError):
                    self._fail(run_id, found)
                elif chart.metric in found.columns and chart.along in found.columns:
                    values, axis = found.columns[chart.metric], found.columns[chart.along]
                    rows, span, _ = over_metric(values, axis, self.window, overwritten=self.overwritten)
                    yield run_id, (sums_of(rows, span), int(rows["count"].sum()))
            return
        for run_id, metrics in self._buckets(listings, {chart.metric}):
            if chart.metric in metrics:
                rows = metrics[chart.metric].rows
                yield run_id, (sums_of(rows, span_of(self.window, self.created_at[run_id])), int(rows["count"].sum()))

    def _there(self, run_ids: Iterable[str]) -> dict[str, Listing]:
        return {run_id: self.listings[run_id] for run_id in run_ids if run_id in self.listings}

    def _fail(self, run_id: str, error: OSError) -> None:
        if isinstance(error, FileNotFoundError):  # taken away a moment ago
            if run_id not in self.missing:
                self.missing.append(run_id)
        else:
            self.unreadable[run_id] = error
