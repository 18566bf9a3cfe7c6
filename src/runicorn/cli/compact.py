"""`runicorn compact`: the points of runs that have ended, packed into a third of the room."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.filesize import decimal

from runicorn.cli.common import resolve_settings
from runicorn.errors import RunicornError, RunNotFoundError, UsageError
from runicorn.model import RunState
from runicorn.storage.compaction import compact_run
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
    """Pack the points of runs that have ended; everything reads them as before, and a resumed run unpacks its own."""
    folder = resolve_settings(root=root).root
    if older_than < 0:
        raise UsageError("--older-than cannot be negative.", hint="Give the number of days, or leave it out.")
    before = after = packed = 0
    skipped: list[str] = []
    for item in _chosen(RunIndex(LocalFiles(folder)), runs, older_than):
        try:
            done = compact_run(folder, item.run.id)
        except OSError as error:
            raise RunicornError(
                f"The run {item.run.id} could not be packed: {error.strerror or error}.",
                hint="Nothing is lost: its points are where they were. Make room, or check whom the folder belongs to.",
            ) from error
        skipped += [f"{item.run.id} {done.left_whole}"] if done.left_whole is not None else []
        skipped += [f"{item.run.id}/{name} is damaged" for name in done.skipped]
        skipped += [f"{item.run.id}/{reason}" for reason in done.left]
        before, after, packed = before + done.before_bytes, after + done.after_bytes, packed + (done.before_bytes > 0)
    typer.echo(f"Packed {packed} runs: {decimal(before)} are now {decimal(after)}.")
    for reason in skipped:
        typer.echo(f"Left alone: {reason}.", err=True)


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
