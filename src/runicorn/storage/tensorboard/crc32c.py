"""CRC-32C (Castagnoli) as TFRecord files mask it. Pure."""

from __future__ import annotations

from functools import lru_cache


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # noqa: PLW2901
        table.append(value)
    return tuple(table)


TABLE = _table()


def crc32c(data: bytes) -> int:
    """Return the checksum of `data` (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@lru_cache(4096)  # the records of one tag have one length
def masked_crc32c(data: bytes) -> int:
    """Return the checksum rotated and shifted, so that a checksum of checksums is none of a kind."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
