"""Anything that people put into a configuration, made into plain JSON. Pure; raises nothing.

Known by what they are, without importing any library: mappings (OmegaConf's with missing values among them), argparse
and absl flags, dataclasses, attrs, pydantic, named tuples, ml_collections; enums, paths, dates, numpy and tensors.
"""

from __future__ import annotations

import datetime
import enum
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

MAX_DEPTH = 12
MAX_TEXT = 10_000
MAX_VALUES = 50_000
_NON_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_OMITTED = "..."


def to_json(value: Any) -> Any:
    """Return plain JSON for anything: NaN and infinities as strings, what JSON does not know as its text.

    Bounded: deeper than 12 levels, or beyond 50,000 values, "..." stands for the rest.
    """
    return _Converter(lambda: None).convert(value, MAX_DEPTH)


def is_plain(value: Any) -> bool:
    """Tell whether JSON can hold what the value says, so that nothing had to be replaced by its text."""
    replaced: list[None] = []
    _Converter(lambda: replaced.append(None)).convert(value, MAX_DEPTH)
    return not replaced


def fields_of(value: Any) -> dict[Any, Any] | None:
    """Return what a mapping or a record of any kind holds by name, or None for what is neither."""
    try:
        return _mapping(value) if isinstance(value, Mapping) else _record(value)
    except Exception:  # noqa: BLE001 - foreign code
        return None


class _Converter:
    """One conversion. `replaced` is called for each value whose text had to stand in for it."""

    def __init__(self, replaced: Callable[[], None]) -> None:
        self._replaced = replaced
        self._left = MAX_VALUES

    def convert(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            self._replaced()
            return _OMITTED
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind is str:
            return value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
        if kind is int:
            return value
        if kind is float:
            return value if math.isfinite(value) else _NON_FINITE[str(value)]
        try:
            return self._convert_other(value, depth)
        except Exception:  # noqa: BLE001 - foreign code: __getitem__, tolist, __str__ of anything
            self._replaced()
            return _text(value)

    def _convert_other(self, value: Any, depth: int) -> Any:
        if isinstance(value, enum.Enum):
            return self.convert(value.value, depth - 1) if isinstance(value.value, (str, int, float)) else value.name
        if isinstance(value, str):
            return str.__str__(value)[:MAX_TEXT]
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return self.convert(float(value), depth)
        if isinstance(value, os.PathLike) or kind_name(value) == "uuid.UUID":
            return str(value)[:MAX_TEXT]
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, datetime.timedelta):
            return value.total_seconds()
        if depth <= 0:
            self._replaced()
            return _OMITTED if isinstance(value, (Mapping, list, tuple, set)) else _text(value)
        return self._convert_many(value, depth)

    def _convert_many(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self._object(_mapping(value), depth)
        record = _record(value)
        if record is not None:
            return self._object(record, depth)
        if hasattr(value, "tolist") and getattr(value, "size", 0) is not None:  # numpy, torch, jax
            if _count(value) > self._left:
                self._replaced()
                return f"<{type(value).__name__} of {_count(value)} values>"
            return self.convert(value.tolist(), depth - 1)
        if isinstance(value, (Set, Sequence)) and not isinstance(value, (bytes, bytearray, memoryview)):
            items: Iterable[Any] = _in_order(value) if isinstance(value, Set) else value
            return [self.convert(item, depth - 1) for item in items]
        if isinstance(value, type) or callable(value):
            name = getattr(value, "__qualname__", None)
            if isinstance(name, str):
                return f"{getattr(value, '__module__', '')}.{name}"
        self._replaced()
        return _text(value)

    def _object(self, fields: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        return {_text(key): self.convert(item, depth - 1) for key, item in fields.items()}


def kind_name(value: Any) -> str:
    """Return the full name of a value's class, which tells what it is without importing its module."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


class _Missing:
    """What stands for a value that a mapping names and does not give, as OmegaConf's `???`."""

    def __str__(self) -> str:
        return "???"


def _mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a mapping's items, also where some of its values cannot be had."""
    try:
        return dict(value.items())
    except Exception:  # noqa: BLE001 - foreign code; one value spoils items(), so ask for each
        found: dict[Any, Any] = {}
        for key in value:
            try:
                found[key] = value[key]
            except Exception:  # noqa: BLE001 - see above
                found[key] = _Missing()
        return found


def _record(value: Any) -> dict[Any, Any] | None:
    """Return the fields of a record by name, or None for what is no record."""
    if isinstance(value, type):
        return None
    if hasattr(value, "__dataclass_fields__") or hasattr(value, "__attrs_attrs__"):
        names = [getattr(field, "name", field) for field in _fields(value)]
        return {name: getattr(value, name, None) for name in names}
    for method in ("model_dump", "_asdict", "flag_values_dict", "to_dict"):  # pydantic, named tuple, absl, many others
        if callable(getattr(type(value), method, None)) and not hasattr(value, "columns"):
            found = getattr(value, method)()
            if isinstance(found, Mapping):
                return dict(found)
    if type(value).__name__ in ("Namespace", "SimpleNamespace"):
        return dict(vars(value))
    return None


def _fields(value: Any) -> Iterable[Any]:
    fields = getattr(value, "__attrs_attrs__", None)
    return fields if fields is not None else list(value.__dataclass_fields__)


def _in_order(value: Set[Any]) -> list[Any]:
    return sorted(value, key=lambda item: (type(item).__name__, _text(item)))


def _count(value: Any) -> int:
    count = value.numel() if callable(getattr(value, "numel", None)) else getattr(value, "size", 0)
    return count if isinstance(count, int) else 0


def _text(value: Any) -> str:
    try:
        return str(value)[:MAX_TEXT]
    except Exception:  # noqa: BLE001 - foreign __str__, inside somebody's training loop
        return f"<{type(value).__name__}>"
