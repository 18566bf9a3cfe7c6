"""Exporting: which runs, and their points in the order in which they were logged, as pieces of a table."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runicorn.errors import ExchangeError, NothingToExportError, UsageError
from runicorn.exchange.client import Root, StoredRun
from runicorn.storage import layout
from runicorn.storage.files import Files, by_name, found_or_raise
from runicorn.storage.tail import RecordTail, advance

_CHUNK_BYTES = 1 << 22
_HINT = "Check whether you may read its folder, and whether all of it is there."


class Place(NamedTuple):
    """Where in a run's points: a record file, and a byte of it as it is unpacked."""

    file: str
    offset: int


class FileState(NamedTuple):
    """What tells, without reading it, that a record file is as it was. size_bytes: as it is unpacked."""

    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Points:
    """Some points of one run: four columns of one length. ends: the place behind them."""

    run_id: str
    metric: list[str]
    step: list[int]
    time: list[float]
    value: list[float]
    ends: Place

    def __len__(self) -> int:
        return len(self.value)


def choose(root: Root, names: Sequence[str], *, project: str | None, every: bool) -> list[StoredRun]:
    """Return the runs that were named, or all of a project, or all. Runs in the bin only by their names.

    Raises NothingToExportError, UsageError, RunNotFoundError, AmbiguousRunError.
    """
    if sum((bool(names), project is not None, every)) > 1:
        raise UsageError("Runs, --project and --all exclude each other.", hint="Give one of them.")
    if names:
        return list({run.id: run for run in map(root.run, names)}.values())
    if project is None and not every:
        raise NothingToExportError("No runs were named.")
    # The oldest first, so that later exports begin with the same rows.
    runs = root.runs(project=project)[::-1]
    if not runs:
        where = f"the project {project!r}" if project is not None else str(root.path)
        raise NothingToExportError(f"There are no runs in {where}.")
    return runs


def record_files(files: Files, run_id: str, *, system: bool = False) -> tuple[FileState, ...] | None:
    """Return the files that points() reads, in their order; None where the run's folder cannot be read."""
    try:
        found = {entry.name: entry for entry in files.list(layout.run_path(run_id))}
    except OSError:
        return None
    return tuple(
        FileState(name, found[name].size_bytes, found[name].mtime_ns)
        for name in layout.record_files(found)
        if system or name != layout.SYSTEM_FILE
    )


def points(files: Files, run_id: str, *, system: bool = False, after: Place | None = None) -> Iterator[Points]:
    """Yield the points of a run in pieces, each writer's after the other's. system: those of the machine as well.

    after: only those behind this place. Raises ExchangeError where the run's files cannot be read, be it in the middle.
    """
    pieces = _points(files, run_id, system=system, after=after)
    while True:
        try:
            piece = next(pieces, None)
        except OSError as error:
            raise ExchangeError(f"The run {run_id} cannot be read: {error.strerror or error}.", hint=_HINT) from error
        if piece is None:
            return
        yield piece


def _points(files: Files, run_id: str, *, system: bool, after: Place | None) -> Iterator[Points]:
    from runicorn.storage.columns import count_marked, plain_rows, rows_in

    listing = by_name(files.list(layout.run_path(run_id)))
    names = [name for name in layout.record_files(listing) if system or name != layout.SYSTEM_FILE]
    for name in names[names.index(after.file) if after is not None and after.file in names else 0 :]:
        begin = after.offset if after is not None and after.file == name else 0
        tail = RecordTail(layout.run_path(run_id, name), begin, count=count_marked)
        while (piece := found_or_raise(advance(files, [(tail, listing)], _CHUNK_BYTES)[0])) is not None:
            numbers, step, time, value = plain_rows(rows_in(piece.data, piece.found))
            names_of = [tail.names.name(number) for number in numbers]
            yield Points(run_id, names_of, step, time, value, Place(name, tail.offset))
        if tail.generation or tail.is_behind(listing[name]):
            raise OSError(errno.EIO, "it changed while it was read, or was not given whole")
