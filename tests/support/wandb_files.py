"""Writes .wandb files as W&B does."""

import json
import struct
import zlib

BLOCK_BYTES = 32768
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def delimited(number, content):
    """Return one field of a protobuf message."""
    length = b""
    size = len(content)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 & 0x7F | 2 | (0x80 if number > 15 else 0)] + [number >> 4] * (number > 15)) + (
        length + bytes([size]) + content
    )


def wandb_log(path, **values):
    """Write a .wandb file with one step of history."""
    items = b"".join(
        delimited(1, delimited(2, name.encode()) + delimited(16, json.dumps(value).encode()))
        for name, value in values.items()
    )
    path.write_bytes(framed([delimited(2, items)]))


def framed(records):
    """Return the bytes of a file with these records, each in as many pieces as there are blocks that it lies in."""
    data = b":W&B\xe1\xbe\0"
    for record in records:
        rest, is_first = record, True
        while rest or is_first:
            room = BLOCK_BYTES - len(data) % BLOCK_BYTES
            if room < 7:
                data += bytes(room)
                continue
            content, rest = rest[: room - 7], rest[room - 7 :]
            kind = (FIRST if rest else WHOLE) if is_first else (MIDDLE if rest else LAST)
            data += struct.pack("<IHB", zlib.crc32(content, zlib.crc32(bytes((kind,)))), len(content), kind) + content
            is_first = False
    return data
