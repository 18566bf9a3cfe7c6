"""Runs out of CSV files: a row for each step, or a row for each point."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runicorn.errors import SourceUnreadableError
from runicorn.exchange import csv_columns
from runicorn.exchange.mlflow import plain
from runicorn.exchange.source import Facts, Sink

_MAX_CELL_CHARACTERS = 1 << 24


@dataclass(frozen=True)
class CsvFile:
    """Implements Source: one run of a CSV file. run: which one, where each row is a point; else None.

    step: the column that holds the step, where its name does not tell.
    """

    path: Path
    run: str | None = None
    step: str | None = None
    tool: str = "csv"

    @property
    def label(self) -> str:
        return f"{self.path}, run {self.run}" if self.run is not None else str(self.path)

    @property
    def identity(self) -> str:
        """What the file holds: renamed it is the same, changed it is another."""
        with self.path.open("rb") as file:
            digest = hashlib.sha256()
            for piece in iter(lambda: file.read(1 << 20), b""):
                digest.update(piece)
        return f"{digest.hexdigest()[:32]}/{self.run}" if self.run is not None else digest.hexdigest()[:32]

    def read(self, sink: Sink) -> Facts:
        return self._read_points(sink) if self.run is not None else self._read_steps(sink)

    def _read_points(self, sink: Sink) -> Facts:
        times: list[float] = []
        for number, (run, metric, step, time, value) in enumerate(_rows(self.path, csv_columns.LONG), 2):
            if run != self.run:
                continue
            point = csv_columns.whole(step), csv_columns.moment(time), csv_columns.number(value)
            if point[0] is None or point[1] is None or point[2] is None:
                raise SourceUnreadableError(f"Line {number} of {self.path} is no point: {step!r}, {time!r}, {value!r}.")
            sink.point(metric, point[0], point[1], point[2])
            times.append(point[1])
        return self._facts(self.run or "", times, {}, {})

    def _read_steps(self, sink: Sink) -> Facts:
        header = _header(self.path)
        try:
            roles = csv_columns.roles(header, self.step)
        except ValueError as error:
            raise SourceUnreadableError(
                f"{self.path}: {error}", hint=f"Its columns are: {', '.join(header)[:500]}."
            ) from error
        changed_at = self.path.stat().st_mtime
        times: list[float] = []
        texts: dict[str, set[str]] = {}
        for number, row in enumerate(_rows(self.path, tuple(header))):
            step: int | None = number
            if roles.step is not None:
                step = csv_columns.whole(row[roles.step])
                if step is None:
                    raise SourceUnreadableError(
                        f"Line {number + 2} of {self.path} has no step in {header[roles.step]!r}: {row[roles.step]!r}.",
                        hint="Name the column that holds the step with --step.",
                    )
            time = csv_columns.moment(row[roles.time]) if roles.time is not None else changed_at
            time = changed_at if time is None else time
            times.append(time)
            for at in roles.others:
                cell = row[at]
                value = csv_columns.number(cell) if cell.strip() else None
                if value is not None:
                    sink.point(header[at], step or 0, time, value)
                elif cell.strip() and len(texts.setdefault(header[at], set())) < 2:
                    texts[header[at]].add(cell)
        # A text that never changes describes the run; one that does is no curve.
        config = {name: plain(next(iter(found))) for name, found in texts.items() if len(found) == 1}
        left_out = {f"text-column-{name}"[:100]: 1 for name, found in texts.items() if len(found) > 1}
        return self._facts(self.path.stem, times, config, left_out)

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
        if csv_columns.is_long(_header(file)):
            for run in dict.fromkeys(row[0] for row in _rows(file, csv_columns.LONG)):
                yield CsvFile(file, run)
        else:
            yield CsvFile(file, step=step)


def _header(path: Path) -> list[str]:
    for row in _lines(path):
        if row and any(cell.strip() for cell in row):
            return row
        break
    raise SourceUnreadableError(f"{path} has no line with the names of its columns.")


def _rows(path: Path, header: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield the rows below the header, each as long as it."""
    lines = _lines(path)
    next(lines, None)
    for number, row in enumerate(lines, 2):
        if not row:
            continue
        if len(row) != len(header):
            raise SourceUnreadableError(
                f"Line {number} of {path} has {len(row)} cells where the first line has {len(header)}."
            )
        yield row


def _lines(path: Path) -> Iterator[list[str]]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceUnreadableError(f"{path} is no CSV file in UTF-8: {error}.") from error
