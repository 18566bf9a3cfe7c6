"""Rows of a CSV log that grows, each with its step, time and numbers. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from runicorn.storage.foreign.kinds import TIME_ELAPSED, TIMESTEPS, Kind
from runicorn.storage.foreign.lines import MAX_LINE_BYTES, Lines, text_of, without_bom
from runicorn.storage.foreign.taken import Row, Warnings
from runicorn.storage.foreign.values import moment_of
from runicorn.tables import columns
from runicorn.tables.columns import Roles
from runicorn.tables.dialect import COMMENT, Dialect, recognise

# A quote that is not closed within so many lines is one that a crash left open.
_MAX_ROW_LINES = 16
# What Keras writes for a metric that an epoch did not have, and Python for none.
_NO_VALUE = {"NA", "None"}
DAMAGED = "damaged-row"


class _Cells(NamedTuple):
    """The cells of a row, None where it is damaged, and how many lines it took; 0 while its end is not there."""

    cells: list[str] | None
    lines: int


class CsvRows:
    """Reads lines as rows.

    header: the cells of the first line, None while it was not read. header_lines: how many lines of the piece that it
    stood in were read with it.
    """

    def __init__(self, kind: Kind, header: list[str] | None = None, dialect: Dialect | None = None) -> None:
        self._kind = kind
        self._dialect = dialect or Dialect()
        self.header = header
        self.header_lines = 0

    def to_json(self) -> dict[str, Any]:
        dialect = self._dialect
        return {"header": self.header, "separator": dialect.separator, "decimal_comma": dialect.decimal_comma}

    @classmethod
    def from_json(cls, kind: Kind, state: Mapping[str, Any]) -> CsvRows:
        """Raises KeyError, TypeError or ValueError for what to_json() never returns."""
        header, separator = state["header"], state["separator"]
        if not (header is None or (isinstance(header, list) and all(isinstance(cell, str) for cell in header))):
            raise TypeError(header)
        if not (isinstance(separator, str) and len(separator) == 1):
            raise ValueError(separator)
        return cls(kind, header, Dialect(separator=separator, decimal_comma=bool(state["decimal_comma"])))

    def read(self, lines: Lines, warnings: Warnings) -> tuple[list[Row], int]:
        """Return the rows that are whole, and how many lines they took."""
        rows: list[Row] = []
        at = 0
        while at < len(lines.lines):
            line = lines.lines[at]
            if line is None or not line.strip() or without_bom(line).startswith(COMMENT.encode()):
                at += 1
                continue
            if self.header is None:
                if at + 1 == len(lines.lines):  # the line below it tells how the table is written, too
                    break
                self._dialect = _dialect(line, lines.lines[at + 1])
            found = self._cells(lines, at)
            if not found.lines:
                break
            at += found.lines
            if self.header is None:
                self.header_lines = at
            row = self._row(found.cells, warnings)
            if row is not None:
                rows.append(row)
        return rows, at

    def _cells(self, lines: Lines, at: int) -> _Cells:
        pulled = _Pulled(lines, at)
        try:
            cells = next(iter(self._dialect.rows(pulled)), None)
        except csv.Error:
            return _Cells(None, 1)
        if not pulled.ran_out:
            return _Cells(None if pulled.has_zeros else cells, pulled.count)
        is_lost = pulled.is_bounded or lines.size - lines.begins_at(at) > MAX_LINE_BYTES
        return _Cells(None, 1 if is_lost else 0)

    def _row(self, cells: list[str] | None, warnings: Warnings) -> Row | None:
        if cells is None:
            warnings.add(DAMAGED)
            return None
        cells = self._dialect.cells([cell.strip() for cell in cells])
        if not any(cells):
            return None
        if self.header is None:
            if columns.all_numbers(cells):
                warnings.add(DAMAGED)
            else:
                self.header = cells
            return None
        if len(cells) != len(self.header) or cells == self.header:
            warnings.add("repeated-header" if cells == self.header else DAMAGED)
            return None
        return self._values(cells, warnings)

    def _values(self, cells: Sequence[str], warnings: Warnings) -> Row | None:
        roles = self._roles
        step = None if roles.step is None else columns.whole(cells[roles.step])
        if step is None:
            warnings.add("row-without-step")
            return None
        time = None if roles.time is None else moment_of(cells[roles.time])
        elapsed = None if self._elapsed_at is None else columns.number(cells[self._elapsed_at])
        values: list[tuple[str, float]] = []
        for at in self._metrics if time is None else roles.others:
            cell = cells[at]
            number = columns.number(cell) if cell else None
            if number is not None:
                values.append((self._names[at], number))
            elif cell and cell not in _NO_VALUE:
                warnings.add("text-cell")
        return Row(step, values, time, elapsed)

    @cached_property
    def _names(self) -> list[str]:
        return columns.names(self.header or ())

    @cached_property
    def _roles(self) -> Roles:
        return roles_of(self._kind, self.header or ())

    @cached_property
    def _elapsed_at(self) -> int | None:
        name = {Kind.ULTRALYTICS: "time", Kind.STABLE_BASELINES: TIME_ELAPSED}.get(self._kind)
        return self._names.index(name) if name in self._names else None

    @cached_property
    def _metrics(self) -> tuple[int, ...]:
        """The columns of numbers where the one of times holds no moment: it is one of them, or seconds so far."""
        roles = self._roles
        if roles.time is None or roles.time == self._elapsed_at:
            return roles.others
        return tuple(sorted((*roles.others, roles.time)))


def roles_of(kind: Kind, header: Sequence[str]) -> Roles:
    """Return what the columns are for, by their names without blanks. step: None where there is no column of steps."""
    if kind is not Kind.STABLE_BASELINES:
        return columns.roles(header)
    return columns.roles(header, TIMESTEPS) if TIMESTEPS in header else Roles(None, None, ())


def _dialect(header: bytes, below: bytes | None) -> Dialect:
    found = recognise(header + (below or b""))
    return Dialect(separator=found.separator, decimal_comma=found.decimal_comma)


class _Pulled:
    """Lines as a row asks for them: more than one where a cell goes on in the next.

    count: how many were. ran_out: it asked for more than there are. is_bounded: more would be too many, or too long.
    """

    def __init__(self, lines: Lines, at: int) -> None:
        self._lines = lines
        self._first = at
        self._bytes = 0
        self.count = 0
        self.ran_out = False
        self.is_bounded = False
        self.has_zeros = False

    def __iter__(self) -> Iterator[str]:
        for line in self._lines.lines[self._first : self._first + _MAX_ROW_LINES]:
            self._bytes += len(line or b"")
            if line is None or self._bytes > MAX_LINE_BYTES:
                self.is_bounded = True
                break
            self.count += 1
            self.has_zeros |= b"\0" in line
            # What csv says of zeros differs between Pythons.
            yield text_of(line.replace(b"\0", b""))
        self.is_bounded |= self.count == _MAX_ROW_LINES
        self.ran_out = True
