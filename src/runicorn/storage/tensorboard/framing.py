"""The TFRecord framing of an event file: where its records lie. Touches no files.

A record is: length u8, masked CRC-32C of the length u4, the bytes, their masked CRC-32C u4; little-endian. The length's
checksum is verified here, so that garbage is never taken for a record; the bytes' one by checksums.py, for many records
at once.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from runicorn.storage.tensorboard.crc32c import masked_crc32c

HEAD = struct.Struct("<QI")
HEAD_BYTES = 12
TAIL_BYTES = 4


class Stop(enum.Enum):
    """Why no further record was found: the rest is still being written, or it is no record at all."""

    TORN = "torn"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Frames:
    """The records in a piece of a file.

    spans: first byte and end of each one's content. consumed: bytes up to the end of the last whole record.
    needed: bytes of the piece that the next record ends at, where its head is there; 0 otherwise.
    """

    spans: tuple[tuple[int, int], ...]
    consumed: int
    needed: int
    stop: Stop


def frames(data: bytes) -> Frames:
    """Return the whole records from the beginning of `data` on, up to the first that is torn or damaged."""
    spans: list[tuple[int, int]] = []
    at, size = 0, len(data)
    while size - at >= HEAD_BYTES:
        length, checksum = HEAD.unpack_from(data, at)
        if masked_crc32c(data[at : at + 8]) != checksum:
            return Frames(tuple(spans), at, 0, Stop.DAMAGED)
        start = at + HEAD_BYTES
        end = start + length
        if end + TAIL_BYTES > size:
            return Frames(tuple(spans), at, end + TAIL_BYTES, Stop.TORN)
        spans.append((start, end))
        at = end + TAIL_BYTES
    return Frames(tuple(spans), at, 0, Stop.TORN)


def framed(content: bytes) -> bytes:
    """Return `content` as one record."""
    length = len(content).to_bytes(8, "little")
    return b"".join(
        (
            length,
            masked_crc32c(length).to_bytes(4, "little"),
            content,
            masked_crc32c(content).to_bytes(4, "little"),
        )
    )


def contents(data: bytes) -> Iterator[bytes]:
    """Yield the content of each whole record."""
    for start, end in frames(data).spans:
        yield data[start:end]
