"""Tables of rows and columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
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
        self.data.append(list(cells))

    def encode(self, store: Store) -> Encoded:
        columns, rows = _frame(self.source) if self.source is not None else (self.columns, self.data)
        width = len(columns) if columns is not None else max((len(_row(row)) for row in rows), default=0)
        names = [str(name) for name in columns] if columns is not None else [str(at) for at in range(width)]
        kept = [self._cells(row, width, store) for row in rows[:MAX_ROWS]]
        body = json.dumps({"columns": names, "data": kept}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        item = {"columns": names, "rows": len(rows)}
        return Encoded(self.captioned(item), Content(body.encode("utf-8", "backslashreplace"), "table.json"))

    def _cells(self, row: Any, width: int, store: Store) -> list[Any]:
        cells = _row(row)
        if len(cells) != width:
            raise MediaError(f"a row has {len(cells)} cells where there are {width} columns")
        return [
            {"_type": cell.kind.value, **store(cell)} if isinstance(cell, Media) else to_json(cell) for cell in cells
        ]


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
