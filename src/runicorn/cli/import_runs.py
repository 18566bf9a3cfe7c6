"""`runicorn import`: bring in the runs of other trackers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runicorn.cli.common import resolve_settings
from runicorn.errors import RunicornError
from runicorn.exchange.importing import Tool, find_sources, import_source, open_target

SOME_FAILED = 1


def import_runs(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Folders with TensorBoard event files, wandb or mlruns folders, .wandb, mlflow.db and .csv files.",
            show_default=False,
        ),
    ],
    tool: Annotated[Tool, typer.Option("--from", help="Whose files they are.")] = Tool.AUTO,
    root: Annotated[
        str | None, typer.Option(help="The storage root. (default: $RUNICORN_ROOT or ~/runicorn_data)")
    ] = None,
    project: Annotated[str | None, typer.Option(help="The project to file the runs under.")] = None,
    step: Annotated[str | None, typer.Option(help="The column of a CSV file that holds the step.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Import again what was imported before, as further runs.")
    ] = False,
) -> None:
    """Copy runs of TensorBoard, W&B, MLflow or from CSV files into the storage root; what was there stays.

    Prints the id of each new run. Exit code 0: all are there; 1: some could not be read, and why is said.
    """
    settings = resolve_settings(root=root)
    sources = [source for path in paths for source in find_sources(path, tool, step=step)]
    known = open_target(settings.root)
    failed = 0
    for number, source in enumerate(sources, 1):
        _say(f"[{number}/{len(sources)}] {source.label}")
        try:
            done = import_source(
                settings.root,
                source,
                known=known,
                project=project,
                force=force,
                progress=lambda points: _say(f"  {points:,} points so far"),
            )
        except RunicornError as error:  # one that cannot be read leaves the others
            failed += 1
            _say(f"  not imported: {error.detail} ({error.code})\n  {error.hint}")
            continue
        if done.has_grown:
            _say(f"  has grown since it was imported: {done.run_id} now has all of its {done.points:,} points")
            continue
        if not done.is_new:
            _say(f"  was imported before, as {done.run_id}; --force imports it again, as a further run")
            continue
        _say(f"  {done.points:,} points")
        for kind, count in sorted(done.facts.warnings.items() if done.facts else ()):
            _say(f"  left out: {kind}, {count} times")
        typer.echo(done.run_id)
    if failed:
        raise typer.Exit(SOME_FAILED)


def _say(text: str) -> None:
    typer.echo(text, err=True)
    sys.stderr.flush()
