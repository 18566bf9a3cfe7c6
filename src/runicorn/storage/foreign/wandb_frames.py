"""The framing of a .wandb file: a LevelDB log after seven bytes of head. Touches no files.

The file is a row of blocks of 32 KiB. A record is one or more pieces, none across two blocks, each with a head of
checksum u4, length u2, type u1 (whole, first, middle, last), little-endian. The checksum is a CRC-32 of type and bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

BLOCK_BYTES = 32768
_HEAD = struct.Struct("<IHB")
_FILE_HEAD = struct.Struct("<4sHB")
_IDENT, _MAGIC = b":W&B", 0xBEE1
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
FILE_HEAD_BYTES = _FILE_HEAD.size
_ZEROS = bytes(_HEAD.size + 1)  # fewer fill the end of a block


def is_wandb_file(data: bytes) -> bool:
    """Tell whether a file that begins with `data` is one of W&B's."""
    return len(data) >= _FILE_HEAD.size and _FILE_HEAD.unpack_from(data)[:2] == (_IDENT, _MAGIC)


def may_be_coming(data: bytes) -> bool:
    """Tell whether the end of these bytes may be a place that a network disk has not filled yet."""
    return data.endswith(_ZEROS)


class FrameReader:
    """Takes a file's records out of its bytes, however these come. offset: up to which byte all is done with.

    damaged: how many places held no record so far.
    """

    def __init__(self, offset: int = _FILE_HEAD.size) -> None:
        self.offset = offset
        self.damaged = 0

    def take(self, data: bytes, *, more: bool = False) -> Iterator[bytes]:
        """Yield the whole records in the bytes from `offset` on, which moves on with each.

        What is damaged is counted, and passed over up to the next block; what is torn at the end is left. more: bytes
        may still come, also where zeros are now, so that a block that looks damaged is left until it has its end.
        """
        begin, at = self.offset, self.offset
        end = begin + len(data)
        parts: list[bytes] = []
        while True:
            room = BLOCK_BYTES - at % BLOCK_BYTES
            if room < _HEAD.size:
                at += room
                continue
            if at + _HEAD.size > end:
                return
            checksum, length, kind = _HEAD.unpack_from(data, at - begin)
            start, stop = at + _HEAD.size, at + _HEAD.size + length
            is_piece = length <= room - _HEAD.size and WHOLE <= kind <= LAST
            if is_piece and stop > end:
                return
            content = data[start - begin : stop - begin]
            if not is_piece or zlib.crc32(content, zlib.crc32(bytes((kind,)))) != checksum:
                block = data[at - begin : at - begin + room]
                if more and (len(block) < room or may_be_coming(block)):
                    return
                self.damaged += any(block)
                parts, at = [], at + room
                self.offset = min(at, end)
                continue
            at = stop
            parts = [content] if kind in (WHOLE, FIRST) else [*parts, content] if parts else []
            if not parts:  # of a record whose beginning was damaged
                self.offset = at
            elif kind in (WHOLE, LAST):
                whole, parts = b"".join(parts), []
                self.offset = at
                yield whole

    def pass_over(self, data: bytes) -> None:
        """Leave out what begins at `offset`, of which these bytes are a part only; whole blocks of it, at least."""
        self.damaged += 1
        self.offset = (self.offset + len(data)) // BLOCK_BYTES * BLOCK_BYTES
