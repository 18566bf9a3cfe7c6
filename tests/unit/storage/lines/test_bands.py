"""A group's line and band, compared with numpy: over the same steps, and over cells of many points."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.model import Axis
from runicorn.storage.lines.bands import Spread, band_of, sums_of
from runicorn.storage.pyramid.levels import Points, rows_of
from runicorn.storage.pyramid.window import Span

SPAN = Span(Axis.STEP, None, None, 0.0, 100)
VALUES = st.floats(-1e6, 1e6, allow_nan=False, width=32)


def buckets(steps, values, size=1):
    """Return a run's buckets of so many points each."""
    count = len(steps)
    points = Points(
        np.zeros(count, np.uint32), np.asarray(steps, np.int64), np.asarray(steps, float),
        np.asarray(values, float), np.arange(count) * 32,
    )  # fmt: skip
    return rows_of(points, np.arange(0, count, size))


def band(runs, spread, cells=1000, size=1):
    return band_of([sums_of(buckets(steps, values, size), SPAN) for steps, values in runs], spread, cells)


@st.composite
def aligned(draw):
    steps = sorted(draw(st.sets(st.integers(0, 10_000), min_size=1, max_size=30)))
    runs = draw(st.integers(1, 7))
    return steps, np.array(
        [draw(st.lists(VALUES, min_size=len(steps), max_size=len(steps))) for _ in range(runs)], float
    )


@settings(deadline=None)
@given(aligned(), st.sampled_from(Spread))
def test_bands_over_the_same_steps_are_those_of_numpy(runs, spread):
    steps, values = runs
    found = band([(steps, row) for row in values], spread)
    assert found.x.tolist() == steps
    assert found.runs.tolist() == [len(values)] * len(steps)
    assert found.x_end is None
    many = len(values) > 1
    std = values.std(axis=0, ddof=1) if many else np.full(len(steps), np.nan)
    y = values.mean(axis=0)
    low, high = {
        Spread.STD: lambda: (y - std, y + std),
        Spread.SE: lambda: (y - std / math.sqrt(len(values)), y + std / math.sqrt(len(values))),
        Spread.CI95: lambda: interval(y, std, len(values)),
        Spread.MINMAX: lambda: (values.min(axis=0), values.max(axis=0)),
        Spread.QUARTILES: lambda: tuple(np.percentile(values, part, axis=0) for part in (25, 75)),
    }[spread]()  # fmt: skip
    if spread is Spread.QUARTILES:
        y = np.median(values, axis=0)
    scale = np.abs(values).max() + 1e-9
    for ours, theirs in ((found.y, y), (found.low, low), (found.high, high)):
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-8)


def interval(y, std, runs):
    half = std / math.sqrt(runs) * student(runs - 1)
    return y - half, y + half


@functools.cache
def student(freedom):
    """Return the 97.5 % quantile of Student's t by adding its density up."""
    if freedom < 1:
        return math.nan
    t = np.linspace(0, 20, 2_000_001)
    density = (1 + t**2 / freedom) ** (-(freedom + 1) / 2)
    density *= math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    inside = np.concatenate(([0], np.cumsum((density[1:] + density[:-1]) / 2))) * (t[1] - t[0])
    return float(np.interp(0.475, inside, t))


@pytest.mark.parametrize(
    ("runs", "quantile"),
    [(2, 12.7062047362), (3, 4.3026527297), (5, 2.7764451052), (31, 2.0422724563), (1001, 1.9623390808)],
)
def test_the_interval_of_the_mean_is_students(runs, quantile):
    values = np.random.default_rng(0).normal(size=runs)
    found = band([([0], [value]) for value in values], Spread.CI95)
    half = quantile * values.std(ddof=1) / math.sqrt(runs)
    assert found.high[0] - found.y[0] == pytest.approx(half, rel=1e-8)


def test_between_its_points_a_run_lies_on_the_line_and_beyond_them_nowhere():
    found = band([([0, 10, 20], [0.0, 10.0, 20.0]), ([0, 20], [0.0, 40.0]), ([10], [100.0])], Spread.MINMAX)
    assert found.x.tolist() == [0, 10, 20]
    assert found.runs.tolist() == [2, 3, 2]
    assert found.y.tolist() == [0.0, (10 + 20 + 100) / 3, 30.0]
    assert found.high.tolist() == [0.0, 100.0, 40.0]


def test_nan_of_one_run_is_none_of_the_others():
    found = band([([0, 1, 2], [1.0, math.nan, 3.0]), ([0, 1, 2], [3.0, 3.0, 3.0])], Spread.STD)
    assert found.y.tolist() == [2.0, 2.5, 3.0]  # the first run lies on the line between 1 and 3
    only_nan = band([([0], [math.nan])], Spread.STD)
    assert only_nan is None


def test_one_run_has_a_line_and_no_band():
    found = band([([0, 1], [1.0, 2.0])], Spread.STD)
    assert found.y.tolist() == [1.0, 2.0]
    assert np.isnan(found.low).all()


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 20), st.integers(5, 40), st.integers(0, 2**32), st.sampled_from(Spread))
def test_cells_hold_the_means_of_the_points_in_them(runs, cells, size, seed, spread):
    # Cells are 100 steps wide, and no bucket lies in two of them: numpy's means of the same points are the answer.
    numbers = np.random.default_rng(seed)
    inside = np.stack([np.sort(numbers.permutation(np.arange(1, 100))[:size]) for _ in range(cells)])
    steps = (inside + 100 * np.arange(cells)[:, None]).ravel()
    steps[0], steps[-1] = 0, 100 * cells
    values = numbers.normal(size=(runs, cells * size))
    found = band_of([sums_of(buckets(steps, row, size), SPAN) for row in values], spread, cells)
    means = values.reshape(runs, cells, size).mean(axis=2)
    assert found.x.tolist() == [100.0 * cell for cell in range(cells)]
    if spread is Spread.QUARTILES:
        np.testing.assert_allclose(found.y, np.median(means, axis=0), atol=1e-12)
        np.testing.assert_allclose(found.low, np.percentile(means, 25, axis=0), atol=1e-12)
        return
    np.testing.assert_allclose(found.y, means.mean(axis=0), atol=1e-12)
    if spread is Spread.MINMAX:
        np.testing.assert_allclose(found.low, means.min(axis=0), atol=1e-12)
    elif runs > 1:
        std = means.std(axis=0, ddof=1) / (1 if spread is Spread.STD else math.sqrt(runs))
        half = std * (student(runs - 1) if spread is Spread.CI95 else 1)
        np.testing.assert_allclose(found.high - found.y, half, atol=1e-6)


def test_a_million_points_in_buckets_have_the_mean_of_their_cells():
    steps = np.arange(1_000_000)
    rows = [np.sin(steps / 100_000) + number for number in range(4)]
    found = band([(steps, row) for row in rows], Spread.STD, cells=500, size=256)
    edges = np.searchsorted(steps, found.x)
    means = np.stack([np.add.reduceat(row, edges) / np.diff(np.append(edges, len(steps))) for row in rows])
    np.testing.assert_allclose(found.y, means.mean(axis=0), atol=2e-3)
    np.testing.assert_allclose(found.high - found.y, means.std(axis=0, ddof=1), atol=1e-6)
    assert found.runs.tolist() == [4] * len(found.x)


def test_runs_of_different_lengths_are_counted_where_they_are():
    long, short = np.arange(100_000), np.arange(50_000)
    found = band([(long, np.ones(100_000)), (short, np.full(50_000, 3.0))], Spread.MINMAX, cells=100, size=100)
    assert found.y[10] == 2.0
    assert found.y[-10] == 1.0
    assert found.runs[10] == 2
    assert found.runs[-10] == 1


def test_single_values_are_compared_wherever_they_stand():
    found = band([([100], [1.0]), ([200], [2.0]), ([300], [3.0])], Spread.STD)
    assert (found.x.tolist(), found.y.tolist(), found.low.tolist(), found.runs.tolist()) == ([300], [2.0], [1.0], [3])
