"""`runicorn compact`: the points of runs that have ended, packed into a third of the room."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from runicorn.cli.common import resolve_settings
from runicorn.cli.interrupts import interruptible
from runicorn.errors import RunicornError, RunNotFoundError, UsageError
from runicorn.model import RunState
from runicorn.progress_line import ProgressLine
from runicorn.storage.compaction import Packed, compact_run, plain_bytes
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.indexed_run import IndexedRun

_DAY_SECS = 86_400.0


def compact(
    runs: Annotated[list[str] | None, typer.Argument(help="Ids of runs. (default: all that have ended)")] = None,
    root: Annotated[
        str | None, typer.Option(help="The folder of your runs. (default: $RUNICORN_ROOT or ~/runicorn_data)")
    ] = None,
    older_than: Annotated[float, typer.Option(metavar="DAYS", help="Only runs that ended so many days ago.")] = 0.0,
) -> None:
    """Pack the points of runs that have ended; everything reads them as before, and a resumed run unpacks its own.

    Ctrl-C leaves each run whole, packed or as it was; the same command goes on with the rest.
    """
    folder = resolve_settings(root=root).root
    if older_than < 0:
        raise UsageError("--older-than cannot be negative.", hint="Give the number of days, or leave it out.")
    done = _Done()
    with interruptible(lambda: f"stopped. {done} The same command goes on with the rest."):
        files = LocalFiles(folder)
        chosen = _chosen(RunIndex(files), runs, older_than)
        sizes = {item.run.id: plain_bytes(files, item.run.id) for item in chosen}
        with ProgressLine("packing", sum(sizes.values())) as line:
            _pack(folder, sizes, done, line)
    typer.echo(str(done))
    for reason in done.skipped:
        typer.echo(f"Left alone: {reason}.", err=True)


@dataclass
class _Done:
    """What was packed so far, and what was not and why."""

    before_bytes: int = 0
    after_bytes: int = 0
    runs: int = 0
    skipped: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"Packed {self.runs} runs: {decimal(self.before_bytes)} are now {decimal(self.after_bytes)}."

    def add(self, run_id: str, one: Packed) -> None:
        self.skipped += [f"{run_id} {one.left_whole}"] if one.left_whole is not None else []
        self.skipped += [f"{run_id}/{name} is damaged" for name in one.skipped]
        self.skipped += [f"{run_id}/{reason}" for reason in one.left]
        self.before_bytes += one.before_bytes
        self.after_bytes += one.after_bytes
        self.runs += one.before_bytes > 0


def _pack(folder: Path, sizes: Mapping[str, int], done: _Done, line: ProgressLine) -> None:
    """Pack runs. sizes: what there is to pack of each, in bytes."""
    to_do = sum(size > 0 for size in sizes.values())
    number = passed = 0
    for run_id, size in sizes.items():
        number += size > 0
        line.what = f"packing, {number} of {to_do} runs"
        try:
            done.add(run_id, compact_run(folder, run_id, _Capped(line, size)))
        except OSError as error:
            raise RunicornError(
                f"The run {run_id} could not be packed: {error.strerror or error}.",
                hint="Nothing is lost: its points are where they were. Make room, or check whom the folder belongs to.",
            ) from error
        passed += size
        line.update(passed)


class _Capped:
    """Counts on a line, no more than there is of one run: the last chunk of a file is smaller than the others."""

    def __init__(self, line: ProgressLine, left: int) -> None:
        self._line = line
        self._left = left

    def __call__(self, size: int) -> None:
        counted = min(size, self._left)
        self._left -= counted
        self._line(counted)


def _chosen(index: RunIndex, ids: list[str] | None, older_than: float) -> list[IndexedRun]:
    """Return the runs to pack. Raises RunNotFoundError."""
    known = {item.run.id: item for item in index.runs()}
    while index.progress() is not None:
        known = {item.run.id: item for item in index.runs()}
    for run_id in ids or ():
        if run_id not in known:
            raise RunNotFoundError(f"There is no run {run_id}.")
    limit = time.time() - older_than * _DAY_SECS
    return [
        item
        for run_id, item in sorted(known.items())
        if (not ids or run_id in ids)
        and (ids or item.run.state is not RunState.RUNNING)
        and (item.run.finished_at or item.run.heartbeat_at or item.run.created_at) <= limit
    ]
