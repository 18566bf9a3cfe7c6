"""The 32-byte record: pack, find, unpack. Touches no files.

A record is little-endian: mark u4, metric u4, step i8, time f8 (unix seconds), value f8. Where bytes were damaged or
torn, records are found again by their mark: first one record further on, then at any byte. A mark found at an odd place
counts only if another one follows it at the right distance, because a value may hold the same four bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

MARK = 0x31534E52
MARK_BYTES = MARK.to_bytes(4, "little")
RECORD_BYTES = 32
RECORD = struct.Struct("<IIqdd")
# So many bytes behind the beginning of a record tell whether it is one: itself, one more, and the mark that follows.
_TOLD_BY_BYTES = 2 * RECORD_BYTES + len(MARK_BYTES)

STEP_MIN, STEP_MAX = -(2**63), 2**63 - 1


class Record(NamedTuple):
    """One point as stored; metric is the number of a line in the .keys file."""

    metric: int
    step: int
    time: float
    value: float


@dataclass(frozen=True)
class Scan:
    """Where records lie in a piece of a file.

    spans: (first byte, number of records) in file order. skipped: how many records' worth of bytes held none.
    consumed: how many bytes are settled; the rest is a record still being written.
    """

    spans: tuple[tuple[int, int], ...]
    skipped: int
    consumed: int


def pack(metric: int, step: int, time: float, value: float) -> bytes:
    """Return the 32 bytes of one record."""
    return RECORD.pack(MARK, metric, step, time, value)


def count_marked(data: bytes, start: int) -> int:
    """Return how many whole records with their mark follow each other from `start`."""
    count = 0
    limit = (len(data) - start) // RECORD_BYTES
    while count < limit and data.startswith(MARK_BYTES, start + count * RECORD_BYTES):
        count += 1
    return count


def scan(data: bytes, count: Callable[[bytes, int], int] = count_marked, *, more: bool = False) -> Scan:
    """Return where the records of `data` lie. `count` may be a faster count_marked.

    more: more bytes are known to lie behind these, so only what none of them can change is settled, which of 132 bytes
    is some.
    """
    spans: list[tuple[int, int]] = []
    at = skipped = 0
    told = len(data) - _TOLD_BY_BYTES if more else len(data)
    while True:
        marked = count(data, at)
        torn = _torn_end(data, at, marked) if marked else None
        if torn is not None:
            marked -= 1
        known = min(marked, max(0, (told - at) // RECORD_BYTES + 1))
        if known:
            spans.append((at, known))
            at += known * RECORD_BYTES
        if known < marked or (torn is None and len(data) - at < RECORD_BYTES) or (more and at > told):
            return Scan(tuple(spans), skipped, at)
        found = torn if torn is not None else _next_mark(data, at)
        if found is None or found > told:
            # Three bytes may be the beginning of a mark; and what is left does not begin beside one (see _next_mark).
            rest = max(0, (told - at - (RECORD_BYTES if more else 3)) // RECORD_BYTES)
            return Scan(tuple(spans), skipped + rest, at + rest * RECORD_BYTES)
        skipped += -(-(found - at) // RECORD_BYTES)
        at = found


def unpack(data: bytes, found: Scan) -> Iterator[Record]:
    """Yield the records that a scan of `data` found."""
    for start, count in found.spans:
        for at in range(start, start + count * RECORD_BYTES, RECORD_BYTES):
            yield Record(*RECORD.unpack_from(data, at)[1:])


def _torn_end(data: bytes, start: int, count: int) -> int | None:
    """Return where the next record begins if the last marked one was cut short by it, else None.

    A writer that died within a record leaves its beginning, and the next record may follow at once.
    """
    last = start + (count - 1) * RECORD_BYTES
    end = last + RECORD_BYTES
    if len(data) - end < 4 or data.startswith(MARK_BYTES, end):
        return None
    inside = data.find(MARK_BYTES, last + 1, end + 3)
    while inside != -1:
        if data.startswith(MARK_BYTES, inside + RECORD_BYTES) or len(data) == inside + RECORD_BYTES:
            return inside
        inside = data.find(MARK_BYTES, inside + 1, end + 3)
    return None


def _next_mark(data: bytes, at: int) -> int | None:
    """Return where records go on after `at`, which has no mark: aligned if possible, else at any byte."""
    aligned = at + RECORD_BYTES
    if data.startswith(MARK_BYTES, aligned):
        return aligned
    found = data.find(MARK_BYTES, at + 1)
    while found != -1:
        following = found + RECORD_BYTES
        if data.startswith(MARK_BYTES, following) or len(data) < following + 4:
            return found
        if (found - at) % RECORD_BYTES == 0:
            return found
        found = data.find(MARK_BYTES, found + 1)
    return None
