"""The rows of a table in a file, each with where it stands."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

from runicorn.errors import SourceUnreadableError
from runicorn.tables import columns
from runicorn.tables.dialect import COMMENT, HEAD_BYTES, Dialect, recognise

_TELL_LINES = 1000


class Row(NamedTuple):
    """line: from 1 on, counted from where the reading began. ends_at: byte, 0 where the encoding tells none.

    comment: the last comment above it. is_last_and_open: the file ends in it, without an end of line.
    """

    line: int
    ends_at: int
    cells: list[str]
    comment: str
    is_last_and_open: bool


@dataclass(frozen=True)
class Table:
    """One table. Every method raises SourceUnreadableError and OSError."""

    path: Path

    @cached_property
    def dialect(self) -> Dialect:
        with self.path.open("rb") as file:
            return recognise(file.read(HEAD_BYTES))

    @property
    def has_bytes(self) -> bool:
        """Whether rows can be read from a byte on."""
        return self.dialect.encoding.startswith("utf-8")

    @cached_property
    def header(self) -> list[str]:
        """The names of the columns, as they stand there."""
        return self._top[0]

    @cached_property
    def _top(self) -> tuple[list[str], int]:
        """The header, and the number of the line that the rows begin after."""
        for row in self._lines(0, None):
            if not any(cell.strip() for cell in row.cells):
                continue
            if not columns.all_numbers(row.cells):
                return row.cells, row.line
            dialect = self.dialect
            (comment,) = list(csv.reader([row.comment], delimiter=dialect.separator, skipinitialspace=True)) or [[]]
            if len(comment) == len(row.cells) and not columns.all_numbers(comment):
                return comment, row.line - 1  # as numpy.savetxt() writes it
            break
        raise SourceUnreadableError(
            f"{self.path} has no line with the names of its columns.",
            hint="Write one on top of it, such as step,loss.",
        )

    def rows(self, start: int = 0, end: int | None = None, tell: Callable[[int], None] | None = None) -> Iterator[Row]:
        """Yield the rows below the header. start, end: bytes between which to read; 0 is the file's beginning.

        tell: called now and then with the byte that the reading is at.
        """
        first = self._top[1] if start == 0 else 0
        return (row for row in self._lines(start, end, tell) if row.line > first)

    def _lines(self, start: int, end: int | None, tell: Callable[[int], None] | None = None) -> Iterator[Row]:
        dialect = self.dialect
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                pulled = _Pulled(file, start, dialect, tells=self.has_bytes)
                for row in dialect.rows(pulled):
                    pulled.is_between = True
                    if tell is not None and not pulled.line % _TELL_LINES:
                        tell(pulled.at or file.tell())
                    if row:
                        yield Row(pulled.line, pulled.at, dialect.cells(row), pulled.comment, pulled.is_open)
                    if end is not None and pulled.at >= end:
                        return
        except (UnicodeError, csv.Error) as error:
            raise SourceUnreadableError(f"{self.path} is no CSV file in UTF-8: {error}.") from error


class _Pulled:
    """The lines of a file as text, without those that are comments.

    at: the byte that the last one ended at, where the encoding tells. line: its number. is_open: it has no end.
    comment: the last one that was passed over. is_between: set by who reads, when the next line begins a row: within
    one, # is a part of a cell.
    """

    def __init__(self, file: IO[bytes], at: int, dialect: Dialect, *, tells: bool) -> None:
        self._file = file
        self._dialect = dialect
        self._tells = tells
        self.at = at
        self.line = 0
        self.is_open = False
        self.comment = ""
        self.is_between = True

    def __iter__(self) -> Iterator[str]:
        for text in self._texts():
            self.line += 1
            if self.is_between and text.startswith(COMMENT) and not self._dialect.is_exact:
                self.comment = text.removeprefix(COMMENT).strip()
                continue
            self.is_between = False
            self.is_open = not text.endswith(("\n", "\r"))
            yield text

    def _texts(self) -> Iterator[str]:
        if not self._tells:
            yield from io.TextIOWrapper(self._file, encoding=self._dialect.encoding, newline="")
            return
        for line in self._file:
            text = line.decode("utf-8-sig" if self.at == 0 else "utf-8")
            self.at += len(line)
            yield text
