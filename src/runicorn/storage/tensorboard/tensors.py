"""TensorProto: numbers or strings in whichever of its fields they were put. Pure.

The numbers of the types and fields are those of tensorflow/core/framework/{types,tensor}.proto.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from runicorn.storage.tensorboard import wire
from runicorn.storage.tensorboard.wire import WireError

STRING = 7
_BFLOAT16 = 14
_HALF = 19
# By type: the letter of its little-endian form in tensor_content.
_LETTERS = {1: "f", 2: "d", 3: "i", 4: "B", 5: "h", 6: "b", 9: "q", 10: "?", 17: "H", _HALF: "e", 22: "I", 23: "Q"}
_MAX_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Tensor:
    """numbers: of any numeric type, in row order. strings: first byte and end of each within the decoded data."""

    shape: tuple[int, ...]
    numbers: tuple[float, ...] = ()
    strings: tuple[tuple[int, int], ...] = ()


def decode(data: bytes, start: int, end: int) -> Tensor:
    """Return the tensor that lies from `start` to `end`. Raises WireError."""
    kind = 0
    shape: tuple[int, ...] = ()
    packed: tuple[int, int] | None = None
    numbers: list[float] = []
    strings: list[tuple[int, int]] = []
    for field in wire.fields(data, start, end):
        if field.number == 1:
            kind = field.value
        elif field.number == 2:
            shape = _shape(data, field)
        elif field.number == 4:
            wire.content(data, field)
            packed = (field.start, field.end)
        elif field.number == 5:
            numbers += wire.singles(data, field)
        elif field.number == 6:
            numbers += wire.doubles(data, field)
        elif field.number == 8:
            wire.content(data, field)
            strings.append((field.start, field.end))
        elif field.number in (7, 10, 11, 16, 17):
            unsigned = kind == 23
            numbers += [n + 2**64 if unsigned and n < 0 else n for n in wire.integers(data, field)]
        elif field.number == 13:
            numbers += [_half(bits, kind) for bits in wire.integers(data, field)]
    if packed is not None and packed[1] > packed[0] and kind != STRING:
        numbers = _unpack(data[packed[0] : packed[1]], kind)
    return Tensor(shape, tuple(_filled(numbers, shape)), tuple(strings))


def _shape(data: bytes, field: wire.Field) -> tuple[int, ...]:
    sizes = []
    for dim in wire.message(data, field):
        if dim.number == 2:
            sizes.append(next((wire.signed(each) for each in wire.message(data, dim) if each.number == 1), 0))
    return tuple(sizes)


def _unpack(packed: bytes, kind: int) -> list[float]:
    if kind == _BFLOAT16:
        return [_half(int(bits), kind) for bits in _struct(packed, "H")]
    letter = _LETTERS.get(kind)
    if letter is None:
        raise WireError(f"A tensor of type {kind} holds no plain numbers.")
    return list(_struct(packed, letter))


def _struct(packed: bytes, letter: str) -> tuple[float, ...]:
    size = struct.calcsize(f"<{letter}")
    if len(packed) % size:
        raise WireError("A tensor ends within a number.")
    return struct.unpack(f"<{len(packed) // size}{letter}", packed)


def _half(bits: int, kind: int) -> float:
    if not 0 <= bits < 2**16:
        raise WireError("A half has 16 bits.")
    if kind == _BFLOAT16:
        value: float = struct.unpack("<f", struct.pack("<I", bits << 16))[0]
    else:
        value = struct.unpack("<e", struct.pack("<H", bits))[0]
    return value


def _filled(numbers: list[float], shape: tuple[int, ...]) -> list[float]:
    """Return as many numbers as the shape has: the last one stands for those that follow it."""
    if any(size < 0 for size in shape):
        raise WireError("A tensor has a negative size.")
    wanted = math.prod(shape)
    if wanted > _MAX_NUMBERS or not numbers or len(numbers) >= wanted:
        return numbers
    return numbers + numbers[-1:] * (wanted - len(numbers))
