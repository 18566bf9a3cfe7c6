"""How a table is written: its encoding, what stands between its cells, whether 0,5 is a number. Pure."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runicorn.tables import columns

# So much of a file is looked at.
HEAD_BYTES = 1 << 16
COMMENT = "#"
_SEPARATORS = (",", ";", "\t", "|")
_SEEN_ROWS = 200
_MAX_CELL_CHARACTERS = 1 << 24
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*", re.ASCII)
_POINT = re.compile(r"\s*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True)
class Dialect:
    """How to read a table.

    decimal_comma: 0,5 is a half. is_exact: the table is one that was exported, where every blank and # counts; else
    blanks beside separators mean nothing, and lines that begin with # are comments.
    """

    encoding: str = "utf-8"
    separator: str = ","
    decimal_comma: bool = False
    is_exact: bool = False

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Yield the cells of each row as they stand there; a row may go over several lines. Raises csv.Error."""
        csv.field_size_limit(_MAX_CELL_CHARACTERS)  # one for the whole process
        return csv.reader(lines, delimiter=self.separator, skipinitialspace=not self.is_exact)

    def cells(self, row: list[str]) -> list[str]:
        """Return a row's cells with numbers as Python reads them."""
        if not self.decimal_comma:
            return row
        return [cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell for cell in row]


def recognise(head: bytes) -> Dialect:
    """Return how the table is written that begins with `head`: its first HEAD_BYTES, or all of it."""
    encoding = _encoding(head)
    lines = head.decode(encoding, "ignore").splitlines(keepends=True)
    if len(head) >= HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut off
    separator, rows = _separated([line for line in lines if not line.startswith(COMMENT)])
    is_exact = bool(rows) and columns.is_long(rows[0])
    cells = [cell for row in rows[1:] for cell in row] if separator != "," else []
    decimal_comma = any(map(_COMMA.fullmatch, cells)) and not any(map(_POINT.fullmatch, cells))
    return Dialect(encoding, separator, decimal_comma, is_exact)


def _encoding(head: bytes) -> str:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    # Without a mark, every second byte of UTF-16 tells: of names and digits it is 0.
    half = len(head) // 4
    if half and head[1::2].count(0) > half:
        return "utf-16-le"
    return "utf-16-be" if half and head[::2].count(0) > half else "utf-8"


def _separated(lines: Sequence[str]) -> tuple[str, list[list[str]]]:
    """Return the separator that gives most rows as many cells as the first one has, and the first rows with it."""
    best: tuple[float, str, list[list[str]]] = (0.0, _SEPARATORS[0], [])
    for separator in _SEPARATORS:
        rows = _rows(lines, separator)
        width = len(rows[0]) if rows else 0
        share = sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0
        if share > best[0] or not best[2]:
            best = (share, separator if width > 1 else best[1], rows)
    return best[1], best[2]


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) >= _SEEN_ROWS:
                break
    except csv.Error:
        pass  # whoever reads the whole of it tells
    return rows
