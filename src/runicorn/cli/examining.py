"""One examination of a server, asked for in a terminal: its questions, and its findings as they come."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from runicorn.cli.common import home_of
from runicorn.cli.findings import FindingsPrinter
from runicorn.cli.login import Questions, key_file, terminal_as_it_was
from runicorn.cli.stopping import Stop
from runicorn.errors import HostKeyConfirmationError, RemoteRootMissingError
from runicorn.remote.asking.terminal import TerminalAsker
from runicorn.remote.doctor.doctor import Asking, Finding, examine
from runicorn.remote.doctor.examination import Examination
from runicorn.remote.link.resolving import Meant
from runicorn.remote.link.workers import Workers
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target
from runicorn.settings import Settings


async def examine_host(
    settings: Settings,
    meant: Meant,
    credentials: Credentials,
    root: str | None,
    env: str | None,
    batch: bool,
    printer: FindingsPrinter | None,
) -> list[Finding]:
    """Return all findings; each is printed as it comes, where there is a printer."""
    run_blocking = Workers()
    host_keys = HostKeyFile(settings.home / "known_hosts")
    target = meant.target
    examination = Examination(settings, host_keys, home_of(settings), target, meant.way, credentials, root, env)
    questions = Questions(target, host_keys, run_blocking, batch)
    examination.asker = TerminalAsker() if questions.there else None
    asking = Asking(questions.about_host_key, questions.about_refusal)
    findings = []
    with Stop().cancelling(), terminal_as_it_was():
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


def wire_finding(finding: Finding) -> dict[str, object]:
    """Return a finding as `--json` prints it."""
    return {
        "name": finding.name,
        "state": finding.state.value,
        "secs": None if finding.secs is None else round(finding.secs, 4),
        "detail": finding.detail,
        "code": finding.code or None,
        "hint": finding.hint or None,
    }
