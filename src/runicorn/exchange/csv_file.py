"""Runs out of CSV files: a row for each step, or a row for each point."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runicorn.errors import SourceUnreadableError
from runicorn.exchange import csv_columns
from runicorn.exchange.mlflow import plain
from runicorn.exchange.source import Facts, Sink

_MAX_CELL_CHARACTERS = 1 << 24


@dataclass(frozen=True)
class CsvFile:
    """Implements Source: one run of a CSV file.

    digest: of what the file holds. run: which run, where each row is a point, and rows: between which bytes its rows
    lie; else None. step: the column that holds the step, where its name does not tell.
    """

    path: Path
    digest: str
    run: str | None = None
    rows: tuple[int, int] = (0, 0)
    step: str | None = None
    tool: str = "csv"

    @property
    def label(self) -> str:
        return f"{self.path}, run {self.run}" if self.run is not None else str(self.path)

    @property
    def identity(self) -> str:
        """What the file holds: renamed it is the same, changed it is another."""
        return f"{self.digest}/{self.run}" if self.run is not None else self.digest

    def read(self, sink: Sink) -> Facts:
        return self._read_points(sink) if self.run is not None else self._read_steps(sink)

    def _read_points(self, sink: Sink) -> Facts:
        times: list[float] = []
        start, end = self.rows
        for _, (run, metric, step, time, value) in _rows(self.path, len(csv_columns.LONG), start, end):
            if run != self.run:
                continue
            point = csv_columns.whole(step), csv_columns.moment(time), csv_columns.number(value)
            if point[0] is None or point[1] is None or point[2] is None:
                raise SourceUnreadableError(
                    f"A row of {self.path} is no point: {metric!r}, {step!r}, {time!r}, {value!r}."
                )
            sink.point(metric, point[0], point[1], point[2])
            times.append(point[1])
        return self._facts(self.run or "", times, {}, {})

    def _read_steps(self, sink: Sink) -> Facts:
        header = csv_columns.names(_header(self.path))
        try:
            roles = csv_columns.roles(header, self.step)
        except ValueError as error:
            raise SourceUnreadableError(
                f"{self.path}: {error}", hint=f"Its columns are: {', '.join(header)[:500]}."
            ) from error
        changed_at = self.path.stat().st_mtime
        clock = self._clock(roles, len(header), changed_at)
        times: list[float] = []
        texts: dict[str, set[str]] = {}
        for number, (_, row) in enumerate(_rows(self.path, len(header))):
            step: int | None = number
            if roles.step is not None:
                step = csv_columns.whole(row[roles.step])
                if step is None:
                    raise SourceUnreadableError(
                        f"Line {number + 2} of {self.path} has no step in {header[roles.step]!r}: {row[roles.step]!r}.",
                        hint="Name the column that holds the step with --step.",
                    )
            time = clock.moment(row[roles.time]) if roles.time is not None else changed_at
            time = changed_at if time is None else time
            times.append(time)
            for at in roles.others:
                cell = row[at]
                value = csv_columns.number(cell) if cell.strip() else None
                if value is not None:
                    sink.point(header[at], step or 0, time, value)
                elif cell.strip() and len(texts.setdefault(header[at], set())) < 2:
                    texts[header[at]].add(cell.strip())
        # A text that never changes describes the run; one that does is no curve.
        config = {name: plain(next(iter(found))) for name, found in texts.items() if len(found) == 1}
        left_out = {f"text-column-{name}"[:100]: 1 for name, found in texts.items() if len(found) > 1}
        return self._facts(self.path.stem, times, config, left_out)

    def _clock(self, roles: csv_columns.Roles, width: int, changed_at: float) -> csv_columns.Clock:
        """Look through the column of times, because only all of it tells what its numbers count from."""
        latest: float | None = None
        if roles.time is not None:
            for _, row in _rows(self.path, width):
                value = csv_columns.number(row[roles.time])
                if value is not None and math.isfinite(value) and (latest is None or value > latest):
                    latest = value
        return csv_columns.clock(latest, changed_at)

    def _facts(self, name: str, times: list[float], config: dict[str, object], warnings: dict[str, int]) -> Facts:
        sane = [time for time in times if math.isfinite(time)]
        changed_at = self.path.stat().st_mtime
        return Facts(
            name=name,
            project=self.path.stem if self.run is not None else (self.path.absolute().parent.name or "csv"),
            created_at=min(sane, default=changed_at),
            finished_at=max(sane, default=changed_at),
            config=config,
            warnings=warnings,
        )


def find(path: Path, step: str | None = None) -> Iterator[CsvFile]:
    """Yield the runs of a CSV file, or of those in a folder. Raises SourceUnreadableError."""
    for file in [path] if path.is_file() else sorted(path.glob("*.csv")):
        digest = _digest(file)
        if csv_columns.is_long(_header(file)):
            for run, rows in _rows_of_runs(file).items():
                yield CsvFile(file, digest, run, rows)
        else:
            yield CsvFile(file, digest, step=step)


def _rows_of_runs(path: Path) -> dict[str, tuple[int, int]]:
    """Return between which bytes the rows of each run lie, so that the file is not read anew for each from its top."""
    found: dict[str, tuple[int, int]] = {}
    begins_at = 0
    for ends_at, row in _rows(path, len(csv_columns.LONG)):
        found[row[0]] = (found.get(row[0], (begins_at, 0))[0], ends_at)
        begins_at = ends_at
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()[:32]


def _header(path: Path) -> list[str]:
    for _, row in _lines(path, 0, None):
        if any(cell.strip() for cell in row):
            return row
        break
    raise SourceUnreadableError(f"{path} has no line with the names of its columns.")


def _rows(path: Path, width: int, start: int = 0, end: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows below the header with the byte that each ends at; each has `width` cells, as the header has.

    start, end: bytes between which to read; 0 is the header's own.
    """
    lines = _lines(path, start, end)
    if start == 0:
        next(lines, None)
    for number, (ends_at, row) in enumerate(lines, 2):
        if not row:
            continue
        if len(row) != width:
            where = f"Line {number} of {path}" if start == 0 else f"The line of {path} that ends at byte {ends_at}"
            raise SourceUnreadableError(f"{where} has {len(row)} cells where the first line has {width}.")
        yield ends_at, row


def _lines(path: Path, start: int, end: int | None) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    try:
        with path.open("rb") as file:
            file.seek(start)
            pulled = _Pulled(file, start)
            for row in csv.reader(pulled):
                yield pulled.at, row
                if end is not None and pulled.at >= end:
                    return
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceUnreadableError(f"{path} is no CSV file in UTF-8: {error}.") from error


class _Pulled:
    """The lines of a file as text. at: the byte that the last one ended at."""

    def __init__(self, file: IO[bytes], at: int) -> None:
        self._file = file
        self.at = at

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            text = line.decode("utf-8-sig" if self.at == 0 else "utf-8")
            self.at += len(line)
            yield text
