"""The page's smoothing, compared with the same thing written with numpy from its definition."""

import numpy as np
import pytest
from tests.support.page_code import call_all

RANDOM = np.random.default_rng(20261126)


def lines():
    """Yield x and y of lines as people have them: dense, sparse, uneven, with gaps, with repeated x, on a log axis."""
    for number in range(60):
        count = int(RANDOM.integers(2, 200))
        x = np.sort(RANDOM.choice([RANDOM.uniform(0, 1000, count), RANDOM.integers(0, 50, count) * 1.0], 1)[0])
        y = RANDOM.normal(size=count).cumsum() + RANDOM.choice([0, 1e6])
        if number % 3 == 0:
            y[RANDOM.random(count) < 0.2] = np.nan
        yield (np.log10(x + 1) if number % 4 == 1 else x), y


def ema(x, y, weight, length):
    out, average, mass, last = np.full(len(y), np.nan), 0.0, 0.0, None
    for at in np.flatnonzero(np.isfinite(y)):
        keep = weight ** (1 if last is None else max(abs(x[at] - last) / length * 1000, 1e-3))
        average, mass, last = average * keep + y[at] * (1 - keep), mass * keep + 1 - keep, x[at]
        out[at] = average / mass
    return out


def running_mean(x, y, part, length, weights):
    out = np.full(len(y), np.nan)
    for at in np.flatnonzero(np.isfinite(y)):
        near = np.isfinite(y) & (np.abs(x - x[at]) <= part * length / 2)
        out[at] = np.average(y[near], weights=weights[near])
    return out


def gaussian(x, y, part, length, weights):
    out = np.full(len(y), np.nan)
    for at in np.flatnonzero(np.isfinite(y)):
        weight = np.exp(-0.5 * ((x - x[at]) / (part * length)) ** 2) * weights
        there = np.isfinite(y)
        out[at] = np.average(y[there], weights=weight[there])
    return out


@pytest.mark.parametrize(
    ("kind", "amounts", "weighted"),
    [("ema", (0.3, 0.9), False), ("mean", (0.02, 0.3), False), ("mean", (0.02, 0.3), True),
     ("gaussian", (0.01, 0.1), False), ("gaussian", (0.01, 0.1), True)],
)  # fmt: skip
def test_smoothing_is_what_numpy_says(kind, amounts, weighted):
    cases = [(x, y, amount, RANDOM.integers(1, 50, len(x)) * 1.0) for x, y in lines() for amount in amounts]
    calls = [
        ("smooth", list(x), list(y), {"kind": kind, "amount": amount}, float(np.ptp(x)),
         list(weights) if weighted else None)
        for x, y, amount, weights in cases
    ]  # fmt: skip
    for (x, y, amount, weights), found in zip(cases, call_all("pure/smoothing.ts", calls), strict=True):
        ours = np.array([np.nan if value is None else value for value in found])
        length = np.ptp(x)
        counted = weights if weighted else np.ones(len(x))
        if not length:
            expected = y
        elif kind == "ema":
            expected = ema(x, y, amount, length)
        else:
            expected = {"mean": running_mean, "gaussian": gaussian}[kind](x, y, amount, length, counted)
        spread = np.nanmax(y) - np.nanmin(y) + 1e-9
        # The bell is looked up in a table of 1,024 steps, and ends after four standard deviations.
        tolerance = 5e-3 if kind == "gaussian" else 1e-7
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected))
        assert np.nanmax(np.abs(ours - expected)) <= tolerance * spread


def test_a_line_that_was_thinned_is_smoothed_as_its_points_are():
    x = np.arange(20_000.0)
    y = np.sin(x / 3000) + RANDOM.normal(size=len(x)) * 0.1
    buckets = y.reshape(-1, 20).mean(axis=1)
    middle = x.reshape(-1, 20).mean(axis=1)
    for kind, amount in (("mean", 0.05), ("gaussian", 0.02)):
        smoothing = {"kind": kind, "amount": amount}
        fine, coarse = call_all("pure/smoothing.ts", [
            ("smooth", list(x), list(y), smoothing, float(np.ptp(x)), None),
            ("smooth", list(middle), list(buckets), smoothing, float(np.ptp(x)), [20.0] * len(buckets)),
        ])  # fmt: skip
        np.testing.assert_allclose(np.interp(middle[30:-30], x, fine), coarse[30:-30], atol=0.01)
