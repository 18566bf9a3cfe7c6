"""What people pass to a tracker, made into numbers and plain JSON. Pure; raises only NotANumberError."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

_MAX_DEPTH = 12
_MAX_TEXT = 10_000


class NotANumberError(ValueError):
    """A value that cannot be drawn as a curve."""


def to_number(value: Any) -> float:
    """Return the float that a scalar stands for: Python, numpy, torch, anything with __float__ or item().

    Integers beyond a float's range become infinite. Raises NotANumberError for everything else.
    """
    if value is None or isinstance(value, (str, bytes)):
        raise NotANumberError(f"{type(value).__name__} is no number")
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


def to_json(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return plain JSON for anything: NaN and infinities as strings, what JSON does not know as its text."""
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else value[:_MAX_TEXT]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _NON_FINITE[str(float(value))]
    if depth > 0:
        if isinstance(value, Mapping):
            return {_text(key): to_json(item, depth - 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [to_json(item, depth - 1) for item in value]
        if hasattr(value, "tolist") and getattr(value, "size", 0) is not None:
            return _array(value, depth)
        if hasattr(value, "__dataclass_fields__"):
            return {name: to_json(getattr(value, name, None), depth - 1) for name in value.__dataclass_fields__}
        if type(value).__name__ == "Namespace":  # argparse
            return to_json(vars(value), depth - 1)
    return _text(value)


def is_plain(value: Any, depth: int = _MAX_DEPTH) -> bool:
    """Tell whether JSON can hold the value as it is, so that nothing was replaced by its text."""
    if value is None or isinstance(value, (bool, str, int, float)):
        return True
    if depth <= 0:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(item, depth - 1) for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(is_plain(item, depth - 1) for item in value)
    return hasattr(value, "tolist") or hasattr(value, "__dataclass_fields__") or type(value).__name__ == "Namespace"


def _array(value: Any, depth: int) -> Any:
    try:
        return to_json(value.tolist(), depth - 1)
    except Exception:  # noqa: BLE001 - foreign code, inside somebody's training loop
        return _text(value)


def _text(value: Any) -> str:
    try:
        return str(value)[:_MAX_TEXT]
    except Exception:  # noqa: BLE001 - foreign __str__, inside somebody's training loop
        return f"<{type(value).__name__}>"


_NON_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
