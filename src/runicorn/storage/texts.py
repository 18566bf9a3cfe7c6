"""Pieces of text files: whole characters, whole lines. Pure."""

from __future__ import annotations

from typing import Any

from runicorn.storage.jsonio import decode_object


def cut_text(data: bytes, *, inside: bool) -> tuple[str, int, int]:
    """Return the text in a piece of a UTF-8 file, and where in the piece it begins and ends.

    A character that the piece would cut is left out at both ends; one that the file itself ends within is still being
    written. inside: whether the piece may begin within a character.
    """
    lead = _continuation_bytes(data) if inside else 0
    end = len(data) - _cut_character(data)
    if end <= lead:
        return "", lead if end > 0 else 0, lead if end > 0 else 0
    return data[lead:end].decode("utf-8", "replace"), lead, end


def cut_lines(data: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return the JSON objects on the whole lines of a piece, and where those end; other lines are skipped."""
    end = data.rfind(b"\n") + 1
    return [found for line in data[:end].splitlines() if (found := decode_object(line)) is not None], end


def _continuation_bytes(data: bytes) -> int:
    """Return how many bytes at the beginning belong to a character that began before."""
    count = 0
    while count < min(3, len(data)) and data[count] & 0xC0 == 0x80:
        count += 1
    return count


def _cut_character(data: bytes) -> int:
    """Return how many bytes at the end belong to a character that goes on after."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return back if needed > back else 0
    return 0
