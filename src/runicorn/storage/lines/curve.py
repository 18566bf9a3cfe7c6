"""A series as a drawable curve: one column for each thing that a bucket tells. Pure; holds numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runicorn.storage.columns import Floats, Ints
from runicorn.storage.pyramid.levels import Points, Rows
from runicorn.storage.pyramid.window import Span

# Bits of Curve.odd.
NAN, INFINITE, MINUS_INFINITE = 1, 2, 4


@dataclass(frozen=True)
class Curve:
    """Points, or buckets of them, in the order in which they were logged.

    x, x_end: where each begins and ends, in what the axis counts. y: the mean of its finite values, NaN where it has
    none; of a single point its value, whatever it is. low, high: the extremes of its finite values. points: how many it
    holds. odd: which of NaN, INFINITE and MINUS_INFINITE are in it; None where none is. x_end, low, high and points are
    None where each bucket is one point.
    """

    x: Floats
    y: Floats
    x_end: Floats | None = None
    low: Floats | None = None
    high: Floats | None = None
    points: Ints | None = None
    odd: npt.NDArray[np.uint8] | None = None

    @property
    def count(self) -> int:
        """How many points it stands for."""
        return len(self.x) if self.points is None else int(self.points.sum(dtype=np.int64))


def curve_of(rows: Rows, span: Span) -> Curve:
    """Return the curve that these buckets draw. rows: an array of levels.BUCKET, in file order."""
    name = span.name
    x = span.of(rows[f"{name}_low"].astype(np.float64))
    odd = _odd(rows)
    if (rows["count"] == 1).all():
        return Curve(x, rows["first"].copy(), odd=odd)
    return Curve(
        x,
        means(rows),
        span.of(rows[f"{name}_high"].astype(np.float64)),
        rows["low"].copy(),
        rows["high"].copy(),
        rows["count"].astype(np.int64),
        odd,
    )


def curve_of_points(points: Points, span: Span) -> Curve:
    """Return the curve of points that are drawn each by itself; it is what curve_of() returns of their buckets."""
    x = np.array(span.x(points), np.float64)
    y = points.value.copy()
    finite = np.isfinite(y)
    if finite.all():
        return Curve(x, y)
    odd = NAN * np.isnan(y) | INFINITE * (y == np.inf) | MINUS_INFINITE * (y == -np.inf)
    return Curve(x, y, odd=odd.astype(np.uint8))


def means(rows: Rows) -> Floats:
    """Return the mean of each bucket's finite values; NaN for one of many points without any."""
    finite = finite_counts(rows)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean: Floats = rows["total"] / finite
        huge = ~np.isfinite(mean) & (finite > 0)  # the sum is more than a float holds
        if huge.any():
            mean[huge] = rows["low"][huge] / 2 + rows["high"][huge] / 2
    alone = rows["count"] == 1
    mean[alone] = rows["first"][alone]
    return mean


def finite_counts(rows: Rows) -> Ints:
    """Return how many finite values each bucket holds."""
    counts: Ints = rows["count"].astype(np.int64)
    for name in ("nans", "infs", "minus_infs"):
        if rows[name].any():
            counts -= rows[name]
    return counts


def _odd(rows: Rows) -> npt.NDArray[np.uint8] | None:
    found = np.zeros(len(rows), np.uint8)
    for name, bit in (("nans", NAN), ("infs", INFINITE), ("minus_infs", MINUS_INFINITE)):
        if rows[name].any():
            found |= np.where(rows[name] > 0, np.uint8(bit), np.uint8(0))
    return found if found.any() else None
