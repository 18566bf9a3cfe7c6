"""What is drawn of points and of buckets."""

import numpy as np
import pytest

from runicorn.model import Axis
from runicorn.storage.lines.curve import Curve, curve_of, curve_of_points
from runicorn.storage.pyramid.levels import Points, rows_of_each
from runicorn.storage.pyramid.window import Span

VALUES = {
    "plain": [1.0, 2.0, 2.5, -3.0],
    "not finite": [np.nan, np.inf, 1.0, -np.inf],
    "none finite": [np.nan, np.nan, np.inf, np.inf],
    "none": [],
}


def points_of(values: list[float]) -> Points:
    size = len(values)
    steps = np.array([5, 7, 3, 2**53][:size], np.int64)
    times = np.array([1000.5, 1001.0, np.nan, 1000.0][:size], np.float64)
    nothing = np.zeros(size, np.int64)
    return Points(nothing.astype(np.uint32), steps, times, np.array(values, np.float64), nothing)


def parts(curve: Curve) -> list[object]:
    columns = (curve.x, curve.y, curve.x_end, curve.low, curve.high, curve.points, curve.odd)
    return [None if column is None else (column.dtype, column.tolist()) for column in columns]


@pytest.mark.parametrize("axis", list(Axis))
@pytest.mark.parametrize("values", VALUES)
def test_points_are_drawn_as_their_buckets_would_be(values: str, axis: Axis) -> None:
    points, span = points_of(VALUES[values]), Span(axis, None, None, 999.0, 10)
    of_points, of_buckets = curve_of_points(points, span), curve_of(rows_of_each(points), span)
    assert repr(parts(of_points)) == repr(parts(of_buckets))
    assert of_points.count == len(VALUES[values])


def test_a_curve_holds_on_to_nothing_that_is_read_into() -> None:
    points = points_of(VALUES["plain"])
    curve = curve_of_points(points, Span(Axis.TIME, None, None, 0.0, 10))
    points.value[:] = 0
    points.time[:] = 0
    assert curve.y.tolist() == VALUES["plain"]
    assert curve.x[0] == 1000.5
