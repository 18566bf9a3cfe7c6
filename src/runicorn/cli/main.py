"""The `runicorn` command: its subcommands, and how an error reads in a terminal."""

from __future__ import annotations

import os
import sys

import typer

from runicorn._version import __version__
from runicorn.cli.lazy import LazyGroup, Subcommand
from runicorn.errors import RunicornError, UsageError

SUBCOMMANDS = {
    "viewer": Subcommand(
        "runicorn.cli.viewer",
        "viewer",
        "Show the runs of a storage root in the browser, live.",
    ),
    "open": Subcommand(
        "runicorn.cli.open_host",
        "open_host",
        "Watch the runs of a server: connect, start a viewer there, tunnel it, and open it in the browser.",
    ),
    "doctor": Subcommand(
        "runicorn.cli.doctor",
        "doctor",
        "Find out what is in the way of watching a server: each step, what was found, and what to do.",
    ),
    "runs": Subcommand(
        "runicorn.cli.runs",
        "runs",
        "List runs: of your storage root, of folders, and of hosts over SSH, as one table.",
    ),
    "import": Subcommand(
        "runicorn.cli.import_runs",
        "import_runs",
        "Copy runs of TensorBoard, W&B, MLflow or from CSV files into the storage root; what was there stays.",
    ),
    "export": Subcommand(
        "runicorn.cli.export_runs",
        "export_runs",
        "Write the points of runs as rows of run, metric, step, time and value; every number reads back to the bit.",
    ),
    "demo": Subcommand(
        "runicorn.cli.demo",
        "demo",
        "Try it: sample runs, one of them training, and an SSH server to connect to, all inside this process.",
    ),
    "compact": Subcommand(
        "runicorn.cli.compact",
        "compact",
        "Pack the points of runs that have ended; everything reads them as before, and a resumed run unpacks its own.",
    ),
    "artifacts": Subcommand(
        "runicorn.cli.artifacts",
        "app",
        "List all artifacts; with a NAME, the versions of one; `get` brings the files of a version into a folder.",
    ),
}


class _Commands(LazyGroup):
    subcommands = SUBCOMMANDS


app = typer.Typer(
    cls=_Commands,
    name="runicorn",
    help="Record machine-learning experiments, and watch them live, here or on a server you reach by SSH.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"runicorn {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_show_version, is_eager=True
    ),
) -> None:
    pass


def main() -> None:
    """Run a subcommand. Exit code 2: the call was wrong; 1: it failed, and the error says why; 130: Ctrl-C."""
    # We multiply no matrices. A thread for each processor, which numpy's would have for it, takes 100 ms of processor
    # time to begin with, and on a server with many of them more threads than a person may have.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except RunicornError as error:  # the rim: here an error becomes text
        typer.echo(f"runicorn: {error.detail} ({error.code})\n  {error.hint}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
