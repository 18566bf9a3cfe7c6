"""A list of runs as it is printed: what stands in the table, what fits, and what a script reads back."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

import runicorn as rn
from runicorn.cli import run_table
from runicorn.cli.run_table import Column

NUMBERS = [0.1 + 0.2, 1e-300, -0.0, 12345678901234567890, 5e-324, 1.7976931348623157e308]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RUNICORN_HOME", str(tmp_path / "home"))
    for number, value in enumerate(NUMBERS):
        config = {"value": value, "same": 1, "deep": {"text": f'a,"{number}"\nb'}}
        with rn.init("p", name=f"run{number}\x1b[2J", root=tmp_path / "root", config=config, tags=["x", "y"]) as run:
            run.summary["odd"] = math.nan if number else math.inf
    with rn.open_root(tmp_path / "root") as root:
        yield root.runs()


def text_of(columns: list[Column], width: int | None = None) -> list[str]:
    return [line.plain for line in run_table.lines(columns, width)]


def test_values_that_differ_have_columns_and_others_have_none(runs: Any) -> None:
    assert run_table.differing(runs) == ["config.value", "config.deep.text", "summary.odd"]
    fixed, values = run_table.columns_of(runs, [], several=False)
    assert [column.name for column in fixed] == ["state", "name", "created"]
    assert [column.name for column in values] == ["config.value", "config.deep.text", "summary.odd"]
    fixed, values = run_table.columns_of(runs, ["config.same"], several=True)
    assert [column.name for column in (*fixed, *values)] == ["state", "name", "host", "config.same"]
    assert values[0].cells == ["1"] * len(runs)


def test_nothing_that_moves_a_cursor_is_printed(runs: Any) -> None:
    fixed, values = run_table.columns_of(runs, [], several=True)
    for line in text_of([*fixed, *values]):
        assert line.isprintable()


def test_columns_that_do_not_fit_are_named_and_no_line_is_longer(runs: Any) -> None:
    fixed, values = run_table.columns_of(runs, [], several=False)
    chosen, left_out = run_table.fitting(fixed, values, 60)
    assert left_out
    assert [column.name for column in chosen] + left_out != []
    assert {column.name for column in chosen} | set(left_out) == {column.name for column in (*fixed, *values)}
    assert max(map(len, text_of(chosen, 60))) <= 60
    assert run_table.fitting(fixed, values, None) == ([*fixed, *values], [])
    assert max(map(len, text_of(fixed, 10))) <= 10


def test_numbers_stand_at_the_right_and_wide_letters_take_two(runs: Any) -> None:
    columns = [Column("n", ["1", "100"], is_number=True), Column("name", ["日本", "ab"]), Column("x", ["1", "2"])]
    assert text_of(columns) == ["  n  name  x", "  1  日本  1", "100  ab    2"]


def test_csv_gives_back_every_number(runs: Any) -> None:
    text = run_table.to_csv(runs, [], {"host": [run.host for run in runs]})
    rows = list(csv.DictReader(io.StringIO(text)))
    for run, row in zip(runs, rows, strict=True):
        value = run.config["value"]
        assert repr(type(value)(row["config.value"])) == repr(value)
        assert float(row["created_at"]) == run.created_at
        assert row["config.deep.text"] == run.config["deep"]["text"]
        assert (row["id"], row["tags"], row["host"]) == (run.id, "x, y", run.host)
    asked = list(csv.DictReader(io.StringIO(run_table.to_csv(runs, ["config.same"], {}))))
    assert [row["config.same"] for row in asked] == ["1"] * len(runs)
    assert "config.value" not in asked[0]


def test_json_gives_back_every_number(runs: Any) -> None:
    for run in runs:
        told = json.loads(json.dumps(run_table.to_json(run, [], {"host": run.host}), allow_nan=False))
        assert repr(told["config"]["value"]) == repr(run.config["value"])
        assert (told["created_at"], told["id"], told["tags"]) == (run.created_at, run.id, ["x", "y"])
        assert told["summary"]["odd"] in ("NaN", "Infinity")
    told = run_table.to_json(runs[0], ["config.same", "min.none"], {})
    assert told["values"] == {"config.same": 1, "min.none": None}
    assert "config" not in told
