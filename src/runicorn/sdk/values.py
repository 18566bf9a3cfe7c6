"""What people log, made into names and numbers. Pure; raises only NotANumberError."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

_MAX_DEPTH = 12


class NotANumberError(ValueError):
    """A value that cannot be drawn as a curve."""


def to_number(value: Any) -> float:
    """Return the float that a scalar stands for: Python, numpy, torch, anything with __float__ or item().

    Integers beyond a float's range become infinite. Raises NotANumberError for everything else.
    """
    if value is None or isinstance(value, (str, bytes)):
        raise NotANumberError(f"{type(value).__name__} is no number")
    if hasattr(value, "detach"):
        return _item(value)  # torch warns where float() is asked of a loss that has a gradient; item() is faster, too
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except Exception:  # noqa: BLE001 - foreign code (__float__ of anything), inside somebody's training loop
        return _item(value)


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
