"""Runs of a group as one line with its band: their means over aligned cells of x, and how far these spread. Pure."""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runicorn.storage.columns import Floats, Ints
from runicorn.storage.lines.curve import finite_counts
from runicorn.storage.pyramid.levels import Rows
from runicorn.storage.pyramid.window import Span

_Z975 = 1.959963984540054  # the 97.5 % quantile of the normal distribution
_EXACT_UP_TO = 200


class Spread(enum.Enum):
    """What the band of a group shows around its line.

    STD: one sample standard deviation (n - 1) to either side. SE: the standard error of the mean, std / sqrt(n).
    CI95: the 95 % confidence interval of the mean, by Student's t with n - 1 degrees of freedom. MINMAX: from the least
    to the greatest. QUARTILES: from the first quartile to the third, around the median.
    """

    STD = "std"
    SE = "se"
    CI95 = "ci95"
    MINMAX = "minmax"
    QUARTILES = "quartiles"


@dataclass(frozen=True)
class Band:
    """A group over cells of x. y: the mean of its runs in each cell, the median for QUARTILES; NaN where no run is.

    low, high: the band; NaN where a spread needs two runs and there is one. runs: how many are in each cell. x_end is
    None where each cell is one step, which all its runs have or lie around.
    """

    x: Floats
    y: Floats
    low: Floats
    high: Floats
    runs: Ints
    x_end: Floats | None = None


@dataclass(frozen=True)
class Sums:
    """What a band needs of one run: x of its buckets, and how many finite values there are, and their sum, so far."""

    begin: Floats
    end: Floats
    count: Floats
    total: Floats


def sums_of(rows: Rows, span: Span) -> Sums:
    """Return what a band needs of a run. rows: an array of levels.BUCKET."""
    begin = span.of(rows[f"{span.name}_low"].astype(np.float64))
    end = span.of(rows[f"{span.name}_high"].astype(np.float64))
    count = finite_counts(rows)
    kept = (count > 0) & ~np.isnan(begin) & ~np.isnan(end)
    order = np.flatnonzero(kept)[np.argsort(begin[kept], kind="stable")]
    return Sums(begin[order], end[order], count[order].astype(np.float64), rows["total"][order])


def band_of(runs: Sequence[Sums], spread: Spread, cells: int) -> Band | None:
    """Return the band of a group; None where no run has a value. cells: at most about how many.

    Where the runs have points at no more different x than that, each of these is a cell of its own, and a run that has
    none there is taken as lying on the line between its neighbours. Otherwise the cells are equally wide, and a run's
    value in one is the mean of its points there. No run is drawn on beyond its first and last point. Single values are
    all compared with each other, wherever they stand.
    """
    runs = [run for run in runs if len(run.begin)]
    if not runs:
        return None
    if all(len(run.count) == 1 and run.count[0] == 1 for run in runs):
        last = max(float(run.begin[0]) for run in runs)
        return _spread(np.array([last]), None, np.array([run.total for run in runs]), spread)
    if all((run.begin == run.end).all() for run in runs):
        x = np.unique(np.concatenate([run.begin for run in runs]))
        if len(x) <= 2 * cells:
            values = np.stack([_at_points(run, x) for run in runs])
            return _spread(x, None, values, spread)
    low = min(float(run.begin[0]) for run in runs)
    high = max(float(run.end.max()) for run in runs)
    if low == high:
        values = np.stack([_cell_means(run, np.array([low, high])) for run in runs])
        return _spread(np.array([low]), None, values, spread)
    edges = np.linspace(low, high, cells + 1)
    values = np.stack([_cell_means(run, edges) for run in runs])
    band = _spread(edges[:-1], edges[1:], values, spread)
    filled = band.runs > 0
    x, y, low_y, high_y = (column[filled] for column in (band.x, band.y, band.low, band.high))
    return Band(x, y, low_y, high_y, band.runs[filled], edges[1:][filled])


def _at_points(run: Sums, x: Floats) -> Floats:
    """Return a run's value at each x: the mean of its points there, or what lies between those around it."""
    own, where = np.unique(run.begin, return_inverse=True)
    value = np.bincount(where, run.total) / np.bincount(where, run.count)
    found: Floats = np.interp(x, own, value, left=np.nan, right=np.nan)
    return found


def _cell_means(run: Sums, edges: Floats) -> Floats:
    """Return the mean of a run's points in each cell; between its points, what lies between those around a cell.

    A bucket that reaches over several cells gives each its share by width, as if its points lay evenly in it.
    """
    cells = len(edges) - 1
    width = run.end - run.begin
    first = np.clip(np.searchsorted(edges, run.begin, "right") - 1, 0, cells - 1)
    last = np.clip(np.searchsorted(edges, run.end, "right") - 1, 0, cells - 1)
    inside = first == last
    count = np.bincount(first[inside], run.count[inside], cells).astype(np.float64)
    total = np.bincount(first[inside], run.total[inside], cells).astype(np.float64)
    for at in np.flatnonzero(~inside):  # about as many as there are cells, at most
        reached = np.arange(first[at], last[at] + 1)
        left, right = np.maximum(edges[reached], run.begin[at]), np.minimum(edges[reached + 1], run.end[at])
        share = (right - left) / width[at]
        count[reached] += run.count[at] * share
        total[reached] += run.total[at] * share
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(count > 0, total / count, np.nan)
    known = np.flatnonzero(count > 0)
    if len(known) < cells:
        mean = np.interp(np.arange(cells), known, mean[known], left=np.nan, right=np.nan)
    return mean


def _spread(x: Floats, x_end: Floats | None, values: npt.NDArray[np.float64], spread: Spread) -> Band:
    """Return the band of values, a row for each run and a column for each cell."""
    there = ~np.isnan(values)
    runs: Ints = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = np.where(there, values, 0.0).sum(axis=0) / runs
        if spread is Spread.MINMAX:
            return Band(x, mean, np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0), runs, x_end)
        if spread is Spread.QUARTILES:
            low, y, high = _quartiles(values, runs)
            return Band(x, y, low, high, runs, x_end)
        squares = np.where(there, (values - mean) ** 2, 0.0).sum(axis=0)
        half = np.sqrt(squares / (runs - 1))
        if spread is not Spread.STD:
            half = half / np.sqrt(runs)
        if spread is Spread.CI95:
            half = half * _student(runs)
    half[runs < 2] = np.nan
    return Band(x, mean, mean - half, mean + half, runs, x_end)


def _quartiles(values: npt.NDArray[np.float64], runs: Ints) -> tuple[Floats, Floats, Floats]:
    """Return the quartiles of each column without its NaN, between two values by their distance, as numpy does."""
    ordered = np.sort(values, axis=0)  # NaN last
    found: list[Floats] = []
    for part in (0.25, 0.5, 0.75):
        place = np.maximum(runs - 1, 0) * part
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(runs - 1, 0))
        one, other = (np.take_along_axis(ordered, each[None, :], 0)[0] for each in (below, above))
        found.append(one + (other - one) * (place - below))
    return found[0], found[1], found[2]


def _student(runs: Ints) -> Floats:
    """Return by how many standard errors the 95 % interval of a mean of so many values reaches to either side."""
    sizes, where = np.unique(runs, return_inverse=True)
    found: Floats = np.array([_t975(int(size) - 1) for size in sizes])[where.reshape(runs.shape)]
    return found


@functools.cache
def _t975(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t distribution with so many degrees of freedom; NaN for none."""
    if freedom < 1:
        return math.nan
    if freedom > _EXACT_UP_TO:  # Abramowitz and Stegun, 26.7.5
        z = _Z975
        return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < 0.95 else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _inside(angle: float, freedom: int) -> float:
    """Return the probability of |t| < sqrt(freedom) * tan(angle); Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine**2 * (power - 1) / power
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
