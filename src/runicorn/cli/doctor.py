"""`runicorn doctor HOST`: look at the whole way to a server, step by step, and say what to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runicorn.cli.common import home_of, resolve_settings
from runicorn.cli.login import Batch, Env, Host, Key, Questions, Root, key_file, terminal_as_it_was
from runicorn.cli.stopping import INTERRUPTED, Stop
from runicorn.errors import HostKeyConfirmationError, RemoteRootMissingError
from runicorn.remote.doctor import Asking, Finding, StepState, examine
from runicorn.remote.examination import Examination
from runicorn.remote.host_keys import HostKeyFile
from runicorn.remote.target import Credentials, Target, parse_target
from runicorn.remote.workers import Workers
from runicorn.settings import Settings, user_name

SOMETHING_IN_THE_WAY = 1
LABELS = {
    "host_key": "host key",
    "exec": "shell",
    "sftp": "SFTP",
    "python": "Python",
    "root": "storage root",
}
STYLES = {StepState.OK: "green", StepState.WARNING: "yellow", StepState.FAILED: "red", StepState.SKIPPED: "dim"}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


def doctor(
    host: Host, root: Root = None, env: Env = None, key: Key = None, batch: Batch = False, as_json: Json = False
) -> None:
    """Find out what is in the way of watching a server: each step, what was found, and what to do.

    Changes nothing there. Exit code 0: all fine; 1: something is in the way; 130: Ctrl-C.
    """
    target = parse_target(host, user_name())
    printer = None if as_json else _Printer()
    try:
        findings = asyncio.run(
            _examine(resolve_settings(), target, Credentials(private_key_path=key), root, env, batch, printer)
        )
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None
    failed = sum(finding.state is StepState.FAILED for finding in findings)
    if printer is None:
        typer.echo(json.dumps({"target": target.connection_id, "ok": not failed, "steps": list(map(_wire, findings))}))
    else:
        printer.end(findings)
    raise typer.Exit(SOMETHING_IN_THE_WAY if failed else 0)


async def _examine(
    settings: Settings,
    target: Target,
    credentials: Credentials,
    root: str | None,
    env: str | None,
    batch: bool,
    printer: _Printer | None,
) -> list[Finding]:
    run_blocking = Workers()
    host_keys = HostKeyFile(settings.home / "known_hosts")
    examination = Examination(settings, host_keys, home_of(settings), target, credentials, root, env)
    questions = Questions(target, host_keys, run_blocking, batch)
    asking = Asking(questions.about_host_key, questions.about_login)
    findings = []
    with Stop().cancelling(), terminal_as_it_was():
        if printer:
            typer.echo(f"{target.connection_id}\n")
        async with contextlib.aclosing(examine(examination, run_blocking, asking)) as steps:
            async for finding in steps:
                findings.append(_with_command(finding, target))
                if printer:
                    printer.show(findings[-1])
    return findings


def _with_command(finding: Finding, target: Target) -> Finding:
    """Return the finding with what to type as the next step, where that is what helps."""
    if finding.code == HostKeyConfirmationError.code:
        hint = (
            f"Compare it with what `ssh-keygen -lf {key_file(finding.detail.split()[1])}` says on the server; "
            f"to accept it, run `runicorn doctor {target.connection_id}` in a terminal."
        )
        return replace(finding, hint=hint)
    if finding.code == RemoteRootMissingError.code:
        return replace(finding, hint="Name the folder of your runs with --root, or log a first run there.")
    return finding


def _wire(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.name,
        "state": finding.state.value,
        "secs": None if finding.secs is None else round(finding.secs, 4),
        "detail": finding.detail,
        "code": finding.code or None,
        "hint": finding.hint or None,
    }


class _Printer:
    """Prints a row for each finding as it comes, and one for those in a row that were skipped."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._skipped: list[str] = []

    def show(self, finding: Finding) -> None:
        label = LABELS.get(finding.name, finding.name.removeprefix("forwarding_"))
        if finding.state is StepState.SKIPPED:
            self._skipped.append(label)
            return
        self._show_skipped()
        detail = Text(finding.detail)
        if finding.state is StepState.FAILED and finding.code:
            detail.append(f"\n{finding.code}", "red")
        if finding.hint:
            detail.append(f"\nNext: {finding.hint}")
        self._row(finding.state, label, _time(finding.secs), detail)

    def end(self, findings: list[Finding]) -> None:
        """Print what it comes to."""
        self._show_skipped()
        failed = sum(finding.state is StepState.FAILED for finding in findings)
        warnings = sum(finding.state is StepState.WARNING for finding in findings)
        said = "Nothing is in the way"
        if failed:
            said = f"{failed} thing{' is' if failed == 1 else 's are'} in the way"
        worth = f"; {warnings} {'is' if warnings == 1 else 'are'} worth a look" if warnings else ""
        self._console.print(f"\n{said}{worth}.")

    def _show_skipped(self) -> None:
        if self._skipped:
            steps = f"{len(self._skipped)} step{'' if len(self._skipped) == 1 else 's'}"
            self._row(StepState.SKIPPED, steps, "", Text(", ".join(self._skipped), "dim"))
            self._skipped.clear()

    def _row(self, state: StepState, label: str, time: str, detail: Text) -> None:
        row = Table.grid(padding=(0, 1))
        row.add_column(width=7, no_wrap=True)
        row.add_column(width=12, no_wrap=True)
        row.add_column(width=7, no_wrap=True, justify="right")
        row.add_column(overflow="fold")
        row.add_row(Text(state.value, STYLES[state]), label, time, detail)
        self._console.print(row)
        sys.stdout.flush()  # also into a file or a pipe, whose reader wants to see how far it is


def _time(secs: float | None) -> str:
    if secs is None:
        return ""
    return f"{secs * 1000:.0f} ms" if secs < 1 else f"{secs:.1f} s"
