"""`runicorn runs`: the runs of this machine and of hosts as a table, or for a script."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from runicorn.cli import run_table
from runicorn.cli.common import resolve_settings
from runicorn.cli.interrupts import discard_stdout, interruptible
from runicorn.cli.login_options import Batch, Key
from runicorn.errors import UsageError
from runicorn.exchange.client import StoredRun
from runicorn.roots.address import parse_place
from runicorn.roots.opening import line_maker, open_each
from runicorn.roots.several import Roots
from runicorn.storage.query_fields import is_own, kind_of
from runicorn.viewer.run_filter import RunOrder

SOME_FAILED = 1


def runs(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLACE...",
            help="Folders, HOST:PATH or ssh://[USER@]HOST[:PORT]/PATH. (default: $RUNICORN_ROOT or ~/runicorn_data)",
            show_default=False,
        ),
    ] = None,
    query: Annotated[str, typer.Option("--query", "-q", help="As in the page: 'config.lr < 0.01 and tag:good'.")] = "",
    project: Annotated[str | None, typer.Option(help="This project and those below it.")] = None,
    state: Annotated[str | None, typer.Option(help="One or more by commas: running,finished.")] = None,
    sort: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Such as min.loss, config.lr, created_at."),
    ] = None,
    order: Annotated[
        list[str] | None, typer.Option(metavar="asc|desc", help="For each --sort. (default: desc)")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="KEY,...", help="These values. (default: those that differ)")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many at most. (default: all)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with every number as it is.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV, with every number as it is.")] = False,
    key: Key = None,
    batch: Batch = False,
) -> None:
    """List runs: of your storage root, of folders, and of hosts over SSH, as one table.

    Changes nothing anywhere. Exit code 0: all places are in it; 1: one could not be read, and which is said; 2: the
    call was wrong; 130: Ctrl-C.
    """
    if as_json and as_csv:
        raise UsageError("Both --json and --csv were asked for.", hint="Choose one of them.")
    wanted = _columns(columns)
    by = RunOrder.parse(sort or (["created_at"] if order else []), _orders(order or []))
    settings = resolve_settings()
    given = [parse_place(text) or text for text in dict.fromkeys(places or [str(settings.root)])]
    asks = not batch and sys.stdin.isatty()
    with interruptible(lambda: "stopped."), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it is told below
        if asks:
            from runicorn.cli.login import accept_by_person
        opened, failed = open_each(
            settings,
            given,
            key,
            None if asks else False,
            line_maker(shown=None),
            about_host_key=accept_by_person if asks else None,
        )
        for error in failed.values():
            if len(given) == 1:
                raise error
        with Roots(opened, failed, line=line_maker(shown=None)) as roots:
            found = roots.runs(query, project=project, state=state) if opened else []
            answer = _Answer(roots, _sorted(found, by)[:limit], wanted, several=len(given) > 1)
            _print(answer, as_json=as_json, as_csv=as_csv)
            failed = roots.failed
    for text, error in failed.items():
        typer.echo(f"runicorn: left out: {text}: {error.detail} ({error.code})\n  {error.hint}", err=True)
    if failed:
        raise typer.Exit(SOME_FAILED)


class _Answer:
    """What was found, and how it is told. several: whether places were told apart."""

    def __init__(self, roots: Roots, runs: Sequence[StoredRun], columns: Sequence[str], *, several: bool) -> None:
        self.runs = runs
        self._roots = roots
        self._columns = columns
        self._several = several

    @property
    def is_about_any(self) -> bool:
        """Whether any place could be read."""
        return bool(self._roots.places)

    def as_json(self) -> str:
        told = []
        for run in self.runs:
            places = {"host": run.host}
            if self._several:
                places.update(place=self._roots.place_of(run), address=self._roots.address_of(run))
            told.append(run_table.to_json(run, self._columns, places))
        failed = [
            {"place": text, "code": error.code, "detail": error.detail, "hint": error.hint}
            for text, error in self._roots.failed.items()
        ]
        return json.dumps({"runs": told, "failed": failed})

    def as_csv(self) -> str:
        places = {"host": [run.host for run in self.runs]}
        if self._several:
            places["place"] = [self._roots.place_of(run) for run in self.runs]
            places["address"] = [self._roots.address_of(run) for run in self.runs]
        return run_table.to_csv(self.runs, self._columns, places)

    def as_table(self, width: int | None) -> tuple[list[Text], list[str]]:
        """Return the lines, and the names of columns that there is no room for."""
        fixed, values = run_table.columns_of(self.runs, self._columns, several=self._several)
        chosen, left_out = run_table.fitting(fixed, values, width)
        return run_table.lines(chosen, width), left_out


def _print(answer: _Answer, *, as_json: bool, as_csv: bool) -> None:
    try:
        if as_json:
            typer.echo(answer.as_json())
        elif as_csv:
            sys.stdout.buffer.write(answer.as_csv().encode())  # whatever a terminal here would make of it
        elif answer.runs:
            _print_table(answer)
        elif answer.is_about_any:
            typer.echo("There are no such runs.", err=True)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has enough
        discard_stdout()
        raise typer.Exit(0) from None


def _print_table(answer: _Answer) -> None:
    console = Console(highlight=False)
    is_for_people = console.is_terminal or "COLUMNS" in os.environ
    lines, left_out = answer.as_table(console.width if is_for_people else None)
    with console.capture() as captured:  # not printed by it, as it ends the program where nobody reads any more
        for line in lines:
            console.print(line, soft_wrap=True)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(captured.get().encode(encoding, "replace").decode(encoding))
    if left_out and console.is_terminal:
        names = ", ".join(left_out[:6]) + (", ..." if len(left_out) > 6 else "")
        typer.echo(f"no room for {len(left_out)} more that differ: {names} (--columns)", err=True)


def _sorted(found: Sequence[StoredRun], order: RunOrder) -> list[StoredRun]:
    by_item = {id(run.item): run for run in found}
    return [by_item[id(item)] for item in order.sorted([run.item for run in found])]


def _columns(text: str | None) -> list[str]:
    """Raises UsageError for what is no field of a run."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    for name in names:
        if not is_own(name) and kind_of(name) is None and name not in ("created_at", "finished_at"):
            raise UsageError(
                f"{name[:100]!r} is no column.",
                hint="Use config.KEY, summary.KEY, min.METRIC and the like, or a field.",
            )
    return list(dict.fromkeys(names))


def _orders(words: Sequence[str]) -> list[str]:
    for word in words:
        if word not in ("asc", "desc"):
            raise UsageError(f"{word[:100]!r} is no order.", hint="Use asc or desc.")
    return list(words)
