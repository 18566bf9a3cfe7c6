"""What people pass to a tracker."""

import math

import numpy as np
import pytest

from runicorn.sdk.values import NotANumberError, flatten_metrics, to_number


class Tensor:
    """Like a tensor of one element: no __float__ that works, but item()."""

    def __float__(self):
        raise TypeError("on another device")

    def item(self):
        return 2.5


class Hostile:
    def __float__(self):
        raise RuntimeError("no")

    def __str__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (True, 1.0), (np.float32(0.5), 0.5), (np.int64(3), 3.0), (np.array(4.0), 4.0), (np.array([5.0]), 5.0),
     (Tensor(), 2.5), (10**400, math.inf), (-(10**400), -math.inf)],
)  # fmt: skip
def test_scalars_of_all_kinds_are_numbers(value, number):
    assert to_number(value) == number


@pytest.mark.parametrize("value", [None, "1.0", b"1", [1.0], {}, object(), Hostile(), np.array([1.0, 2.0]), 1j])
def test_what_is_no_scalar_is_refused(value):
    with pytest.raises(NotANumberError):
        to_number(value)


def test_nested_metrics_are_joined_by_slashes():
    assert dict(flatten_metrics({"train": {"loss": 1, "top": {5: 2}}, 7: 3})) == {
        "train/loss": 1,
        "train/top/5": 2,
        "7": 3,
    }
