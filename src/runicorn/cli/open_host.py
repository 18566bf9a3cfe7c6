"""`runicorn open HOST`: connect, start, tunnel, open the browser; Ctrl-C stops all of it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import signal
import sys
from collections.abc import Iterator
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

INTERRUPTED = 130
PASSWORD_TRIES = 3
KEY_FILES = {
    "ssh-ed25519": "ssh_host_ed25519_key.pub",
    "ssh-rsa": "ssh_host_rsa_key.pub",
    **{f"ecdsa-sha2-nistp{bits}": "ssh_host_ecdsa_key.pub" for bits in (256, 384, 521)},
}
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
    try:
        asyncio.run(_open(resolve_settings(), target, root, env, key, browser))
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None


async def _open(
    settings: Settings, target: Target, root: str | None, env: str | None, key: str | None, browser: bool
) -> None:
    service = RemoteService(settings, Path.home())
    await service.start(take_back=False)
    stop = _Stop()
    try:
        with stop.cancelling(), _terminal_as_it_was():
            session = await _reach(service, target, root, env, key)
        url = f"http://localhost:{session.door.local_port}" if session.door else ""
        typer.echo(f"Remote viewer: {url}")
        sys.stdout.flush()
        typer.echo("Press Ctrl-C to stop it, on both sides.", err=True)
        if browser:
            open_browser(url)
        await _wait_for_end(session, stop)
    finally:
        await service.stop()


class _Stop:
    """Ctrl-C, SIGTERM and a closed terminal: they cancel the way to the page, and later end the watching."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            # Windows has no such handlers: there Ctrl-C raises KeyboardInterrupt, with the same clean-up.
            with contextlib.suppress(NotImplementedError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), self._ask)

    @contextlib.contextmanager
    def cancelling(self) -> Iterator[None]:
        self._task = asyncio.current_task()
        try:
            yield
        finally:
            self._task = None

    def _ask(self) -> None:
        self.asked.set()
        if self._task is not None:
            self._task.cancel()


async def _reach(service: RemoteService, target: Target, root: str | None, env: str | None, key: str | None) -> Session:
    """Connect and start, printing each stage as it ends."""
    printed: set[str] = set()
    printer = asyncio.create_task(_print_progress(service, target, printed))
    try:
        credentials = await _connect(service, target, key)
        return await _start(service, target, credentials, root, env)
    finally:
        printer.cancel()
        _print_stages(service, target, printed)


async def _connect(service: RemoteService, target: Target, key: str | None) -> Credentials:
    """Connect, asking on the terminal about the host key and for a password where these are needed."""
    credentials = Credentials(private_key_path=key)
    tries = 0
    while True:
        try:
            await service.connections.connect(target, credentials)
        except HostKeyConfirmationError as error:
            await service.run_blocking(_ask_about_host_key, error, target)
            await service.run_blocking(_accept, service, error)
        except (AuthFailedError, NoCredentialsError) as error:
            tries += 1
            if not sys.stdin.isatty() or tries > PASSWORD_TRIES:
                raise
            typer.echo(error.detail, err=True)
            prompt = f"Password for {target.connection_id}: "
            credentials = Credentials(password=Secret(await service.run_blocking(getpass.getpass, prompt)))
        else:
            return credentials


def _accept(service: RemoteService, error: HostKeyConfirmationError) -> None:
    names = ("host", "port", "key_type", "public_key", "fingerprint_sha256")
    service.host_keys.accept(*(error.payload[name] for name in names))


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
    file = KEY_FILES.get(payload["key_type"], "ssh_host_ed25519_key.pub")
    typer.echo(f"Compare it on the server: ssh-keygen -lf /etc/ssh/{file}", err=True)
    typer.echo(f"Type {target.host} to accept this key: ", nl=False, err=True)
    answer = sys.stdin.readline()  # not input(), which prints to standard output, where scripts read the address
    if answer.strip().lower() != target.host:
        raise error


@contextlib.contextmanager
def _terminal_as_it_was() -> Iterator[None]:
    """Give the terminal its echo back, should a question for a password be cut short."""
    try:
        import termios
    except ImportError:  # Windows
        yield
        return
    before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    try:
        yield
    finally:
        if before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


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


async def _wait_for_end(session: Session, stop: _Stop) -> None:
    """Return when asked to stop, or when the session has ended. Raises the session's error then."""
    waits = [asyncio.create_task(stop.asked.wait()), asyncio.create_task(session.ended.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if not stop.asked.is_set() and session.error is not None:
        raise session.error
