"""The binary form of lines: a frame for each, of a JSON head and columns of numbers. Pure; needs numpy where used.

A frame is, little-endian: u4 bytes of the head, u4 bytes of the columns, the head as JSON, filled up with blanks to a
multiple of 8 bytes together with these eight, the columns one behind the other, each filled up to a multiple of 8. The
head's `columns` names them in order: `{"name", "kind", "length"}`, kind one of u1, u2, u4, f4 and f8; with `base` (and
`scale`), a value is base + raw * scale. Of the kinds `const` and `ramp` there are no bytes: all values are `base`, or
base + index * scale. `base` may be null, "Infinity" or "-Infinity", for NaN and infinities.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from runicorn.model import number_to_json
from runicorn.viewer.schemas import encode

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

MEDIA_TYPE = "application/x-runicorn-lines"
_SIZES = struct.Struct("<II")
_ALIGN = 8
# Up to it, floats have all whole numbers.
_EXACT = 2.0**53
# A mean may be off by this part of what all means of a line reach over: far less than a pixel.
_UNSEEN = 1e-5
# What a float of 32 bits is off by, and between which sizes that holds.
_SINGLE = 2.0**-24
_LEAST_RANGE, _MOST = 1e-30, 1e38


def frame(
    head: Mapping[str, Any], columns: Iterable[tuple[str, Array | None]] = (), rough: frozenset[str] = frozenset()
) -> bytes:
    """Return one frame. columns: those that are None are left out. rough: which may be off by less than can be seen."""
    described: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    for name, values in columns:
        if values is not None:
            description, body = _packed(values, rough=name in rough)
            described.append({"name": name, "length": len(values), **description})
            bodies.append(body + bytes(-len(body) % _ALIGN))
    text = encode({**head, "columns": described} if described else dict(head))
    text += b" " * (-(len(text) + _SIZES.size) % _ALIGN)
    body = b"".join(bodies)
    return _SIZES.pack(len(text), len(body)) + text + body


def _packed(values: Array, *, rough: bool) -> tuple[dict[str, Any], bytes]:
    """Return how a column is written, and its bytes: as few as hold it exactly, or nearly so."""
    import numpy as np

    if not len(values):
        return {"kind": "f8"}, b""
    if values.dtype == np.uint8:
        return {"kind": "u1"}, values.tobytes()
    floats = values.astype("<f8", copy=False)
    low, high = float(floats.min()), float(floats.max())  # NaN where there is one
    if low == high:
        return {"kind": "const", "base": _plain(low)}, b""
    if low >= -_EXACT and high <= _EXACT and high - low < 2**32 and (floats == np.floor(floats)).all():
        return _whole(floats, low)
    with np.errstate(over="ignore"):
        singles = floats.astype("<f4")
    if np.isnan(low):
        if np.isnan(floats).all():
            return {"kind": "const", "base": None}, b""
        finite = floats[np.isfinite(floats)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    normal = high - low > _LEAST_RANGE and max(-low, high) < _MOST
    near = rough and normal and max(-low, high) * _SINGLE <= (high - low) * _UNSEEN
    if near or np.array_equal(singles, floats, equal_nan=True):
        return {"kind": "f4"}, singles.tobytes()
    return {"kind": "f8"}, floats.tobytes()


def _whole(values: Array, low: float) -> tuple[dict[str, Any], bytes]:
    """Return how whole numbers are written, none of which is NaN."""
    import numpy as np

    stride = float(values[1] - values[0])
    if stride > 0 and (values[1:] - values[:-1] == stride).all():
        return {"kind": "ramp", "base": float(values[0]), "scale": stride}, b""
    offsets = values - low
    kind = "u1" if offsets.max() < 2**8 else "u2" if offsets.max() < 2**16 else "u4"
    return {"kind": kind, "base": low, "scale": 1}, offsets.astype(np.dtype(f"<{kind}")).tobytes()


def _plain(value: float) -> float | str | None:
    return None if math.isnan(value) else number_to_json(value)
