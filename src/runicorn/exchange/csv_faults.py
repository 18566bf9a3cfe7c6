"""Rows of a table that hold nothing: what is wrong with one, and when there are too many to believe the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.csv_table import Row, Table
from runicorn.tables import columns
from runicorn.tables.columns import Roles

REPEATED_HEADER, TORN, DAMAGED, NO_STEP = "repeated-header", "torn-last-line", "damaged-row", "row-without-step"


@dataclass
class Faults:
    """What was left out so far, by kind. whole: how many rows were not."""

    table: Table
    left_out: dict[str, int] = field(default_factory=dict)
    whole: int = 0
    _first: SourceUnreadableError | None = None

    def width(self, row: Row, *, where: str = "") -> bool:
        """Tell whether a row has all its cells and is not the header again; count one that has not, or is."""
        header = self.table.header
        cells = row.cells
        if len(cells) == len(header):
            if not _same(cells, header):
                return True
            self._count(REPEATED_HEADER)
        elif row.is_last_and_open and len(cells) < len(header):
            self._count(TORN)
        else:
            said = f"{where or f'Line {row.line}'} of {self.table.path} has {len(cells)} cells where the first line has"
            self.refuse(DAMAGED, f"{said} {len(header)}.")
        return False

    def refuse(self, kind: str, why: str, hint: str | None = None) -> None:
        """Count a row that is none."""
        self._count(kind)
        if self._first is None:
            self._first = SourceUnreadableError(why) if hint is None else SourceUnreadableError(why, hint=hint)

    def check(self) -> None:
        """Raise SourceUnreadableError, which tells of the first one, where no more rows are whole than are not."""
        refused = sum(count for kind, count in self.left_out.items() if kind in (DAMAGED, NO_STEP))
        if self._first is not None and refused >= self.whole:
            raise self._first

    def _count(self, kind: str) -> None:
        self.left_out[kind] = self.left_out.get(kind, 0) + 1


@dataclass(frozen=True)
class Survey:
    """What only all rows tell. latest: the greatest time that is a number. has_parts: a step is no whole number."""

    latest: float | None
    has_parts: bool


def survey(table: Table, roles: Roles, tell: Callable[[int], None]) -> Survey:
    """Look through the columns of steps and times. tell: see Table.rows."""
    latest: float | None = None
    has_parts = False
    width = len(table.header)
    for row in table.rows(tell=tell):
        if len(row.cells) != width:
            continue
        if roles.time is not None:
            value = columns.number(row.cells[roles.time])
            if value is not None and math.isfinite(value) and (latest is None or value > latest):
                latest = value
        if roles.step is not None and not has_parts:
            value = columns.number(row.cells[roles.step])
            has_parts = value is not None and math.isfinite(value) and value != int(value)
    return Survey(latest, has_parts)


def _same(cells: Sequence[str], header: Sequence[str]) -> bool:
    # Files that were put one behind the other have a byte order mark in the middle.
    return all(a.strip("\ufeff \t") == b.strip() for a, b in zip(cells, header, strict=True))
