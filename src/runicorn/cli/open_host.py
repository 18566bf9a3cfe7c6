"""`runicorn open HOST`: connect, start, tunnel, open the browser; Ctrl-C stops all of it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from runicorn.cli.common import open_browser, resolve_settings
from runicorn.errors import AuthFailedError, HostKeyConfirmationError, NoCredentialsError
from runicorn.remote.progress import StageState
from runicorn.remote.service import RemoteService
from runicorn.remote.session import Session, StartRequest
from runicorn.remote.target import Credentials, Secret, Target, parse_target
from runicorn.settings import Settings

PASSWORD_TRIES = 3
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


Host = Annotated[str, typer.Argument(metavar="[USER@]HOST[:PORT]", help="The server.")]
Root = Annotated[str | None, typer.Option(help="The storage root on the server. [default: what it suggests]")]
Env = Annotated[str | None, typer.Option(help="The Python environment there. [default: the first with runicorn]")]
Key = Annotated[str | None, typer.Option(help="A private key file. [default: the agent's and your own keys]")]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")]


def open_host(host: Host, root: Root = None, env: Env = None, key: Key = None, browser: Browser = True) -> None:
    """Watch the runs of a server: connect, start a viewer there, tunnel it, and open it in the browser."""
    target = parse_target(host, getpass.getuser())
    asyncio.run(_open(resolve_settings(), target, root, env, key, browser))


async def _open(
    settings: Settings, target: Target, root: str | None, env: str | None, key: str | None, browser: bool
) -> None:
    service = RemoteService(settings, Path.home())
    await service.start()
    try:
        printer = asyncio.create_task(_print_progress(service, target))
        try:
            credentials = await _connect(service, target, key)
            session = await _start(service, target, credentials, root, env)
        finally:
            await asyncio.sleep(0)  # let the last stages be printed
            printer.cancel()
        await _print_once(service, target, set())
        url = f"http://localhost:{session.door.local_port}" if session.door else ""
        typer.echo(f"Remote viewer: {url}")
        typer.echo("Press Ctrl-C to stop it, on both sides.")
        if browser:
            open_browser(url)
        await _wait_for_end(session)
    finally:
        await service.stop()


async def _connect(service: RemoteService, target: Target, key: str | None) -> Credentials:
    """Connect, asking on the terminal about the host key and for a password where these are needed."""
    credentials = Credentials(private_key_path=key)
    tries = 0
    while True:
        try:
            await service.connections.connect(target, credentials)
        except HostKeyConfirmationError as error:
            _ask_about_host_key(error, target)
            payload = error.payload
            await service.run_blocking(
                service.host_keys.accept,
                payload["host"],
                payload["port"],
                payload["key_type"],
                payload["public_key"],
                payload["fingerprint_sha256"],
            )
        except (AuthFailedError, NoCredentialsError) as error:
            tries += 1
            if not sys.stdin.isatty() or tries > PASSWORD_TRIES:
                raise
            typer.echo(error.detail, err=True)
            credentials = Credentials(password=Secret(getpass.getpass(f"Password for {target.connection_id}: ")))
        else:
            return credentials


def _ask_about_host_key(error: HostKeyConfirmationError, target: Target) -> None:
    """Show the key and let the person decide. Without a terminal there is nobody to ask, and the error stands."""
    payload = error.payload
    if not sys.stdin.isatty():
        raise error
    if payload["reason"] == "changed":
        typer.echo(f"The host key of {target.host} HAS CHANGED. Somebody may be listening in.", err=True)
        typer.echo(f"  known:   {payload.get('expected_fingerprint_sha256', 'a key of another type')}", err=True)
    else:
        typer.echo(f"{target.host} port {target.port} is not known yet.", err=True)
    typer.echo(f"  offered: {payload['fingerprint_sha256']} ({payload['key_type']})", err=True)
    typer.echo("Compare it on the server: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", err=True)
    typer.echo(f"Type {target.host} to accept this key: ", nl=False, err=True)
    answer = sys.stdin.readline()  # not input(), which prints to standard output, where scripts read the address
    if answer.strip().lower() != target.host:
        raise error


async def _start(
    service: RemoteService, target: Target, credentials: Credentials, root: str | None, env: str | None
) -> Session:
    if root is None:
        facts = await service.sessions.probes.facts(service.connections.get(target))
        root = facts.default_root
    return await service.sessions.start(StartRequest(target, credentials, root, env))


async def _print_progress(service: RemoteService, target: Target) -> None:
    """Print each stage as it ends."""
    printed: set[str] = set()
    async for _ in service.changes():
        await _print_once(service, target, printed)


async def _print_once(service: RemoteService, target: Target, printed: set[str]) -> None:
    console = Console(stderr=True, highlight=False)
    progress = service.connections.all_progress().get(target)
    for stage in progress.stages if progress else ():
        if stage.name in printed or stage.state not in (StageState.DONE, StageState.FAILED):
            continue
        printed.add(stage.name)
        mark = "[green]ok[/]" if stage.state is StageState.DONE else "[red]failed[/]"
        console.print(f"{LABELS[stage.name]:>13} {mark} {(stage.secs or 0) * 1000:6.0f} ms  ", end="")
        console.print(stage.detail, markup=False)


async def _wait_for_end(session: Session) -> None:
    """Return at Ctrl-C, SIGTERM, or when the session has failed for good. Raises the session's error then."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stopped.set)
    waits = [asyncio.create_task(stopped.wait()), asyncio.create_task(session.ended.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if not stopped.is_set() and session.error is not None:
        raise session.error
