"""Columns of points: the fast reader agrees with the plain one, and a thinned line tells the truth."""

import numpy as np
import pytest

from runicorn.model import MetricStats
from runicorn.storage import columns, records


def line(count):
    return np.arange(count, dtype=np.int64), np.sin(np.arange(count) / 500.0)


def test_fewer_points_than_asked_for_come_as_they_are():
    x, y = line(100)
    thinned = columns.thin(x, y, 100)
    assert (thinned.low, thinned.high) == (None, None)
    assert thinned.x.tolist() == x.tolist()


def test_a_thinned_line_has_no_more_points_than_asked_for():
    x, y = line(100_000)
    for points in (2, 3, 5, 10, 2000):
        assert 2 <= len(columns.thin(x, y, points).x) <= points


@pytest.mark.parametrize("at", [0, 1, 777, 50_000, 99_999])
def test_a_planted_spike_survives(at):
    x, y = line(100_000)
    y[at] = 1000.0
    y[-1 - at] = -1000.0
    thinned = columns.thin(x, y, 200)
    assert thinned.y.max() == thinned.high.max() == 1000.0
    assert thinned.y.min() == thinned.low.min() == -1000.0


def test_the_extremes_are_those_of_the_points_around():
    rng = np.random.default_rng(3)
    x, y = np.arange(5_000), rng.normal(size=5_000)
    thinned = columns.thin(x, y, 50)
    assert thinned.low.min() == y.min()
    assert thinned.high.max() == y.max()
    assert (thinned.low <= thinned.y).all()
    assert (thinned.y <= thinned.high).all()
    nearest = np.abs(x[:, None] - thinned.x[None, :]).argmin(axis=1)
    assert (y <= np.maximum(thinned.high[nearest], thinned.high[np.minimum(nearest + 1, len(thinned.x) - 1)])).all()


def test_spikes_survive_between_nan_and_infinities():
    x, y = line(100_000)
    y[::7] = np.nan
    y[30_000], y[60_000] = np.inf, -np.inf
    y[12_345] = 50.0
    thinned = columns.thin(x, y, 300)
    assert len(thinned.x) <= 300
    assert 50.0 in thinned.y
    assert np.isnan(thinned.y).any()
    assert np.inf in thinned.y
    assert -np.inf in thinned.y
    assert np.nanmax(thinned.high) == np.inf


def test_a_line_of_nothing_but_nan_is_still_drawn():
    x = np.arange(10_000)
    thinned = columns.thin(x, np.full(10_000, np.nan), 100)
    assert 2 <= len(thinned.x) <= 100
    assert np.isnan(thinned.high).all()


def test_steps_that_go_back_keep_their_spike():
    x = np.concatenate([np.arange(6000), np.arange(3000, 9000)])
    y = np.sin(x / 100.0)
    y[7000] = 99.0
    assert columns.thin(x, y, 100).y.max() == 99.0


def test_steps_that_all_repeat_keep_their_spike():
    y = np.zeros(10_000)
    y[5000] = 7.0
    assert columns.thin(np.zeros(10_000, np.int64), y, 50).y.max() == 7.0


@pytest.mark.parametrize(
    "x",
    [
        np.linspace(0, 2**62, 5000).astype(np.int64),
        np.linspace(-(2**62), 2**62, 5000).astype(np.int64),
        np.sort(np.concatenate(([-(2**63), 2**63 - 1], np.arange(4998)))),
        np.concatenate((np.arange(4999), [2**63 - 1])),
        np.concatenate(([-(2**63)], np.arange(4999))),
        np.full(5000, 2**63 - 1),
        np.full(5000, -(2**63)),
        np.arange(5000) + 1_795_698_472_000_000_000,
        np.concatenate((np.linspace(-1.7e308, 0, 2500), np.linspace(0, 1.7e308, 2500))),
        np.concatenate((np.arange(4999.0), [np.inf])),
        np.concatenate(([-np.inf], np.arange(4999.0))),
        np.full(5000, np.inf),
        np.full(5000, np.nan),
        np.concatenate((np.arange(4999.0), [np.nan])),
    ],
    ids=range(14),
)
def test_steps_and_times_as_far_apart_as_they_can_be_keep_their_spike(x):
    y = np.zeros(5000)
    y[3210], y[4321] = 7, -7
    thinned = columns.thin(x, y, 500)
    assert len(thinned.y) <= 500
    assert {-7.0, 7.0} <= set(thinned.y.tolist())
    assert thinned.x.dtype == x.dtype


def test_the_same_line_is_thinned_the_same_way():
    x, y = line(100_000)
    first, second = columns.thin(x, y, 777), columns.thin(x, y, 777)
    assert first.x.tolist() == second.x.tolist()
    assert first.high.tolist() == second.high.tolist()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_window_includes_both_ends(ordered):
    x = np.array([1, 2, 2, 3, 4]) if ordered else np.array([4, 2, 1, 3, 2])
    assert sorted(x[columns.select(x, 2, 3)].tolist()) == [2, 2, 3]
    assert len(x[columns.select(x, None, None)]) == 5
    assert x[columns.select(x, 10, None)].tolist() == []


def test_metrics_are_told_apart_in_file_order():
    data = b"".join(records.pack(number, step, 0.0, step * 1.0) for step in range(5) for number in (2, 70_000, 0))
    rows, skipped, consumed = columns.unpack(data)
    parts = dict(columns.split(rows))
    assert (skipped, consumed) == (0, len(data))
    assert sorted(parts) == [0, 2, 70_000]
    assert all(part.step.tolist() == [0, 1, 2, 3, 4] for part in parts.values())


def test_growing_columns_keep_everything_in_order():
    grown = columns.GrowingColumns()
    for start in range(0, 1000, 7):
        steps = np.arange(start, min(start + 7, 1000))
        grown.append(columns.Columns(steps, steps * 1.0, steps * 2.0))
    assert grown.view().step.tolist() == list(range(1000))
    assert grown.view().value.tolist() == [step * 2.0 for step in range(1000)]


def test_statistics_of_two_parts_are_those_of_the_whole():
    values = np.array([3.0, np.nan, -1.0, 8.0, np.nan])
    steps = np.arange(5)
    whole = columns.Columns(steps, steps * 1.0, values)
    parts = columns.merged_stats(columns.merged_stats(None, whole.select(slice(0, 2))), whole.select(slice(2, 4)))
    assert parts == MetricStats(count=4, last=8.0, min=-1.0, max=8.0, last_step=3, last_time=3.0)


def test_a_metric_of_nan_has_no_extremes():
    only = columns.Columns(np.array([1]), np.array([1.0]), np.array([np.nan]))
    stats = columns.merged_stats(None, only)
    assert (stats.count, stats.min, stats.max) == (1, None, None)


def test_odd_numbers_become_texts_and_others_stay():
    assert columns.plain(np.array([1.5, np.nan, np.inf, -np.inf])) == [1.5, "NaN", "Infinity", "-Infinity"]
    assert columns.plain(np.array([1, 2])) == [1, 2]
