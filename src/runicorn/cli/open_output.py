"""What `runicorn open` says: to a person, with only the address on standard output; or to a script, as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Protocol

import typer
from rich.console import Console
from rich.text import Text

from runicorn.errors import RunicornError
from runicorn.remote.diagnostics import utc
from runicorn.remote.session.session import Session
from runicorn.remote.telling.log import Line
from runicorn.remote.telling.progress import Stage, StageState

LOG_LINES = 15
LABELS = {
    "resolve": "name",
    "tcp": "TCP",
    "host_key": "host key",
    "login": "login",
    "environments": "environments",
    "start": "start",
    "tunnel": "tunnel",
    "ready": "ready",
}


class Output(Protocol):
    def stage(self, stage: Stage) -> None:
        """A stage has ended."""

    def ready(self, session: Session, url: str) -> None:
        """The page is there."""

    def lost(self, why: str) -> None:
        """The link broke, and is being restored."""

    def back(self, secs: float) -> None:
        """The link is there again, after so long."""

    def failed(self, error: RunicornError, log: Iterable[Line]) -> None:
        """It could not be opened, or not be kept; the error itself is told by the caller of all."""

    def stopped(self) -> None:
        """The person stopped it, and nothing is left."""


class ForPeople:
    """quiet: only the address, and what went wrong."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)

    def stage(self, stage: Stage) -> None:
        if self._quiet:
            return
        mark = Text("ok", "green") if stage.state is StageState.DONE else Text("failed", "red")
        text = Text.assemble(f"{LABELS[stage.name]:>13} ", mark, f" {(stage.secs or 0) * 1000:6.0f} ms  {stage.detail}")
        self._console.print(text, soft_wrap=True)

    def ready(self, session: Session, url: str) -> None:
        typer.echo(f"Remote viewer: {url}")
        sys.stdout.flush()
        self._say("Press Ctrl-C to stop it, on both sides.")

    def lost(self, why: str) -> None:
        self._say(f"{why[:1].upper()}{why[1:]}; it is being restored.")

    def back(self, secs: float) -> None:
        self._say(f"The link is back after {secs:.1f} s.")

    def failed(self, error: RunicornError, log: Iterable[Line]) -> None:
        lines = list(log)[-LOG_LINES:]
        if lines:
            self._console.print("The end of the log:")
        for line in lines:
            self._console.print(Text(f"  {utc(line.at)[11:]}  {line.text}", "dim"), soft_wrap=True)

    def stopped(self) -> None:
        pass

    def _say(self, text: str) -> None:
        if not self._quiet:
            typer.echo(text, err=True)


class ForScripts:
    """One JSON object a line, on standard output, as it happens."""

    def stage(self, stage: Stage) -> None:
        self._say("stage", name=stage.name, state=stage.state.value, secs=stage.secs, detail=stage.detail)

    def ready(self, session: Session, url: str) -> None:
        self._say(
            "ready",
            url=url,
            session_id=session.session_id,
            target=session.request.target.connection_id,
            root=session.request.root,
            environment=session.environment.name if session.environment else None,
            mode=session.mode.value,
            tunnel=session.tunnel.name if session.tunnel and not session.is_served_here else None,
        )

    def lost(self, why: str) -> None:
        self._say("lost", detail=why)

    def back(self, secs: float) -> None:
        self._say("back", secs=secs)

    def failed(self, error: RunicornError, log: Iterable[Line]) -> None:
        lines = [{"at": int(line.at * 1000), "text": line.text} for line in log]
        self._say("failed", code=error.code, detail=error.detail, hint=error.hint, log=lines[-LOG_LINES:])

    def stopped(self) -> None:
        self._say("stopped")

    def _say(self, event: str, **fields: object) -> None:
        typer.echo(json.dumps({"event": event, **fields}))
        sys.stdout.flush()
