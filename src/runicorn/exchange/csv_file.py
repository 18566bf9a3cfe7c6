"""Runs out of CSV files: a row for each step, or a row for each point."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runicorn.errors import SourceUnreadableError
from runicorn.exchange import csv_columns
from runicorn.exchange.csv_table import Table
from runicorn.exchange.mlflow import plain
from runicorn.exchange.source import Facts, Sink

_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class CsvFile:
    """Implements Source: one run of a CSV file.

    digest: of what the file holds. run: which run, where each row is a point; else None. rows: between which bytes its
    rows lie, the end None where that cannot be told. step: the column with the step, where its name does not tell.
    """

    path: Path
    digest: str
    run: str | None = None
    rows: tuple[int, int | None] = (0, None)
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
        for _, (run, metric, step, time, value) in _rows(Table(self.path), start, end):
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
        table = Table(self.path)
        header = csv_columns.names(table.header)
        try:
            roles = csv_columns.roles(header, self.step)
        except ValueError as error:
            raise SourceUnreadableError(
                f"{self.path}: {error}", hint=f"Its columns are: {', '.join(header)[:500]}."
            ) from error
        changed_at = self.path.stat().st_mtime
        clock = self._clock(table, roles, changed_at)
        times: list[float] = []
        any_number = False
        texts: dict[str, set[str]] = {}
        for number, (line, row) in enumerate(_rows(table)):
            step: int | None = number
            if roles.step is not None:
                step = csv_columns.whole(row[roles.step])
                if step is None:
                    raise SourceUnreadableError(
                        f"Line {line} of {self.path} has no step in {header[roles.step]!r}: {row[roles.step]!r}.",
                        hint="Name the column that holds the step with --step.",
                    )
            time = clock.moment(row[roles.time]) if roles.time is not None else changed_at
            time = changed_at if time is None else time
            times.append(time)
            for at in roles.others:
                cell = row[at]
                value = csv_columns.number(cell) if cell.strip() else None
                if value is not None:
                    any_number = True
                    sink.point(header[at], step or 0, time, value)
                elif cell.strip() and len(texts.setdefault(header[at], set())) < 2:
                    texts[header[at]].add(cell.strip())
        if not any_number:
            raise SourceUnreadableError(
                f"{self.path} holds no numbers in columns.",
                hint="Cells are separated by commas, semicolons, tabs or bars.",
            )
        # A text that never changes describes the run; one that does is no curve.
        config = {name: plain(next(iter(found))) for name, found in texts.items() if len(found) == 1}
        left_out = {f"text-column-{name}"[:100]: 1 for name, found in texts.items() if len(found) > 1}
        return self._facts(self.path.stem, times, config, left_out)

    def _clock(self, table: Table, roles: csv_columns.Roles, changed_at: float) -> csv_columns.Clock:
        """Look through the column of times, because only all of it tells what its numbers count from."""
        latest: float | None = None
        if roles.time is not None:
            for _, row in _rows(table):
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
    """Yield the runs of a CSV file, or of those in a folder; one that cannot be read says so when it is read."""
    for file in [path] if path.is_file() else sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES):
        digest = _digest(file)
        table = Table(file)
        try:
            runs = _rows_of_runs(table) if csv_columns.is_long(table.header) else {}
        except SourceUnreadableError:
            runs = {}
        for run, rows in runs.items():
            yield CsvFile(file, digest, run, rows)
        if not runs:
            yield CsvFile(file, digest, step=step)


def _rows_of_runs(table: Table) -> dict[str, tuple[int, int | None]]:
    """Return between which bytes the rows of each run lie, so that the file is not read anew for each from its top."""
    found: dict[str, tuple[int, int | None]] = {}
    begins_at = 0
    width = len(csv_columns.LONG)
    for row in table.rows():
        if len(row.cells) == width:
            run = row.cells[0]
            found[run] = (found.get(run, (begins_at, 0))[0], row.ends_at) if table.has_bytes else (0, None)
        begins_at = row.ends_at
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()[:32]


def _rows(table: Table, start: int = 0, end: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows below the header with their lines; each has as many cells as the header."""
    width = len(table.header)
    for row in table.rows(start, end):
        if len(row.cells) != width:
            where = f"Line {row.line}" if start == 0 else f"The line that ends at byte {row.ends_at}"
            raise SourceUnreadableError(
                f"{where} of {table.path} has {len(row.cells)} cells where the first line has {width}."
            )
        yield row.line, row.cells
