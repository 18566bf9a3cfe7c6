"""`runicorn open HOST`: connect, start, tunnel, open the browser; Ctrl-C stops all of it."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from runicorn.cli.common import open_browser, resolve_settings
from runicorn.cli.login import Batch, Env, Host, Key, Questions, Root, terminal_as_it_was
from runicorn.cli.stopping import INTERRUPTED, Stop
from runicorn.errors import AuthFailedError, HostKeyConfirmationError, NoCredentialsError
from runicorn.remote.progress import StageState
from runicorn.remote.service import RemoteService
from runicorn.remote.session import Session, StartRequest
from runicorn.remote.target import Credentials, Target, parse_target
from runicorn.settings import Settings

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


Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")]


def open_host(
    host: Host, root: Root = None, env: Env = None, key: Key = None, batch: Batch = False, browser: Browser = True
) -> None:
    """Watch the runs of a server: connect, start a viewer there, tunnel it, and open it in the browser."""
    target = parse_target(host, getpass.getuser())
    try:
        asyncio.run(_open(resolve_settings(), target, root, env, key, batch, browser))
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None


async def _open(
    settings: Settings,
    target: Target,
    root: str | None,
    env: str | None,
    key: str | None,
    batch: bool,
    browser: bool,
) -> None:
    service = RemoteService(settings, Path.home())
    await service.start(take_back=False)
    stop = Stop()
    try:
        with stop.cancelling(), terminal_as_it_was():
            session = await _reach(service, target, root, env, key, batch)
        url = f"http://localhost:{session.door.local_port}" if session.door else ""
        typer.echo(f"Remote viewer: {url}")
        sys.stdout.flush()
        typer.echo("Press Ctrl-C to stop it, on both sides.", err=True)
        if browser:
            open_browser(url)
        await _wait_for_end(session, stop)
    finally:
        await service.stop()


async def _reach(
    service: RemoteService, target: Target, root: str | None, env: str | None, key: str | None, batch: bool
) -> Session:
    """Connect and start, printing each stage as it ends."""
    printed: set[str] = set()
    printer = asyncio.create_task(_print_progress(service, target, printed))
    try:
        credentials = await _connect(service, target, key, batch)
        return await _start(service, target, credentials, root, env)
    finally:
        printer.cancel()
        _print_stages(service, target, printed)


async def _connect(service: RemoteService, target: Target, key: str | None, batch: bool) -> Credentials:
    """Connect, asking on the terminal about the host key and for a password where these are needed."""
    questions = Questions(target, service.host_keys, service.run_blocking, batch)
    credentials = Credentials(private_key_path=key)
    while True:
        try:
            await service.connections.connect(target, credentials)
        except HostKeyConfirmationError as error:
            await questions.about_host_key(error)
        except (AuthFailedError, NoCredentialsError) as error:
            credentials = await questions.about_login(error)
        else:
            return credentials


async def _start(
    service: RemoteService, target: Target, credentials: Credentials, root: str | None, env: str | None
) -> Session:
    if root is None:
        facts = await service.sessions.probes.facts(service.connections.get(target))
        root = facts.default_root
    return await service.sessions.start(StartRequest(target, credentials, root, env))


async def _print_progress(service: RemoteService, target: Target, printed: set[str]) -> None:
    async for _ in service.changes():
        _print_stages(service, target, printed)


def _print_stages(service: RemoteService, target: Target, printed: set[str]) -> None:
    """Print the stages that have ended since the last call: what worked once, what failed once for each attempt."""
    progress = service.connections.all_progress().get(target)
    if progress is None:
        return
    console = Console(stderr=True, highlight=False)
    for stage in progress.stages:
        done = stage.state is StageState.DONE
        asked = isinstance(progress.error, HostKeyConfirmationError)  # a question, not a failure: it is put in words
        key = stage.name if done else f"{stage.name} {id(progress)}"
        if key in printed or not (done or (stage.state is StageState.FAILED and not asked)):
            continue
        printed.add(key)
        mark = "[green]ok[/]" if done else "[red]failed[/]"
        console.print(f"{LABELS[stage.name]:>13} {mark} {(stage.secs or 0) * 1000:6.0f} ms  ", end="")
        console.print(stage.detail, markup=False)


async def _wait_for_end(session: Session, stop: Stop) -> None:
    """Return when asked to stop, or when the session has ended. Raises the session's error then."""
    waits = [asyncio.create_task(stop.asked.wait()), asyncio.create_task(session.ended.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if not stop.asked.is_set() and session.error is not None:
        raise session.error
