"""Holding what is kept in memory of several record files at once, so that nobody else reads them meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar

from runicorn.storage import layout
from runicorn.storage.files import FileStat, Listing


class Table(Protocol):
    """What is kept of one record file."""

    lock: threading.Lock


T = TypeVar("T", bound=Table)


@contextlib.contextmanager
def holding(
    batch: Mapping[str, Listing], table: Callable[[str, FileStat], T]
) -> Iterator[dict[str, tuple[T, Listing]]]:
    """Hold the tables of these runs' record files, by their paths. table: returns that of a path as it was seen."""
    tables = {
        path: (table(path, listing[name]), listing)
        for run_id, listing in batch.items()
        for name in layout.record_files(listing)
        for path in [layout.run_path(run_id, name)]
    }
    with contextlib.ExitStack() as held:
        for path in sorted(tables):  # in one order, so that no two readers wait for each other
            held.enter_context(tables[path][0].lock)
        yield tables
