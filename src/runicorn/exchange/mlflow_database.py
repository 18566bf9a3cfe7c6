"""Runs out of MLflow's SQLite store, which is opened for reading only."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.source import Sink
from runicorn.storage.foreign import mlflow_rows
from runicorn.storage.foreign.facts import Facts

_BUSY_SECS = 10.0
_PROGRESS_ROWS = 1000
_ROW_BYTES = 40  # about what one takes in the other stores


@dataclass(frozen=True)
class RunRow:
    """Implements Source: one run of a database."""

    path: Path
    run_id: str
    tool: str = "mlflow"

    @property
    def label(self) -> str:
        return f"{self.path}, run {self.run_id}"

    @property
    def identity(self) -> str:
        return self.run_id

    @property
    def content(self) -> str:
        with _opened(self.path) as database:
            points = mlflow_rows.count(database, self.run_id)
            state = database.execute("SELECT status, end_time FROM runs WHERE run_uuid = ?", (self.run_id,)).fetchone()
        return f"database {points} {state}"

    @property
    def size_bytes(self) -> int:
        with _opened(self.path) as database:
            return mlflow_rows.count(database, self.run_id) * _ROW_BYTES

    def read(self, sink: Sink) -> Facts:
        with _opened(self.path) as database:
            count = mlflow_rows.count(database, self.run_id)
            unreadable = 0
            for number, point in enumerate(mlflow_rows.points(database, self.run_id)):
                if not number % _PROGRESS_ROWS:
                    sink.read_so_far(min(1.0, number / max(1, count)))
                if point is None:
                    unreadable += 1
                    continue
                sink.point(point.metric, point.step, point.time or 0.0, point.value)
            found = mlflow_rows.facts_of(database, self.run_id)
        if found is None:
            raise SourceUnreadableError(f"{self.path} has no run {self.run_id} any more.")
        return replace(found.ended(), warnings={"unreadable-metric-line": unreadable} if unreadable else {})


def find(path: Path) -> Iterator[RunRow]:
    """Yield the runs of a database that were not deleted. Raises SourceUnreadableError."""
    with _opened(path) as database:
        found = mlflow_rows.run_ids(database)
    for run_id in found:
        yield RunRow(path, run_id)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECS)
        with contextlib.closing(database):
            database.text_factory = mlflow_rows.as_text
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:  # also where the words of an error are damaged
        raise SourceUnreadableError(f"{path} cannot be read as a database of MLflow: {error}.") from error
