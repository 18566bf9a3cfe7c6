"""What the numbers of a picture stand for: black and white, judged over all of them, so that no single one decides.

Interpolation and decoders overshoot: one value of 1.001 makes no picture of 0 to 255. Pure; loads numpy when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy.typing as npt

_FEW = 0.01  # of the values may lie outside of what the others stand for
_NEAR_ZERO = 0.02  # so far below zero, a value is no sign of a picture from -1 to 1
_OVERSHOOT = 1.5
_DARK = 20.0  # below it, a picture of 0 to 255 would be all but black


class Range(NamedTuple):
    """The values that are black and white. assumed: what to tell where another reading was possible."""

    black: float
    white: float
    assumed: str | None = None


def range_of(array: npt.NDArray[Any], *, normalize: bool = True) -> Range:
    """Return the range of an image's values; NaN and infinities are not looked at.

    normalize: False takes all numbers as 0 to 255.
    """
    if array.dtype.kind == "b":
        return Range(0, 1)
    if not normalize or array.dtype == "uint8" or not array.size:
        return Range(0, 255)
    return _of_integers(array) if array.dtype.kind in "iu" else _of_floats(array)


def _of_integers(array: npt.NDArray[Any]) -> Range:
    low, high = int(array.min()), int(array.max())
    if low >= 0 and high == 1:
        return Range(0, 1, "whole numbers of 0 and 1: taken as a mask of black and white")
    if high > 255:
        return Range(0, high, f"whole numbers up to {high}: taken as 0 to {high}")
    return Range(0, 255)


def _of_floats(array: npt.NDArray[Any]) -> Range:
    import numpy as np

    low, high = float(array.min()), float(array.max())
    if not np.isfinite(high - low):
        array = array[np.isfinite(array)]
        if not array.size:
            return Range(0, 1)
        low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1:
        return Range(0, 1)
    seen = f"numbers from {low:.4g} to {high:.4g}"
    signed = float(np.mean(array < -_NEAR_ZERO)) > _FEW
    if _are_small(array, low, high):
        if signed:
            return Range(-1, 1, None if low >= -1 and high <= 1 else f"{seen}: taken as -1 to 1, the rest is cut")
        return Range(0, 1, f"{seen}: taken as 0 to 1, the rest is cut")
    if signed and (high < _DARK or low < -high / 10):
        return Range(low, high, f"{seen}: stretched, so that the least is black and the greatest white")
    if high > 256 and float(np.mean(array > 256)) > _FEW:
        return Range(0, high, f"{seen}: taken as 0 to {high:.4g}")
    return Range(
        0, 255, f"{seen}: taken as 0 to 255, which is dark" if high < _DARK and not _are_whole(array) else None
    )


def _are_small(array: npt.NDArray[Any], low: float, high: float) -> bool:
    """Tell whether they are numbers up to 1, but for an overshoot, or a few that stray."""
    import numpy as np

    if low >= -1 and high <= 1:
        return True
    if _are_whole(array):
        return False
    if low >= -_OVERSHOOT and high <= _OVERSHOOT:
        return True
    # Of the values other than zero: a few stars on black are the picture.
    size = np.abs(array[array != 0])
    return float(np.mean(size > 1)) <= _FEW


def _are_whole(array: npt.NDArray[Any]) -> bool:
    return bool((array == array.round()).all())
