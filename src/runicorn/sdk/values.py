"""What people log, made into names, numbers and steps. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from typing import Any

_MAX_DEPTH = 12
_BOOLS = ("bool", "torch.bool")


class NotANumberError(ValueError):
    """A value that cannot be drawn as a curve."""


def to_number(value: Any) -> float:
    """Return the float that a scalar stands for: Python, numpy, torch, anything with __float__ or item().

    Integers beyond a float's range become infinite. Raises NotANumberError for everything else.
    """
    if value is None or isinstance(value, (str, bytes)):
        raise NotANumberError(f"{type(value).__name__} is no number")
    if hasattr(value, "detach") or getattr(value, "ndim", None):
        # torch warns where float() is asked of a loss that has a gradient, numpy where it is asked of an array.
        return _item(value)
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except Exception:  # noqa: BLE001 - foreign code (__float__ of anything), inside somebody's training loop
        return _item(value)


class FractionalStepError(ValueError):
    """A step between two whole ones. whole: the one before it, towards zero."""

    def __init__(self, whole: int) -> None:
        super().__init__("a step is a whole number")
        self.whole = whole


def as_step(step: Any) -> int:
    """Return the whole number that a step stands for: Python, numpy, torch and others, a text of one.

    Raises FractionalStepError, and anything for what is no number, True and False among it.
    """
    if step is True or step is False or str(getattr(step, "dtype", "")) in _BOOLS:  # an older numpy counts its own
        raise NotANumberError("true and false are no steps")
    try:
        return operator.index(step)
    except TypeError:
        if hasattr(step, "item"):
            return as_step(step.item())
    if isinstance(step, (str, bytes)):
        try:
            return int(step)
        except ValueError:
            step = float(step)
    whole = int(step)
    if step != whole:
        raise FractionalStepError(whole)
    return whole


def _item(value: Any) -> float:
    try:
        return float(value.item())
    except Exception as error:
        raise NotANumberError(f"{type(value).__name__} is no number") from error


def flatten_metrics(data: Mapping[Any, Any], prefix: str = "", depth: int = _MAX_DEPTH) -> Iterator[tuple[str, Any]]:
    """Yield names and values, nested mappings joined by slashes: {"train": {"loss": 1}} -> ("train/loss", 1)."""
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and depth > 0:
            yield from flatten_metrics(value, name + "/", depth - 1)
        else:
            yield name, value
