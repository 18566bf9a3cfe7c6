"""The formats that points are exported in. Each writes the same five columns, so that they read back to the bit."""

from __future__ import annotations

import enum
import io
import json
from types import TracebackType
from typing import IO, Any, Protocol

from runicorn.exchange.exporting import Points
from runicorn.exchange.frames import package
from runicorn.model import number_to_json
from runicorn.tables.columns import LONG


class Format(enum.Enum):
    """What an export is written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class TableWriter(Protocol):
    """Writes pieces of a table; the last ones on leaving its `with`."""

    def __enter__(self) -> TableWriter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, points: Points) -> None: ...

    def flush(self) -> None:
        """Hand all that was written so far to the system, as far as the format lets one."""
        ...


def table_writer(chosen: Format, file: IO[bytes], *, goes_on: bool = False) -> TableWriter:
    """Return a writer into an open file. Raises PackageMissingError.

    goes_on: the file holds the beginning of the table already.
    """
    if chosen is Format.CSV:
        return CsvWriter(file, goes_on=goes_on)
    return JsonLinesWriter(file) if chosen is Format.JSONL else ParquetWriter(file)


class _TextWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)

    def __enter__(self) -> Any:
        return self

    def flush(self) -> None:
        self._text.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._text.flush()
        self._text.detach()


class CsvWriter(_TextWriter):
    """Numbers as Python's repr, the shortest that reads back to the same bits; nan, inf and -inf."""

    def __init__(self, file: IO[bytes], *, goes_on: bool = False) -> None:
        super().__init__(file)
        if not goes_on:
            self._text.write(",".join(LONG) + "\n")

    def write(self, points: Points) -> None:
        # By hand: csv.writer leaves a carriage return in a name unquoted before Python 3.13.
        heads = {name: f"{points.run_id},{_quoted(name)}," for name in set(points.metric)}
        self._text.writelines(
            f"{heads[metric]}{step},{time!r},{value!r}\n"
            for metric, step, time, value in zip(points.metric, points.step, points.time, points.value, strict=True)
        )


class JsonLinesWriter(_TextWriter):
    """One object on each line; NaN and infinities as "NaN", "Infinity", "-Infinity", which JSON has no numbers for."""

    def write(self, points: Points) -> None:
        for metric, step, time, value in zip(points.metric, points.step, points.time, points.value, strict=True):
            row = dict(zip(LONG, (points.run_id, metric, step, _json(time), _json(value)), strict=True))
            self._text.write(json.dumps(row, ensure_ascii=False) + "\n")


class ParquetWriter:
    """run and metric as dictionaries, step as int64, time and value as float64."""

    def __init__(self, file: IO[bytes]) -> None:
        self._arrow = package("pyarrow")
        texts = self._arrow.dictionary(self._arrow.int32(), self._arrow.string())
        kinds = (texts, texts, self._arrow.int64(), self._arrow.float64(), self._arrow.float64())
        self._schema = self._arrow.schema(list(zip(LONG, kinds, strict=True)))
        self._writer = package("pyarrow.parquet").ParquetWriter(file, self._schema)

    def __enter__(self) -> ParquetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def flush(self) -> None:
        pass

    def write(self, points: Points) -> None:
        columns = ([points.run_id] * len(points), points.metric, points.step, points.time, points.value)
        arrays = [self._arrow.array(column, each.type) for column, each in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') or not text else text


def _json(value: float) -> float | str:
    return number_to_json(value)
