"""The binary form of lines holds what was put into it, in few bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.line_frames import read_frames

from runicorn.viewer.line_frames import frame

FLOATS = st.lists(st.floats(width=64) | st.integers(-(2**53), 2**53).map(float) | st.floats(width=32), max_size=20)


@given(st.lists(FLOATS, max_size=5), st.text(max_size=20))
def test_columns_come_back_as_they_were(columns, text):
    data = frame({"name": text}, [(f"c{number}", np.array(each)) for number, each in enumerate(columns)])
    (found,) = read_frames(data + b"")
    assert found["name"] == text
    for number, each in enumerate(columns):
        np.testing.assert_array_equal(found["columns"][f"c{number}"], np.array(each, float))


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=50))
def test_what_may_be_rough_is_off_by_less_than_a_pixel(values):
    (found,) = read_frames(frame({}, [("y", np.array(values))], frozenset({"y"})))
    assert np.abs(found["columns"]["y"] - values).max() <= (max(values) - min(values)) * 1e-5


@pytest.mark.parametrize(
    ("values", "kind", "size"),
    [
        (np.arange(1000), "ramp", 0),
        (np.arange(0, 10**9, 10**6), "ramp", 0),
        (np.full(1000, 0.1), "const", 0),
        (np.full(1000, np.nan), "const", 0),
        (1.7e9 + np.arange(1000) % 7, "u1", 1000),
        (np.arange(1000) ** 2, "u4", 4000),
        (np.random.default_rng(0).normal(size=1000).astype(np.float32), "f4", 4000),
        (np.random.default_rng(0).normal(size=1000), "f8", 8000),
        (np.arange(10) % 3 == 0, "u1", 16),
        (1e9 + np.arange(1000) * 1e-3, "f8", 8000),
    ],
)
def test_a_column_takes_few_bytes(values, kind, size):
    data = frame({}, [("c", np.asarray(values))])
    (found,) = read_frames(data)
    assert found["columns"]["c"].tolist() == np.asarray(values, float).tolist() or np.isnan(values).all()
    assert f'"kind":"{kind}"'.encode() in data
    assert len(data) - size < 160
