"""Runs out of MLflow's SQLite store, which is opened for reading only."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.source import Sink
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.mlflow_facts import MAX_FLOAT, facts

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
            points = _count(database, self.run_id)
            state = database.execute("SELECT status, end_time FROM runs WHERE run_uuid = ?", (self.run_id,)).fetchone()
        return f"database {points} {state}"

    @property
    def size_bytes(self) -> int:
        with _opened(self.path) as database:
            return _count(database, self.run_id) * _ROW_BYTES

    def read(self, sink: Sink) -> Facts:
        with _opened(self.path) as database:
            count = _count(database, self.run_id)
            # rowid: in the order in which they were logged
            rows = database.execute(
                "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY timestamp, rowid",
                (self.run_id,),
            )
            for number, (key, value, millis, step, is_nan) in enumerate(rows):
                if not number % _PROGRESS_ROWS:
                    sink.read_so_far(min(1.0, number / max(1, count)))
                sink.point(str(key), int(step), int(millis) / 1000, math.nan if is_nan else _value(value))
            row = database.execute(
                "SELECT r.name, e.name, r.status, r.start_time, r.end_time, r.user_id FROM runs r "
                "LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_uuid = ?",
                (self.run_id,),
            ).fetchone()
            name, experiment, status, start_ms, end_ms, user = row
            params = dict(database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (self.run_id,)))
            tags = dict(database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (self.run_id,)))
        found = facts(
            self.run_id,
            name or "",
            experiment or "mlflow",
            status or "",
            start_ms,
            end_ms,
            params,
            {key: value or "" for key, value in tags.items()},
            user or "",
        )
        return found.ended()


def find(path: Path) -> Iterator[RunRow]:
    """Yield the runs of a database that were not deleted. Raises SourceUnreadableError."""
    with _opened(path) as database:
        rows = database.execute(
            "SELECT run_uuid FROM runs WHERE lifecycle_stage IS NOT 'deleted' ORDER BY start_time, run_uuid"
        ).fetchall()
    for (run_id,) in rows:
        yield RunRow(path, run_id)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECS)
        with contextlib.closing(database):
            yield database
    except sqlite3.Error as error:
        raise SourceUnreadableError(f"{path} cannot be read as a database of MLflow: {error}.") from error


def _count(database: sqlite3.Connection, run_id: str) -> int:
    (points,) = database.execute("SELECT count(*) FROM metrics WHERE run_uuid = ?", (run_id,)).fetchone()
    return int(points)


def _value(value: Any) -> float:
    """Return the number. The database has no infinities; MLflow puts the largest numbers there are in their place."""
    number = float(value)
    return math.copysign(math.inf, number) if abs(number) == MAX_FLOAT else number
