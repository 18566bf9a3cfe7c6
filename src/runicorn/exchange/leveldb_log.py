"""The framing of a .wandb file: a LevelDB log after seven bytes of head. Touches no files.

The file is a row of blocks of 32 KiB. A record is one or more pieces, none across two blocks, each with a head of
checksum u4, length u2, type u1 (whole, first, middle, last), little-endian. The checksum is a CRC-32 of type and bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK_BYTES = 32768
_HEAD = struct.Struct("<IHB")
_FILE_HEAD = struct.Struct("<4sHB")
_IDENT, _MAGIC = b":W&B", 0xBEE1
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class Damage:
    """pieces: how many places held no record. read_bytes: how far the reading is."""

    pieces: int = 0
    read_bytes: int = 0


def is_wandb_file(data: bytes) -> bool:
    """Tell whether a file that begins with `data` is one of W&B's."""
    return len(data) >= _FILE_HEAD.size and _FILE_HEAD.unpack_from(data)[:2] == (_IDENT, _MAGIC)


def records(data: bytes, damage: Damage) -> Iterator[bytes]:
    """Yield the whole records of a file. What is damaged is counted, and passed over up to the next block."""
    at = _FILE_HEAD.size
    parts: list[bytes] = []
    while True:
        room = _BLOCK_BYTES - at % _BLOCK_BYTES
        if room < _HEAD.size:
            at += room
            continue
        if at + _HEAD.size > len(data):
            return
        checksum, length, kind = _HEAD.unpack_from(data, at)
        start, end = at + _HEAD.size, at + _HEAD.size + length
        if length > room - _HEAD.size or not WHOLE <= kind <= LAST:
            damage.pieces += any(data[at : at + room])
            parts, at = [], at + room
            continue
        if end > len(data):
            return  # torn by the writer's end
        content = data[start:end]
        if zlib.crc32(content, zlib.crc32(bytes((kind,)))) != checksum:
            damage.pieces += 1
            parts, at = [], at + room
            continue
        at = end
        damage.read_bytes = end
        parts = [content] if kind in (WHOLE, FIRST) else [*parts, content] if parts else []
        if kind in (WHOLE, LAST) and parts:
            yield b"".join(parts)
            parts = []
