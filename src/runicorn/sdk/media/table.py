"""Tables of rows and columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from runicorn.sdk.media.base import Content, Encoded, Media, MediaError, Store
from runicorn.sdk.plain import to_json
from runicorn.storage.events import Kind

MAX_ROWS = 200_000


class Table(Media):
    """Rows and columns: rows of values, or a data frame of pandas or polars. A cell may be an Image or other media.

    columns: names; numbered where they are not given. data: rows, each a sequence of as many cells. Rows can be added
    with add_data until it is logged. Longer tables than 200,000 rows are cut, which the event says.
    """

    kind = Kind.TABLE

    def __init__(self, columns: Sequence[Any] | None = None, data: Any = None, rows: Any = None,
                 dataframe: Any = None, caption: str | None = None, **_: Any) -> None:  # fmt: skip
        given = dataframe if dataframe is not None else data if data is not None else rows
        self.columns = list(columns) if columns is not None else None
        self.source = given if hasattr(given, "columns") else None
        self.data: list[Any] = [] if given is None or self.source is not None else list(given)
        self.caption = caption

    def add_data(self, *cells: Any) -> None:
        """Add one row."""
        self._leave_frame()
        self.data.append(list(cells))

    add_row = add_data

    def add_column(self, name: Any, data: Any, *_: Any, **__: Any) -> None:
        """Add a cell to each row, in their order; where there are no rows yet, these become the rows."""
        self._leave_frame()
        cells = list(data)
        rows = [list(_row(row)) for row in self.data] or [[] for _ in cells]
        for at, row in enumerate(rows):
            row.append(cells[at] if at < len(cells) else None)
        width = len(rows[0]) - 1 if rows else 0
        self.columns = [*(self.columns if self.columns is not None else map(str, range(width))), name]
        self.data = rows

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """Return the cells of one column. convert_to: "numpy" for an array. Raises ValueError."""
        names, rows = self.content()
        cells = [_row(row)[names.index(str(name))] for row in rows]
        if convert_to == "numpy":
            import numpy as np

            return np.array(cells)
        return cells

    def iterrows(self) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield number and cells of each row."""
        for number, row in enumerate(self.content()[1]):
            yield number, _row(row)

    def content(self) -> tuple[list[str], list[Any]]:
        """Return the names of the columns, and the rows. Raises MediaError."""
        columns, rows = _frame(self.source) if self.source is not None else (self.columns, self.data)
        if columns is None:
            columns = list(range(max((len(_row(row)) for row in rows), default=0)))
        return [str(name) for name in columns], rows

    def _leave_frame(self) -> None:
        """Go on with rows of its own where they were a data frame's."""
        if self.source is not None:
            self.columns, self.data = _frame(self.source)
            self.source = None

    def encode(self, store: Store) -> Encoded:
        names, rows = self.content()
        kept = [self._cells(row, len(names), store) for row in rows[:MAX_ROWS]]
        body = json.dumps({"columns": names, "data": kept}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        item = {"columns": names, "rows": len(rows)}
        return Encoded(self.captioned(item), Content(body.encode("utf-8", "backslashreplace"), "table.json"))

    def _cells(self, row: Any, width: int, store: Store) -> list[Any]:
        cells = _row(row)
        if len(cells) != width:
            raise MediaError(f"a row has {len(cells)} cells where there are {width} columns")
        return [self._medium(cell, store) if isinstance(cell, Media) else to_json(cell) for cell in cells]

    def _medium(self, cell: Media, store: Store) -> Any:
        try:
            return {"_type": cell.kind.value, **store(cell)}
        except MediaError as error:  # one cell is no reason to lose the table
            self._assume(f"a cell that is left out: {error}")
            return None


def _row(row: Any) -> Sequence[Any]:
    if isinstance(row, (list, tuple)):
        return row
    if isinstance(row, Iterable) and not isinstance(row, (str, bytes)):
        return list(row)
    raise MediaError(f"a row of a table is a sequence of cells, not {type(row).__name__}")


def _frame(frame: Any) -> tuple[list[Any], list[Any]]:
    """Return columns and rows of a data frame of pandas or polars. Raises MediaError."""
    columns = list(frame.columns)
    if hasattr(frame, "iter_rows"):
        return columns, list(frame.iter_rows())
    if hasattr(frame, "itertuples"):
        return columns, [list(row) for row in frame.itertuples(index=False, name=None)]
    raise MediaError(f"{type(frame).__name__} is no table")
