"""The packed form of a record file: planes of bytes, deflated. Pure; the standard library alone.

A file of records is cut into chunks. In each, the first bytes of all records come first, then all second bytes, and so
on: marks, metric numbers and steps hardly change from record to record, so their planes nearly vanish, and the noise of
values and times stays in planes of its own. Nothing is lost: unpacked, it is the same file, byte by byte.

Layout, little-endian: the magic `RNSPACK1`; u8 records; u4 records in a chunk; u4 number of chunks; for each chunk u4
length of its deflated bytes and u4 CRC-32 of its records; u4 CRC-32 of all that; then the chunks.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runicorn.storage.records import RECORD_BYTES

MAGIC = b"RNSPACK1"
CHUNK_RECORDS = 65_536
_HEAD = struct.Struct("<8sQII")
_ENTRY = struct.Struct("<II")
_CRC = struct.Struct("<I")
_LEVEL = 9
# 2**32 records are 128 GiB; more is a damaged header.
_MAX_CHUNKS = 2**16
# A chunk is unpacked in memory as a whole, so that its size may not be left to whoever wrote the header.
MAX_CHUNK_BYTES = 16 * CHUNK_RECORDS * RECORD_BYTES


@dataclass(frozen=True)
class Chunk:
    """Where a chunk lies in the packed file, and how many records it holds."""

    start: int
    length: int
    records: int
    crc: int


@dataclass(frozen=True)
class Contents:
    """What a packed file holds. size_bytes: of the file unpacked."""

    size_bytes: int
    chunk_bytes: int
    chunks: tuple[Chunk, ...]

    def covering(self, start: int, end: int) -> range:
        """Return the numbers of the chunks that bytes `start` to `end` of the unpacked file lie in."""
        return range(start // self.chunk_bytes, min(len(self.chunks), -(-end // self.chunk_bytes)))


def pack(data: bytes, each: Callable[[], object] = lambda: None) -> bytes:
    """Return the packed form of whole records; `each` is called for each chunk, which takes a tenth of a second.

    Raises ValueError where `data` is something else.
    """
    if len(data) % RECORD_BYTES:
        raise ValueError("a file of records has no torn end")
    chunks = [data[at : at + CHUNK_RECORDS * RECORD_BYTES] for at in range(0, len(data), CHUNK_RECORDS * RECORD_BYTES)]
    packed = []
    for chunk in chunks:
        packed.append(zlib.compress(_to_planes(chunk), _LEVEL))
        each()
    head = _HEAD.pack(MAGIC, len(data) // RECORD_BYTES, CHUNK_RECORDS, len(chunks))
    head += b"".join(_ENTRY.pack(len(p), zlib.crc32(c)) for p, c in zip(packed, chunks, strict=True))
    return b"".join([head, _CRC.pack(zlib.crc32(head)), *packed])


def header_length(data: bytes) -> int:
    """Return how many bytes the header takes whose beginning `data` is. Raises ValueError for what is none."""
    if len(data) < _HEAD.size:
        raise ValueError("too short for a packed file")
    magic, _, _, count = _HEAD.unpack_from(data)
    assert isinstance(count, int)
    if magic != MAGIC or count > _MAX_CHUNKS:
        raise ValueError("not a packed file")
    return _HEAD.size + count * _ENTRY.size + _CRC.size


def read_header(data: bytes) -> Contents:
    """Return what a packed file holds, from its header. Raises ValueError where it is damaged."""
    length = header_length(data)
    body = data[: length - _CRC.size]
    if len(data) < length or _CRC.unpack_from(data, len(body))[0] != zlib.crc32(body):
        raise ValueError("the header of the packed file is damaged")
    _, records, per_chunk, count = _HEAD.unpack_from(data)
    if not 0 < per_chunk <= MAX_CHUNK_BYTES // RECORD_BYTES or count != -(-records // per_chunk):
        raise ValueError("the header of the packed file makes no sense")
    return Contents(records * RECORD_BYTES, per_chunk * RECORD_BYTES, tuple(_chunks(data, length, records, per_chunk)))


def unpack_chunk(data: bytes, chunk: Chunk) -> bytes:
    """Return the records of a chunk. Where it is damaged, zeros, which readers skip and count as lost records."""
    size = chunk.records * RECORD_BYTES
    try:
        found = zlib.decompressobj().decompress(data, size)
    except zlib.error:
        found = b""
    if len(found) == size:
        records = _from_planes(found)
        if zlib.crc32(records) == chunk.crc:
            return records
    return bytes(size)


def _chunks(data: bytes, start: int, records: int, per_chunk: int) -> Iterator[Chunk]:
    for at in range(-(-records // per_chunk)):
        length, crc = _ENTRY.unpack_from(data, _HEAD.size + at * _ENTRY.size)
        yield Chunk(start, length, min(per_chunk, records - at * per_chunk), crc)
        start += length


def _to_planes(records: bytes) -> bytes:
    return b"".join(records[at::RECORD_BYTES] for at in range(RECORD_BYTES))


def _from_planes(planes: bytes) -> bytes:
    count = len(planes) // RECORD_BYTES
    records = bytearray(len(planes))
    for at in range(RECORD_BYTES):
        records[at::RECORD_BYTES] = planes[at * count : (at + 1) * count]
    return bytes(records)
