"""`runicorn artifacts`: which artifacts a storage root holds, and their files brought into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from runicorn.cli.common import resolve_settings
from runicorn.cli.interrupts import interruptible
from runicorn.errors import ArtifactNotFoundError
from runicorn.sdk.artifacts import find_version
from runicorn.storage.artifacts import catalogue
from runicorn.storage.artifacts.catalogue import Artifact
from runicorn.storage.artifacts.names import clean_name
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import iso

Root = Annotated[str | None, typer.Option(help="The folder of your runs. (default: $RUNICORN_ROOT or ~/runicorn_data)")]


class _NameMeansList(typer.core.TyperGroup):
    """`artifacts model` is `artifacts list model`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["list", *args])


app = typer.Typer(cls=_NameMeansList)


@app.callback(invoke_without_command=True)
def artifacts(context: typer.Context, root: Root = None) -> None:
    """List all artifacts; with a NAME, the versions of one; `get` brings the files of a version into a folder."""
    context.obj = root
    if context.invoked_subcommand is None:
        list_artifacts(context)


@app.command("list")
def list_artifacts(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="One artifact, with all of its versions.")] = None,
    root: Root = None,
) -> None:
    """List all artifacts, or the versions of one."""
    files = LocalFiles(resolve_settings(root=root or context.obj).root)
    if name is None:
        found = [each for known in catalogue.artifact_names(files) if (each := catalogue.artifact(files, known))]
        _print(_overview(found) if found else Text(f"There are no artifacts in {files.root}."))
        return
    artifact = catalogue.artifact(files, clean_name(name))
    if artifact is None:
        raise ArtifactNotFoundError(f"There is no artifact {name}.")
    _print(_versions(artifact))


@app.command("get")
def get(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="NAME[:VERSION]", help="Such as model, model:v3 or model:best.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where to. (default: artifacts/NAME-VERSION)")
    ] = None,
    root: Root = None,
) -> None:
    """Copy the files of a version into a folder; each is checked, and what is there already is kept.

    What Ctrl-C breaks off goes on where it was with the same command.
    """
    with interruptible(lambda: "stopped. What was copied is kept, and the same command goes on from there."):
        typer.echo(find_version(resolve_settings(root=root or context.obj).root, reference).download(output))


def _overview(found: list[Artifact]) -> Table:
    table = _table("name", "type", "versions", "aliases", "size", "run", "logged at")
    for each in found:
        newest = each.versions[-1]
        meanings = ", ".join(f"{alias}=v{each.aliases[alias]}" for alias in sorted(each.aliases))
        size = decimal(newest.content.size_bytes)
        logged_at = iso(newest.created_at)[:19]
        table.add_row(
            *map(Text, (each.name, newest.type, str(len(each.versions)), meanings, size, newest.run or "", logged_at))
        )
    return table


def _versions(artifact: Artifact) -> Table:
    table = _table("version", "aliases", "files", "size", "run", "logged at")
    for each in reversed(artifact.versions):
        aliases = ", ".join(artifact.aliases_of(each.number))
        size, count = decimal(each.content.size_bytes), str(len(each.content.files))
        table.add_row(*map(Text, (each.version, aliases, count, size, each.run or "", iso(each.created_at)[:19])))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in ("versions", "files", "size") else "left")
    return table


def _print(what: Table | Text) -> None:
    Console(highlight=False).print(what)
