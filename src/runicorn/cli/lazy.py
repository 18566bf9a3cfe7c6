"""A group whose subcommands are loaded when they are called: one word of help must not load a web server and SSH."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
import typer.core
import typer.main

from runicorn.loading import loading


@dataclass(frozen=True)
class Subcommand:
    """Where a subcommand is. name: of a function in the module, or of its Typer. help: its docstring's first line."""

    module: str
    name: str
    help: str

    def load(self, called: str) -> Any:
        """Return it as Click's command."""
        with loading():
            found = getattr(importlib.import_module(self.module), self.name)
            if isinstance(found, typer.Typer):
                return typer.main.get_command(found)
            alone = typer.Typer(add_completion=False)
            alone.command(called)(found)
            return typer.main.get_command(alone)


class LazyGroup(typer.core.TyperGroup):
    """Make a subclass that has the subcommands, by the word that they are called with."""

    subcommands: ClassVar[Mapping[str, Subcommand]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # What the list of commands shows, and what a misspelt word is compared with.
        self.commands = {
            name: typer.core.TyperCommand(name, help=known.help) for name, known in self.subcommands.items()
        }

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Before Click sees it: older versions of Typer print "Aborted!" and exit with 1.
            raise SystemExit(130) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else self.subcommands[name].load(name), rest
