"""The options of every command that goes to a server."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[
    str,
    typer.Argument(
        metavar="HOST",
        help="The server: a name of your ssh config, [USER@]HOST[:PORT], or a whole ssh command in quotes.",
    ),
]
Root = Annotated[str | None, typer.Option(help="The storage root on the server. (default: what it suggests)")]
Env = Annotated[str | None, typer.Option(help="The Python environment there. (default: the first with runicorn)")]
Key = Annotated[str | None, typer.Option(help="A private key file. (default: the agent's and your own keys)")]
Batch = Annotated[bool, typer.Option("--batch", help="Ask nothing; what needs a person fails.")]
