"""What MLflow's database says, asked of a connection to it, of which nothing is changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.mlflow_facts import MAX_FLOAT, facts
from runicorn.storage.foreign.mlflow_text import DELETED
from runicorn.storage.foreign.taken import Point

if TYPE_CHECKING:
    import sqlite3  # which some builds of Python lack


class Standing(NamedTuple):
    """How far a run is. state: whatever changes when something but its points does."""

    points: int
    last_row: int
    last_time: float
    state: str


def as_text(data: bytes) -> str:
    """Return a text of the database: as a connection's text_factory, so that a damaged text spoils no other."""
    return data.decode("utf-8", "replace")


def run_ids(database: sqlite3.Connection) -> list[str]:
    """Return the runs that were not deleted, the earliest first. Raises sqlite3.Error, as all of these do."""
    rows = database.execute(
        "SELECT run_uuid FROM runs WHERE lifecycle_stage IS NOT ? ORDER BY start_time, run_uuid", (DELETED,)
    )
    return [str(run_id) for (run_id,) in rows]


def standings(database: sqlite3.Connection) -> dict[str, Standing]:
    """Return how far each run is, in three questions however many there are."""
    points = {
        run_id: (int(count), int(last), _whole(millis))
        for run_id, count, last, millis in database.execute(
            "SELECT run_uuid, count(*), max(rowid), max(timestamp) FROM metrics GROUP BY run_uuid"
        )
    }
    told = {
        table: dict(database.execute(f"SELECT run_uuid, count(*) || ' ' || total(length(value)) FROM {table} "
                                     "GROUP BY run_uuid"))
        for table in ("params", "tags")
    }  # fmt: skip
    found: dict[str, Standing] = {}
    for run_id, *state, start_ms in database.execute(
        "SELECT run_uuid, name, status, end_time, start_time FROM runs WHERE lifecycle_stage IS NOT ?", (DELETED,)
    ):
        count, last, millis = points.get(run_id, (0, 0, _whole(start_ms)))
        state += [told[table].get(run_id) for table in ("params", "tags")]
        found[str(run_id)] = Standing(count, last, millis / 1000, repr(state))
    return found


def count(database: sqlite3.Connection, run_id: str) -> int:
    """Return how many points a run has."""
    (points,) = database.execute("SELECT count(*) FROM metrics WHERE run_uuid = ?", (run_id,)).fetchone()
    return int(points)


def points(database: sqlite3.Connection, run_id: str) -> Iterator[Point | None]:
    """Yield all points of a run by their time; of one time, in the order in which they were logged. None: no point."""
    for _, point in _points(database, "WHERE run_uuid = ? ORDER BY timestamp, rowid", (run_id,)):
        yield point


def points_after(database: sqlite3.Connection, run_id: str, row: int, limit: int) -> list[tuple[int, Point | None]]:
    """Return the next points of a run in the order in which they were logged, each with its row. None: no point."""
    return list(_points(database, "WHERE run_uuid = ? AND rowid > ? ORDER BY rowid LIMIT ?", (run_id, row, limit)))


def facts_of(database: sqlite3.Connection, run_id: str) -> Facts | None:
    """Return what else is known of a run; None where there is none."""
    row = database.execute(
        "SELECT r.name, e.name, r.status, r.start_time, r.end_time, r.user_id FROM runs r "
        "LEFT JOIN experiments e ON e.experiment_id = r.experiment_id WHERE r.run_uuid = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        return None
    name, experiment, status, start_ms, end_ms, user = row
    params = dict(database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (run_id,)))
    tags = dict(database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run_id,)))
    return facts(
        run_id,
        name or "",
        experiment or "mlflow",
        status or "",
        start_ms,
        end_ms,
        params,
        {key: value or "" for key, value in tags.items()},
        user or "",
    )


def _points(database: sqlite3.Connection, which: str, values: tuple[Any, ...]) -> Iterator[tuple[int, Point | None]]:
    rows = database.execute(f"SELECT rowid, key, value, timestamp, step, is_nan FROM metrics {which}", values)
    for row, *columns in rows:
        yield int(row), _point(*columns)


def _point(key: Any, value: Any, millis: Any, step: Any, is_nan: Any) -> Point | None:
    try:
        return Point(str(key), int(step), int(millis) / 1000, math.nan if is_nan else _value(value))
    except (TypeError, ValueError, OverflowError):  # a database takes anything in any column
        return None


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _value(value: Any) -> float:
    """Return the number. The database has no infinities; MLflow puts the largest numbers there are in their place."""
    number = float(value)
    return math.copysign(math.inf, number) if abs(number) == MAX_FLOAT else number
