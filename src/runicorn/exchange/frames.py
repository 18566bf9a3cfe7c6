"""Tables for pandas and polars. Neither is needed by Runicorn; each is loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runicorn.errors import PackageMissingError
from runicorn.model import number_from_json
from runicorn.storage.indexed_run import IndexedRun

if TYPE_CHECKING:
    from runicorn.exchange.series import Series

TIMES = ("created_at", "finished_at")
_FIELDS = ("id", "name", "project", "state", "created_at", "finished_at", "duration_secs", "step", "tags", "note")


def package(name: str) -> Any:
    """Return a package. Raises PackageMissingError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        top = name.split(".", 1)[0]
        raise PackageMissingError(f"This needs {top}, which is not installed.", hint=f"pip install {top}") from error


def run_columns(items: Sequence[IndexedRun]) -> dict[str, list[Any]]:
    """Return the table of runs by columns: the fields, then config.KEY and summary.KEY; None where a run lacks it."""
    names = [
        *_FIELDS,
        *(f"config.{key}" for key in dict.fromkeys(key for item in items for key in item.config_keys)),
        *(f"summary.{key}" for key in dict.fromkeys(key for item in items for key in item.summary_keys)),
    ]
    columns = {name: [item.field(name) for item in items] for name in names}
    columns["tags"] = [", ".join(item.run.tags) for item in items]
    return {name: _of_one_kind(column) for name, column in columns.items()}


def pandas_frame(columns: Mapping[str, Sequence[Any]], times: Sequence[str] = ()) -> Any:
    pandas = package("pandas")
    frame = pandas.DataFrame(dict(columns))
    for name in times:
        frame[name] = pandas.to_datetime(frame[name], unit="s", utc=True)
    return frame


def polars_frame(columns: Mapping[str, Sequence[Any]], times: Sequence[str] = ()) -> Any:
    polars = package("polars")
    frame = polars.DataFrame(dict(columns), strict=False)
    micros = [(polars.col(name).cast(polars.Float64) * 1e6).cast(polars.Int64) for name in times]
    return frame.with_columns([each.cast(polars.Datetime("us", "UTC")) for each in micros])


def points_to_pandas(series: Sequence[Series], *, wide: bool) -> Any:
    pandas = package("pandas")
    if wide:
        columns = {
            _column(each.name): _last_of_each_step(pandas.Series(each.value, index=each.step)) for each in series
        }
        frame = pandas.DataFrame(columns)
        frame.index.name = "step"
        return frame.sort_index().reset_index()
    return pandas.DataFrame(_long(series))


def points_to_polars(series: Sequence[Series], *, wide: bool) -> Any:
    polars = package("polars")
    if not wide:
        return polars.DataFrame(_long(series))
    frame = polars.DataFrame({"step": []}, schema={"step": polars.Int64})
    for each in series:
        one = polars.DataFrame({"step": each.step, _column(each.name): each.value})
        one = one.unique("step", keep="last", maintain_order=True)
        frame = frame.join(one, on="step", how="full", coalesce=True)
    return frame.sort("step")


def _column(metric: str) -> str:
    return "step (metric)" if metric == "step" else metric


def _long(series: Sequence[Series]) -> dict[str, Any]:
    from runicorn.storage.columns import together

    return {
        "metric": [each.name for each in series for _ in range(len(each))],
        "step": together([each.step for each in series], "i8"),
        "time": together([each.time for each in series], "f8"),
        "value": together([each.value for each in series], "f8"),
    }


def _last_of_each_step(values: Any) -> Any:
    return values[~values.index.duplicated(keep="last")]


def _of_one_kind(column: list[Any]) -> list[Any]:
    """Return the column as numbers, or as texts where it holds both: a frame's column has one type."""
    present = [value for value in column if value is not None]
    if all(isinstance(value, bool) for value in present):
        return column
    numbers = [None if value is None else _number(value) for value in column]
    if all(number is not None for number, value in zip(numbers, column, strict=True) if value is not None):
        whole = all(isinstance(value, int) for value in present)
        return column if whole else numbers
    return [value if value is None or isinstance(value, str) else str(value) for value in column]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, bool) else number_from_json(value)
