"""Runs out of CSV files: a row for each step, or a row for each point."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.csv_faults import DAMAGED, NO_STEP, Faults, survey
from runicorn.exchange.csv_table import Table
from runicorn.exchange.growth import digests_at, sizes_in
from runicorn.exchange.source import Sink
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.foreign.mlflow_facts import plain
from runicorn.tables import columns

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

    @property
    def content(self) -> str:
        return f"file {self.path.stat().st_size}"

    @property
    def size_bytes(self) -> int:
        """Those of its rows; of one that is gone over twice, as its columns are looked through first, twice as many."""
        size = self.path.stat().st_size
        start, end = self.rows
        return (size if end is None else end) - start if self.run is not None else 2 * size

    def grew_from(self, contents: Mapping[str, str]) -> str | None:
        """Return which identity this file had when it held less: that of a file that it begins with.

        contents: of the CSV files that were imported, by identity.
        """
        beginnings = digests_at(self.path, sizes_in(contents.values()))
        run = "" if self.run is None else f"/{self.run}"
        return next((f"{each}{run}" for each in reversed(beginnings.values()) if f"{each}{run}" in contents), None)

    def read(self, sink: Sink) -> Facts:
        return self._read_points(sink) if self.run is not None else self._read_steps(sink)

    def _read_points(self, sink: Sink) -> Facts:
        times: list[float] = []
        start, end = self.rows
        table = Table(self.path)
        faults = Faults(table)
        size = max(1, self.size_bytes)
        for row in table.rows(start, end, lambda at: sink.read_so_far(min(1.0, (at - start) / size))):
            if not faults.width(row, where="" if start == 0 else f"The line that ends at byte {row.ends_at}"):
                continue
            run, metric, step, time, value = row.cells
            if run != self.run:
                continue
            point = columns.whole(step), columns.moment(time), columns.number(value)
            if point[0] is None or point[1] is None or point[2] is None:
                faults.refuse(DAMAGED, f"A row of {self.path} is no point: {metric!r}, {step!r}, {time!r}, {value!r}.")
                continue
            faults.whole += 1
            sink.point(metric, point[0], point[1], point[2])
            times.append(point[1])
        faults.check()
        return self._facts(self.run or "", times, {}, faults.left_out)

    def _read_steps(self, sink: Sink) -> Facts:
        table = Table(self.path)
        header = columns.names(table.header)
        size = max(1, self.size_bytes)  # in two halves
        roles, clock = self._survey(table, header, lambda at: sink.read_so_far(min(0.5, at / size)))
        faults = Faults(table)
        changed_at = self.path.stat().st_mtime
        any_number = False
        times: list[float] = []
        texts: dict[str, set[str]] = {}
        for row in table.rows(tell=lambda at: sink.read_so_far(min(1.0, 0.5 + at / size))):
            if not faults.width(row):
                continue
            step: int | None = faults.whole
            if roles.step is not None:
                step = columns.whole(row.cells[roles.step])
                if step is None:
                    faults.refuse(
                        NO_STEP,
                        f"Line {row.line} of {self.path} has no step in {header[roles.step]!r}: "
                        f"{row.cells[roles.step]!r}.",
                        hint="Name the column that holds the step with --step.",
                    )
                    continue
            faults.whole += 1
            time = clock.moment(row.cells[roles.time]) if roles.time is not None else changed_at
            time = changed_at if time is None else time
            times.append(time)
            for at in roles.others:
                cell = row.cells[at]
                value = columns.number(cell) if cell.strip() else None
                if value is not None:
                    any_number = True
                    sink.point(header[at], step or 0, time, value)
                elif cell.strip() and len(texts.setdefault(header[at], set())) < 2:
                    texts[header[at]].add(cell.strip())
        faults.check()
        if not any_number:
            raise SourceUnreadableError(
                f"{self.path} holds no numbers in columns.",
                hint="Cells are separated by commas, semicolons, tabs or bars.",
            )
        # A text that never changes describes the run; one that does is no curve.
        config = {name: plain(next(iter(found))) for name, found in texts.items() if len(found) == 1}
        left_out = {f"text-column-{name}"[:100]: 1 for name, found in texts.items() if len(found) > 1}
        return self._facts(self.path.stem, times, config, {**left_out, **faults.left_out})

    def _survey(
        self, table: Table, header: list[str], tell: Callable[[int], None]
    ) -> tuple[columns.Roles, columns.Clock]:
        """Return what the columns are for, and how to read the one of times."""
        try:
            roles = columns.roles(header, self.step)
        except ValueError as error:
            raise SourceUnreadableError(
                f"{self.path}: {error}", hint=f"Its columns are: {', '.join(header)[:500]}."
            ) from error
        found = survey(table, roles, tell)
        is_epoch = self.step is None and roles.step is not None and header[roles.step].lower() == columns.EPOCH
        if is_epoch and found.has_parts:  # 0.5, 1.0, 1.5: how much was seen of the data, and a metric like others
            roles = columns.roles(header, but=columns.EPOCH)
        return roles, columns.clock(found.latest, self.path.stat().st_mtime)

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


def find(path: Path, step: str | None = None, looked: Callable[[int], None] = lambda size: None) -> Iterator[CsvFile]:
    """Yield the runs of a CSV file, or of those in a folder; one that cannot be read says so when it is read.

    looked: called with how many bytes more were read, now and then: a table of points is looked through for its runs.
    """
    for file in [path] if path.is_file() else sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES):
        digest = _digest(file, looked)
        table = Table(file)
        try:
            runs = _rows_of_runs(table, looked) if columns.is_long(table.header) else {}
        except SourceUnreadableError:
            runs = {}
        for run, rows in runs.items():
            yield CsvFile(file, digest, run, rows)
        if not runs:
            yield CsvFile(file, digest, step=step)


def _rows_of_runs(table: Table, looked: Callable[[int], None]) -> dict[str, tuple[int, int | None]]:
    """Return between which bytes the rows of each run lie, so that the file is not read anew for each from its top."""
    found: dict[str, tuple[int, int | None]] = {}
    at = 0

    def tell(byte: int) -> None:
        nonlocal at
        looked(byte - at)
        at = byte

    if not table.has_bytes:
        return {row.cells[0]: (0, None) for row in table.rows(tell=tell) if _is_point(row.cells)}
    begins_at = 0
    run: str | None = None
    for row in table.rows(tell=tell):
        if _is_point(row.cells):
            run = row.cells[0]
        # A row that is none belongs to the run above it, which then tells of it.
        if run is not None:
            found[run] = (found.get(run, (begins_at, 0))[0], row.ends_at)
            begins_at = row.ends_at
    return found


def _is_point(cells: list[str]) -> bool:
    return len(cells) == len(columns.LONG) and not columns.is_long(cells)


def _digest(path: Path, looked: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
            looked(len(piece))
    return digest.hexdigest()[:32]
