"""Which columns of a table are the step, the time, metrics, or something else. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

EPOCH = "epoch"
STEPS = ("step", "_step", "global_step", EPOCH, "iteration", "iter")
TIMES = ("time", "timestamp", "_timestamp", "wall_time", "walltime", "wall time")
LONG = ("run", "metric", "step", "time", "value")
# Numbers below this are no unix time that a training ran at (March 1973), but seconds since its beginning.
_EARLIEST_UNIX_SECS = 1e8
# From these on, numbers are milli-, micro- and nanoseconds: in seconds they would lie beyond the year 5000.
_LATEST_UNIX_NANOS = 1e19  # the year 2286
_FINER = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


@dataclass(frozen=True)
class Roles:
    """Column numbers. step, time: None where there is none."""

    step: int | None
    time: int | None
    others: tuple[int, ...]


@dataclass(frozen=True)
class Clock:
    """How the numbers of a time column become unix seconds. started_at: what 0 stands for."""

    per_second: float = 1.0
    started_at: float = 0.0

    def moment(self, cell: str) -> float | None:
        """Return unix seconds, or None where the cell holds no time."""
        value = number(cell)
        return moment(cell) if value is None else value / self.per_second + self.started_at


def clock(latest: float | None, ended_at: float) -> Clock:
    """Return how to read a column by its greatest finite number, None where it has none.

    ended_at: unix seconds that a column of seconds since the beginning ended at.
    """
    if latest is None:
        return Clock()
    if latest < _EARLIEST_UNIX_SECS:
        return Clock(started_at=ended_at - max(latest, 0.0))
    return Clock(_per_second(latest))


def unix_secs(value: float) -> float | None:
    """Return the unix seconds that a number of seconds, milli-, micro- or nanoseconds stands for, or None.

    None is for what is no moment that a training ran at, such as seconds since its beginning.
    """
    return value / _per_second(value) if _EARLIEST_UNIX_SECS <= value < _LATEST_UNIX_NANOS else None


def _per_second(value: float) -> float:
    return next((per_second for least, per_second in _FINER if value >= least), 1.0)


def names(header: Sequence[str]) -> list[str]:
    """Return what the columns are called: without the blanks they are padded with, each one different."""
    found: dict[str, None] = {}
    counts: dict[str, int] = {}
    for at, cell in enumerate(header, 1):
        name = unique = cell.strip() or f"column {at}"
        while unique in found:
            counts[name] = counts.get(name, 0) + 1
            unique = f"{name}.{counts[name]}"
        found[unique] = None
    return list(found)


def is_long(header: Sequence[str]) -> bool:
    """Tell whether each row is one point, as `runicorn export` writes them."""
    return tuple(header) == LONG


def roles(header: Sequence[str], step: str | None = None, *, but: str = "") -> Roles:
    """Return what the columns are for. step: the name of the step's column; else the first of STEPS that is there.

    but: one of STEPS that is none in this table. Raises ValueError where there is no column of the name that was given.
    """
    names = [name.strip().lower() for name in header]
    if step is not None:
        if step not in header:
            raise ValueError(f"There is no column {step!r}.")
        step_at: int | None = list(header).index(step)
    else:
        step_at = next((names.index(name) for name in STEPS if name in names and name != but), None)
    time_at = next((names.index(name) for name in TIMES if name in names and names.index(name) != step_at), None)
    others = tuple(at for at in range(len(header)) if at not in (step_at, time_at))
    return Roles(step_at, time_at, others)


def number(cell: str) -> float | None:
    """Return the number in a cell to the bit, or None where it holds none."""
    try:
        return float(cell)
    except ValueError:
        return None


def all_numbers(cells: Sequence[str]) -> bool:
    """Tell whether each cell that is not empty holds a number."""
    return all(number(cell) is not None for cell in cells if cell.strip())


def whole(cell: str) -> int | None:
    """Return a step, or None where the cell holds none: 7, 7.0 and 1e3 are, 0.5 is not."""
    try:
        value = int(cell)
    except ValueError:
        as_float = number(cell)
        if as_float is None or not math.isfinite(as_float) or as_float != int(as_float):
            return None
        value = int(as_float)
    return value if -(2**63) <= value < 2**63 else None


def moment(cell: str) -> float | None:
    """Return unix seconds: a number as it stands, or a date and time, taken for UTC where it says no zone."""
    value = number(cell)
    if value is not None:
        return value
    try:
        found = datetime.fromisoformat(cell.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
