"""`runicorn import`: bring in the runs of other trackers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from runicorn.cli.common import resolve_settings
from runicorn.cli.interrupts import interruptible
from runicorn.errors import RunicornError
from runicorn.exchange.importing import Imported, Tool, find_sources, import_source, open_target, size_of
from runicorn.exchange.source import Source
from runicorn.progress_line import POINTS, ProgressLine

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

    Prints the id of each new run. Exit code 0: all are there; 1: some could not be read, and why is said; 130: Ctrl-C,
    what was complete by then is there, and the same command goes on with the rest.
    """
    settings = resolve_settings(root=root)
    done = 0

    def said() -> str:
        if force:
            return f"stopped: {done} of {len(sources)} are imported. --force would import them once more; leave it out."
        return f"stopped: {done} of {len(sources)} are imported. The same command goes on with the rest."

    sources: list[Source] = []
    failed = 0
    with interruptible(lambda: said() if sources else "stopped: nothing is imported yet."):
        sources += _find(paths, tool, step)
        known = open_target(settings.root)
        with ProgressLine("importing", unit=POINTS) as line:
            seen = _Seen(line, [size_of(source) for source in sources])
            for number, source in enumerate(sources, 1):
                line.say(f"[{number}/{len(sources)}] {source.label}")
                seen.begin(number)
                try:
                    found = import_source(
                        settings.root, source, known=known, project=project, force=force, progress=seen.progress
                    )
                except RunicornError as error:  # one that cannot be read leaves the others
                    failed += 1
                    line.say(f"  not imported: {error.detail} ({error.code})\n  {error.hint}")
                    continue
                finally:
                    seen.end()
                done += 1
                _tell(line, found)
    if failed:
        raise typer.Exit(SOME_FAILED)


def _find(paths: list[Path], tool: Tool, step: str | None) -> list[Source]:
    with ProgressLine("looking for runs") as line:
        return [source for path in paths for source in find_sources(path, tool, step=step, looked=line)]


def _tell(line: ProgressLine, done: Imported) -> None:
    if done.has_grown:
        line.say(f"  has grown since it was imported: {done.run_id} now has all of its {done.points:,} points")
        return
    if not done.is_new:
        line.say(f"  was imported before, as {done.run_id}; --force imports it again, as a further run")
        return
    line.say(f"  {done.points:,} points")
    for kind, count in sorted(done.facts.warnings.items() if done.facts else ()):
        line.say(f"  left out: {kind}, {count} times")
    typer.echo(done.run_id)


@dataclass
class _Seen:
    """How much of all sources was read, by their sizes. Those that were not read do not tell how long others take."""

    line: ProgressLine
    sizes: list[int]
    number: int = 0
    points_before: int = 0
    points: int = 0
    share: float = 0.0
    read_bytes: float = 0.0

    def begin(self, number: int) -> None:
        self.number, self.points, self.share = number, 0, 0.0
        self.line.what = f"importing {number} of {len(self.sizes)}"

    def progress(self, points: int, share: float) -> None:
        self.points, self.share = points, share
        here = self.sizes[self.number - 1]
        left = sum(self.sizes[self.number :]) + here * (1 - share)
        read = self.read_bytes + here * share
        self.line.update(self.points_before + points, read / max(1.0, read + left))

    def end(self) -> None:
        self.points_before += self.points
        if self.share > 0:  # else it was there already
            self.read_bytes += self.sizes[self.number - 1]
