"""Rows of a JSON-lines log, one object a line. Pure."""

from __future__ import annotations

from typing import Any

from runicorn.model import number_from_json
from runicorn.storage.foreign.kinds import TIME_ELAPSED, TIMESTEPS
from runicorn.storage.foreign.lines import Lines, text_of
from runicorn.storage.foreign.taken import Row, Warnings
from runicorn.storage.foreign.values import moment_of, numbers, step_of
from runicorn.storage.jsonio import decode_object
from runicorn.tables.columns import TIMES

STEPS = ("step", "global_step", "_step", TIMESTEPS, "iteration", "iter", "epoch")
MOMENTS = (*TIMES, "datetime", "date", "ts", "@timestamp")


class JsonRows:
    """Reads lines as rows. It needs to remember nothing."""

    def read(self, lines: Lines, warnings: Warnings) -> tuple[list[Row], int]:
        """Return the rows, and how many lines they took: all of them."""
        rows = []
        for line in lines.lines:
            if line is None or not line.strip():
                continue
            found = object_of(line)
            if found is None:
                warnings.add("damaged-line")
            else:
                rows.append(row_of(found))
        return rows, len(lines.lines)


def object_of(line: bytes) -> dict[str, Any] | None:
    """Return the object in a line, or None where it holds none."""
    return decode_object(text_of(line).encode())


def row_of(found: dict[str, Any]) -> Row:
    """Return a row. What tells its step and its time is no metric; a time that is no moment is one."""
    steps = ((name, step_of(found[name])) for name in STEPS if name in found)
    step_name, step = next((each for each in steps if each[1] is not None), ("", None))
    times = ((name, moment_of(found[name])) for name in MOMENTS if name in found and name != step_name)
    time_name, time = next((each for each in times if each[1] is not None), ("", None))
    return Row(step, numbers(found, (step_name, time_name)), time, number_from_json(found.get(TIME_ELAPSED)))
