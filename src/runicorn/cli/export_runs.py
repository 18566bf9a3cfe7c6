"""`runicorn export`: the points of runs as a table."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated

import typer

from runicorn.cli.common import resolve_settings
from runicorn.errors import ExchangeError, RootNotUsableError, RunicornError, UsageError
from runicorn.exchange.client import Root
from runicorn.exchange.exporting import choose, points
from runicorn.exchange.formats import Format, table_writer

SOME_FAILED = 1
_BY_SUFFIX = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL, ".parquet": Format.PARQUET}


def export_runs(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="Ids, or names that only one run has.", show_default=False),
    ] = None,
    root: Annotated[
        str | None, typer.Option(help="The storage root. (default: $RUNICORN_ROOT or ~/runicorn_data)")
    ] = None,
    project: Annotated[str | None, typer.Option(help="All runs of this project and those below it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs.")] = False,
    chosen: Annotated[
        Format | None, typer.Option("--format", help="What to write. (default: what PATH ends in, else csv)")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="The file. (default: standard output)")
    ] = None,
    system: Annotated[bool, typer.Option("--system", help="Also what was measured of the machine.")] = False,
) -> None:
    """Write the points of runs as rows of run, metric, step, time and value; every number reads back to the bit.

    Exit code 0: all are there; 1: some runs could not be read, and which is said.
    """
    settings = resolve_settings(root=root)
    if not settings.root.is_dir():
        raise RootNotUsableError(f"There is no folder {settings.root}.")
    into = chosen or _BY_SUFFIX.get(output.suffix.lower() if output else "", Format.CSV)
    if into is Format.PARQUET and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is nothing for a terminal.", hint="Name a file with -o.")
    count = 0
    failed: list[RunicornError] = []
    with Root(settings.root, settings.cache_folder) as opened:
        wanted = choose(opened, runs or [], project=project, every=every)
        with _opened(output) as file, table_writer(into, file) as table:
            for run in wanted:
                here = 0
                try:
                    for piece in points(opened.files, run.id, system=system):
                        table.write(piece)
                        here += len(piece)
                except ExchangeError as error:  # one that cannot be read leaves the others
                    failed.append(error)
                    part = f"; {here:,} of its points were written before that" if here else ""
                    typer.echo(f"left out: {run.name}: {error.detail} ({error.code}){part}\n  {error.hint}", err=True)
                count += here
            if len(failed) == len(wanted):
                raise failed[0]
    whole = len(wanted) - len(failed)
    typer.echo(f"{count:,} points of {whole} run{'' if whole == 1 else 's'}", err=True)
    if failed:
        raise typer.Exit(SOME_FAILED)


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Yield standard output, or a file that takes its name once it is complete."""
    if output is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # who reads has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(output)
    except OSError as error:
        raise ExchangeError(f"{output} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)
