"""JSON as the storage root holds it: objects in, objects out, whatever the bytes are."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 100

_DECODE_ERRORS = (ValueError, RecursionError)


@functools.cache
def _fastest(fields: tuple[str, ...]) -> Callable[[bytes], Any]:
    # 5 times faster than the standard library, which is what a bare Python on a server falls back to.
    try:
        import msgspec
    except ImportError:
        return json.loads
    if not fields:
        return msgspec.json.Decoder().decode
    some = msgspec.json.Decoder(msgspec.defstruct("Fields", [(name, Any, None) for name in fields])).decode
    as_dict = msgspec.structs.asdict
    return lambda data: as_dict(some(data))


def decode_object(data: bytes, fields: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Return the JSON object in `data`, or None where it holds none.

    fields: those that are of interest, None for each that is missing; others may be left out. () for all.
    """
    try:
        value = _fastest(fields)(data)
    except _DECODE_ERRORS:
        return _decode_lenient(data)
    return value if isinstance(value, dict) and not _too_deep(data, value) else None


def well_formed(text: str) -> str:
    """Return the text with U+FFFD for each half of a surrogate pair, which no UTF-8 and so no answer can hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encode_object(value: dict[str, Any]) -> bytes:
    """Return the object as one line. It must be plain JSON: NaN and infinities raise ValueError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )


def _decode_lenient(data: bytes) -> dict[str, Any] | None:
    """Decode what strict JSON forbids and other programs write all the same: bare NaN, halves of surrogate pairs."""
    try:
        value = json.loads(data, parse_constant=lambda name: name)
    except _DECODE_ERRORS:
        return None
    return _well_formed(value) if isinstance(value, dict) and not _too_deep(data, value) else None


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed(key): _well_formed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_well_formed(inner) for inner in value]
    return value


def _too_deep(data: bytes, value: dict[str, Any]) -> bool:
    """Tell whether an object is nested so deeply that handling it could exhaust the stack."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return False
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
