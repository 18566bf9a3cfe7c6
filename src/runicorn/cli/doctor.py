"""`runicorn doctor HOST`: look at the whole way to a server, step by step, and say what to do."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from runicorn.cli.common import home_of, resolve_settings
from runicorn.cli.login_options import Batch, Env, Host, Key, Root
from runicorn.loading import loading
from runicorn.remote.link.resolving import Resolver

SOMETHING_IN_THE_WAY = 1
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


def doctor(
    host: Host, root: Root = None, env: Env = None, key: Key = None, batch: Batch = False, as_json: Json = False
) -> None:
    """Find out what is in the way of watching a server: each step, what was found, and what to do.

    Changes nothing there. Exit code 0: all fine; 1: something is in the way; 130: Ctrl-C.
    """
    settings = resolve_settings()
    meant = Resolver(home_of(settings), settings.ssh_path).meant(host)
    target = meant.target
    if not as_json:
        typer.echo(f"{target.connection_id}\n")
    with loading():  # now, so that whom it is about stands there before
        import asyncio

        from runicorn.cli.examining import examine_host, wire_finding
        from runicorn.cli.findings import FindingsPrinter
        from runicorn.cli.stopping import INTERRUPTED

    printer = None if as_json else FindingsPrinter()
    credentials = meant.credentials(key)
    try:
        findings = asyncio.run(examine_host(settings, meant, credentials, root, env, batch, printer))
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None
    failed = sum(finding.failed for finding in findings)
    if printer is None:
        steps = [wire_finding(finding) for finding in findings]
        typer.echo(json.dumps({"target": target.connection_id, "ok": not failed, "steps": steps}))
    else:
        printer.end(findings)
    raise typer.Exit(SOMETHING_IN_THE_WAY if failed else 0)
