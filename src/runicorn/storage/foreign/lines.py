"""Bytes of a growing file cut into whole lines, none of them without bound. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# 13,000 columns of 20 characters. A longer line is passed over, so that no memory fills while one waits for its end.
MAX_LINE_BYTES = 1 << 18
# Whoever gives so many bytes at once, or all that there are, sees a reader go on: a header waits for the line below it.
LEAST_PIECE_BYTES = 2 * (MAX_LINE_BYTES + 1)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Lines:
    """Whole lines of a piece.

    lines: with their ends; None for one that is too long. ends: the byte of the piece that each ends at. start: where
    the first begins. size: of the piece. is_open: the last one is too long and goes on beyond the piece. Nothing waits
    for such a line, so that the next piece begins inside it.
    """

    lines: Sequence[bytes | None]
    ends: Sequence[int]
    start: int
    size: int
    is_open: bool

    def begins_at(self, number: int) -> int:
        """Return the byte that a line begins at; of the one behind the last, where the torn rest begins."""
        return self.ends[number - 1] if number else self.start


def cut(data: bytes, *, skipping: bool = False) -> Lines:
    """Return the whole lines of `data`. skipping: it begins inside a line that is too long."""
    start = 0
    if skipping:
        start = data.find(b"\n") + 1
        if not start:
            return Lines((), (), len(data), len(data), True)
    lines: list[bytes | None] = []
    ends: list[int] = []
    at = start
    while end := data.find(b"\n", at) + 1:
        lines.append(data[at:end] if end - at <= MAX_LINE_BYTES else None)
        ends.append(end)
        at = end
    is_open = len(data) - at > MAX_LINE_BYTES
    if is_open:
        lines.append(None)
        ends.append(len(data))
    return Lines(lines, ends, start, len(data), is_open)


def text_of(line: bytes) -> str:
    """Return a line as text, U+FFFD for what is no UTF-8, without a byte order mark."""
    return without_bom(line).decode("utf-8", "replace")


def without_bom(line: bytes) -> bytes:
    return line.removeprefix(_BOM)


def is_utf8(line: bytes) -> bool:
    """Tell whether a line can be read without loss."""
    if line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
