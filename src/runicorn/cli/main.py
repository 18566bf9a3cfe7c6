"""The `runicorn` command: its subcommands, and how an error reads in a terminal."""

from __future__ import annotations

import sys

import typer

from runicorn._version import __version__
from runicorn.cli import artifacts, compact, demo, doctor, export_runs, import_runs, open_host, viewer
from runicorn.errors import RunicornError, UsageError

app = typer.Typer(
    name="runicorn",
    help="Record machine-learning experiments, and watch them live, here or on a server you reach by SSH.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("viewer")(viewer.viewer)
app.command("open")(open_host.open_host)
app.command("doctor")(doctor.doctor)
app.command("import")(import_runs.import_runs)
app.command("export")(export_runs.export_runs)
app.command("demo")(demo.demo)
app.command("compact")(compact.compact)
app.add_typer(artifacts.app, name="artifacts")


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
    try:
        app()
    except RunicornError as error:  # the rim: here an error becomes text
        typer.echo(f"runicorn: {error.detail} ({error.code})\n  {error.hint}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
