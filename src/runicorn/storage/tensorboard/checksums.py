"""The checksums of many records at once: numpy goes through all of them beside each other, byte by byte. Pure.

A CRC that begins with 0 is linear and does not see zeros in front, so records of different lengths are put flush right
into one table, and a long one is cut into rows that are joined afterwards. Beginning with ones, as CRC-32C does, is the
same as turning over the first four bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from runicorn.storage.tensorboard.crc32c import TABLE, crc32c, masked_crc32c
from runicorn.storage.tensorboard.framing import TAIL_BYTES

if TYPE_CHECKING:
    import numpy as np

Span = tuple[int, int]

# For less than this, as of a live run, numpy is not worth its start.
_FEW_BYTES = 2048
_ROW_BYTES = 512
# A table of indices is eight times as large as what it is for.
_AT_ONCE_BYTES = 1 << 20


def intact(data: bytes, spans: Sequence[Span]) -> list[bool]:
    """Tell of each record whether its bytes have the checksum that stands behind them. spans: as framing.frames()."""
    told = [int.from_bytes(data[end : end + TAIL_BYTES], "little") for _, end in spans]
    if sum(end - start for start, end in spans) < _FEW_BYTES:
        return [masked_crc32c(data[start:end]) == each for (start, end), each in zip(spans, told, strict=True)]
    return [_masked(crc) == each for crc, each in zip(_crcs(data, spans), told, strict=True)]


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crcs(data: bytes, spans: Sequence[Span]) -> list[int]:
    import numpy as np

    found = [0] * len(spans)
    buffer = np.frombuffer(data, np.uint8)
    by_width: dict[int, list[int]] = {}
    for at, (start, end) in enumerate(spans):
        length = end - start
        if length > _ROW_BYTES:
            found[at] = _long(buffer[start:end])
        elif length >= 4:
            by_width.setdefault(1 << (length - 1).bit_length(), []).append(at)
        else:
            found[at] = crc32c(data[start:end])
    for width, members in by_width.items():
        step = max(1, _AT_ONCE_BYTES // width)
        for first in range(0, len(members), step):
            part = members[first : first + step]
            for at, crc in zip(part, _short(buffer, [spans[at] for at in part], width), strict=True):
                found[at] = crc
    return found


def _short(buffer: np.ndarray[Any, Any], spans: Sequence[Span], width: int) -> list[int]:
    """Return the checksums of records of up to `width` bytes."""
    import numpy as np

    starts, ends = np.array(spans).T
    columns = ends[:, None] + np.arange(-width, 0)
    inside = columns >= starts[:, None]
    rows = np.where(inside, buffer[np.maximum(columns, 0)], 0).astype(np.uint8)
    rows ^= np.where(inside & (columns < starts[:, None] + 4), 0xFF, 0).astype(np.uint8)
    return [crc ^ 0xFFFFFFFF for crc in _raw(rows).tolist()]


def _long(content: np.ndarray[Any, Any]) -> int:
    """Return the checksum of one long record."""
    import numpy as np

    count = -(-len(content) // _ROW_BYTES)
    flat = np.zeros(count * _ROW_BYTES, np.uint8)
    start = len(flat) - len(content)
    flat[start:] = content
    flat[start : start + 4] ^= 0xFF
    crcs = _raw(flat.reshape(count, _ROW_BYTES)).tolist()
    first, second, third, fourth = _shift_tables()
    crc = 0
    for each in crcs:
        crc = first[crc & 0xFF] ^ second[crc >> 8 & 0xFF] ^ third[crc >> 16 & 0xFF] ^ fourth[crc >> 24] ^ each
    return crc ^ 0xFFFFFFFF


def _raw(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the CRC of each row, begun with 0."""
    import numpy as np

    table = np.array(TABLE, np.uint32)
    crcs = np.zeros(len(rows), np.uint32)
    for column in np.ascontiguousarray(rows.T):
        crcs = crcs >> np.uint32(8) ^ table[(crcs ^ column) & np.uint32(0xFF)]
    return crcs


@lru_cache(1)
def _shift_tables() -> tuple[tuple[int, ...], ...]:
    """Return what a row of zeros makes of each byte of a CRC, by the byte's place."""
    bits = [1 << bit for bit in range(32)]
    for _ in range(_ROW_BYTES):
        bits = [crc >> 8 ^ TABLE[crc & 0xFF] for crc in bits]
    tables = []
    for place in range(4):
        table = [0]
        for bit in bits[8 * place : 8 * place + 8]:
            table += [each ^ bit for each in table]
        tables.append(tuple(table))
    return tuple(tables)
