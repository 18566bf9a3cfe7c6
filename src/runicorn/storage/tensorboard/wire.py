"""The protobuf wire format, read without the protobuf package (docs/decisions/protobuf-by-hand.md). Pure.

A message is a row of fields, each a number, a wire type and a payload. What a number means is the caller's knowledge;
unknown ones are passed over, as the format wants it. Raises only WireError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_GROUP_START, _GROUP_END = 3, 4

_F8 = struct.Struct("<d")
_F4 = struct.Struct("<f")
_U8 = struct.Struct("<Q")
_U4 = struct.Struct("<I")


class WireError(ValueError):
    """Bytes that are no protobuf message, or whose field has another type than its number says."""


class Field(NamedTuple):
    """One field of a message within `data`.

    number: from the message's definition. kind: the wire type. start, end: its payload's bytes. value: the number of
    a VARINT, else 0.
    """

    number: int
    kind: int
    start: int
    end: int
    value: int


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Yield the fields of the message that lies from `start` to `end`, in the order in which they were written."""
    at = start
    limit = len(data) if end is None else end
    while at < limit:
        key = data[at]
        at += 1
        if key > 0x7F:
            key, at = _varint(data, at - 1, limit)
        kind = key & 7
        if kind == BYTES:
            if at < limit and data[at] <= 0x7F:
                length = data[at]
                at += 1
            else:
                length, at = _varint(data, at, limit)
            if at + length > limit:
                raise WireError("A field reaches beyond its message.")
            yield Field(key >> 3, kind, at, at + length, 0)
            at += length
        elif kind == VARINT:
            begin = at
            value, at = _varint(data, at, limit)
            yield Field(key >> 3, kind, begin, at, value)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
            if at + size > limit:
                raise WireError("A field reaches beyond its message.")
            yield Field(key >> 3, kind, at, at + size, 0)
            at += size
        else:  # groups have been out of use for twenty years, 6 and 7 never were in use
            raise WireError(f"There is no wire type {kind} here.")


def double(data: bytes, field: Field) -> float:
    if field.kind != FIXED64:
        raise WireError("A double was expected.")
    value: float = _F8.unpack_from(data, field.start)[0]
    return value


def single(data: bytes, field: Field) -> float:
    """Return a float's value; each one is exact as a double."""
    if field.kind != FIXED32:
        raise WireError("A float was expected.")
    value: float = _F4.unpack_from(data, field.start)[0]
    return value


def signed(field: Field) -> int:
    """Return an int32 or int64, which a negative value is written of as its two's complement."""
    if field.kind != VARINT:
        raise WireError("An integer was expected.")
    value = field.value & 0xFFFFFFFFFFFFFFFF
    return value - 2**64 if value >= 2**63 else value


def text(data: bytes, field: Field) -> str:
    """Return a string; bytes that are no UTF-8 as U+FFFD."""
    return content(data, field).decode("utf-8", "replace")


def content(data: bytes, field: Field) -> bytes:
    if field.kind != BYTES:
        raise WireError("Bytes were expected.")
    return data[field.start : field.end]


def message(data: bytes, field: Field) -> Iterator[Field]:
    """Yield the fields of the message that a field holds."""
    if field.kind != BYTES:
        raise WireError("A message was expected.")
    return fields(data, field.start, field.end)


def doubles(data: bytes, field: Field) -> list[float]:
    """Return the items of a repeated double, packed or one of them alone."""
    return _fixed(data, field, FIXED64, 8, "d")


def singles(data: bytes, field: Field) -> list[float]:
    """Return the items of a repeated float, packed or one of them alone."""
    return _fixed(data, field, FIXED32, 4, "f")


def integers(data: bytes, field: Field) -> list[int]:
    """Return the items of a repeated int32, int64 or bool, packed or one of them alone."""
    if field.kind == VARINT:
        return [signed(field)]
    if field.kind != BYTES:
        raise WireError("Integers were expected.")
    found = []
    at = field.start
    while at < field.end:
        value, at = _varint(data, at, field.end)
        value &= 0xFFFFFFFFFFFFFFFF
        found.append(value - 2**64 if value >= 2**63 else value)
    return found


def _fixed(data: bytes, field: Field, alone: int, size: int, letter: str) -> list[float]:
    length = field.end - field.start
    if field.kind not in (alone, BYTES) or length % size:
        raise WireError("Numbers of a fixed size were expected.")
    return list(struct.unpack_from(f"<{length // size}{letter}", data, field.start))


def _varint(data: bytes, at: int, limit: int) -> tuple[int, int]:
    value = shift = 0
    while at < limit:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte <= 0x7F:
            return value, at
        shift += 7
        if shift >= 70:
            break
    raise WireError("A number does not end.")
