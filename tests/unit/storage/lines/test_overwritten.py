"""Steps that a resumed run logged once more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runicorn.storage.lines.overwritten import without_overwritten
from runicorn.storage.pyramid.levels import Points, rows_of


def rows(steps, size=1):
    count = len(steps)
    points = Points(np.zeros(count, np.uint32), np.array(steps, np.int64), np.arange(count) * 1.0,
                    np.arange(count) * 1.0, np.arange(count) * 32)  # fmt: skip
    return rows_of(points, np.arange(0, count, size))


@pytest.mark.parametrize(
    ("steps", "kept", "hidden"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3], 0),
        ([0, 1, 2, 3, 2, 3, 4], [0, 1, 2, 3, 4], 2),
        ([0, 1, 2, 3, 4, 5, 1, 2], [0, 1, 2], 5),
        ([0, 1, 2, 3, 2, 3, 4, 5, 1, 2, 3], [0, 1, 2, 3], 7),
        ([0, 1, 2, 0], [0], 3),
        ([5, 5, 5, 6, 6], [5, 5, 5, 6, 6], 0),
        ([], [], 0),
    ],
)
def test_what_was_logged_once_more_is_shown_once(steps, kept, hidden):
    found = without_overwritten(rows(steps) if steps else rows([0])[:0])
    assert found.rows["step_first"].tolist() == kept
    assert found.hidden == hidden
    # The later ones are kept.
    if hidden:
        assert found.rows["first"][-1] == len(steps) - 1


def test_steps_out_of_order_all_the_time_hide_nothing():
    steps = [each for pair in range(50) for each in (2 * pair + 1, 2 * pair)]
    assert without_overwritten(rows(steps)).hidden == 0


def test_a_bucket_that_is_overwritten_in_part_ends_where_that_begins():
    found = without_overwritten(rows([*range(100), *range(55, 120)], size=10))
    lows, highs = found.rows["step_low"], found.rows["step_high"]
    assert (lows[1:] > highs[:-1]).all()
    assert found.hidden == 40


@given(st.integers(2, 400), st.lists(st.integers(0, 399), max_size=3))
def test_what_is_left_never_goes_back_and_holds_each_step_as_it_was_logged_last(length, resumed_at):
    steps = list(range(length))
    for at in resumed_at:
        begin = min(at, steps[-1] - 1)  # before where it had come to
        steps += list(range(begin, begin + length))
    found = without_overwritten(rows(steps))
    last = {step: number for number, step in enumerate(steps) if step <= steps[-1]}
    assert found.rows["step_first"].tolist() == sorted(last)
    assert found.rows["first"].tolist() == [last[step] for step in sorted(last)]
    assert found.hidden == len(steps) - len(last)
