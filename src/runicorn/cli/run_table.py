"""How a list of runs reads in a terminal, as CSV and as JSON. Prints nothing."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from runicorn.exchange.client import StoredRun
from runicorn.model import number_to_json
from runicorn.progress_line import duration

_GAP = "  "
_MOST_CELLS = 40
_SHORTENED = "…"
_STYLES = {"running": "green", "failed": "red", "killed": "red", "preempted": "yellow", "unknown": "yellow"}
_OF_A_RUN = ("id", "project", "name", "state", "created_at", "finished_at", "duration_secs", "step", "note")


@dataclass(frozen=True)
class Column:
    """One column of a table. is_number: it stands at the right then. style: of a cell, by its text."""

    name: str
    cells: Sequence[str]
    is_number: bool = False
    style: Callable[[str], str] = lambda text: ""

    @property
    def width(self) -> int:
        return max(cell_len(text) for text in (self.name, *self.cells))


def columns_of(runs: Sequence[StoredRun], asked: Sequence[str], *, several: bool) -> tuple[list[Column], list[Column]]:
    """Return the columns that are always shown, and those of values: the ones asked for, else all that differ.

    several: whether there is more than one place.
    """
    fixed = [
        Column("state", [run.state for run in runs], style=lambda text: _STYLES.get(text, "")),
        Column("name", [shown_text(run.name) for run in runs]),
    ]
    if several:
        fixed.append(Column("host", [shown_text(run.host) for run in runs]))
    if not asked:
        projects = [shown_text(run.project) for run in runs]
        fixed += [Column("project", projects)] if len(set(projects)) > 1 else []
        fixed.append(Column("created", [_local_time(run.created_at) for run in runs]))
    return fixed, [_of_values(name, [run.value(name) for run in runs]) for name in asked or differing(runs)]


def differing(runs: Sequence[StoredRun]) -> list[str]:
    """Return the keys of configurations, then of summaries, whose values are not the same in all of these runs."""
    found = []
    for prefix, keys in (("config.", "config_keys"), ("summary.", "summary_keys")):
        for key in dict.fromkeys(key for run in runs for key in getattr(run, keys)):
            if len({repr(run.value(prefix + key)) for run in runs}) > 1:
                found.append(prefix + key)
    return found


def fitting(fixed: Sequence[Column], values: Sequence[Column], width: int | None) -> tuple[list[Column], list[str]]:
    """Return the columns that there is room for, and the names of those that there is none for. width: None for any."""
    chosen = list(fixed)
    left_out = []
    taken = sum(column.width + len(_GAP) for column in chosen)
    for column in values:
        taken += column.width + len(_GAP)
        if width is not None and taken - len(_GAP) > width:
            taken -= column.width + len(_GAP)
            left_out.append(column.name)
        else:
            chosen.append(column)
    return chosen, left_out


def lines(columns: Sequence[Column], width: int | None) -> list[Text]:
    """Return the table by lines, its head first; each is cut where the terminal ends."""
    rows = [[(column.name, "bold") for column in columns]]
    rows += [[(column.cells[at], column.style(column.cells[at])) for column in columns]
             for at in range(len(columns[0].cells))]  # fmt: skip
    found = []
    for row in rows:
        line = Text()
        for column, (text, style) in zip(columns, row, strict=True):
            blank = " " * (column.width - cell_len(text))
            line.append(blank + text if column.is_number else text, style)
            line.append(_GAP if column.is_number else blank + _GAP)
        line.rstrip()
        if width is not None:
            line.truncate(width)
        found.append(line)
    return found


def to_csv(runs: Sequence[StoredRun], asked: Sequence[str], places: Mapping[str, Sequence[str]]) -> str:
    """Return a row for each run. asked: only these values; else all of configuration and summary.

    places: columns that tell where the runs are. Every number reads back to the same bits.
    """
    values = list(asked)
    if not asked:
        values += [f"config.{key}" for key in dict.fromkeys(key for run in runs for key in run.config_keys)]
        values += [f"summary.{key}" for key in dict.fromkeys(key for run in runs for key in run.summary_keys)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*places, *_OF_A_RUN, "tags", *values])
    for at, run in enumerate(runs):
        own = [*(run.value(name) for name in _OF_A_RUN), ", ".join(run.tags), *(run.value(name) for name in values)]
        writer.writerow([*(cells[at] for cells in places.values()), *map(exact, own)])
    return text.getvalue()


def to_json(run: StoredRun, asked: Sequence[str], places: Mapping[str, str]) -> dict[str, Any]:
    """Return a run as `--json` prints it. Times are unix seconds; NaN and infinities are the texts of our API."""
    found = {**places, **{name: run.value(name) for name in _OF_A_RUN}, "tags": list(run.tags)}
    if asked:
        found["values"] = {name: run.value(name) for name in asked}
    else:
        found.update(config=run.config, summary=run.summary)
    wire: dict[str, Any] = _json_value(found)
    return wire


def exact(value: Any) -> str:
    """Return a value as text that reads back to the same one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, str)):
        return str(value)
    return repr(value) if isinstance(value, float) else json.dumps(_json_value(value))


def short(value: Any) -> str:
    """Return a value as a person reads it: integers with all their digits, fractions with five."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.5g}"
    return shown_text(exact(value))


def shown_text(text: str) -> str:
    """Return a text without what could move a cursor, and the beginning of a long one."""
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    if cell_len(plain) <= _MOST_CELLS:
        return plain
    return set_cell_size(plain, _MOST_CELLS - 1).rstrip() + _SHORTENED


def _of_values(name: str, values: Sequence[Any]) -> Column:
    numbers = [isinstance(value, (int, float)) and not isinstance(value, bool) for value in values if value is not None]
    if name in ("created", "finished", "created_at", "finished_at"):
        return Column(name, ["" if value is None else _local_time(value) for value in values])
    if name in ("duration", "duration_secs"):
        return Column(name, ["" if value is None else duration(value) for value in values], is_number=True)
    return Column(shown_text(name), [short(value) for value in values], is_number=bool(numbers) and all(numbers))


def _local_time(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _json_value(value: Any) -> Any:
    if isinstance(value, float):
        return number_to_json(value)
    if isinstance(value, Mapping):
        return {str(key): _json_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(each) for each in value]
    return value
