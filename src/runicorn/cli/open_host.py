"""`runicorn open HOST`: connect, start, tunnel, open the browser; Ctrl-C stops all of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Annotated

import typer

from runicorn.cli.common import home_of, host_pages, open_browser, resolve_settings
from runicorn.cli.login import Questions, terminal_as_it_was
from runicorn.cli.login_options import Batch, Env, Host, Key, Root
from runicorn.cli.open_output import ForPeople, ForScripts, Output
from runicorn.cli.stopping import INTERRUPTED, Stop
from runicorn.errors import (
    AuthFailedError,
    HostKeyConfirmationError,
    LoginShellRefusedError,
    NoPythonError,
    RunicornError,
)
from runicorn.remote.asking.terminal import TerminalAsker
from runicorn.remote.link.resolving import Resolver
from runicorn.remote.server import probe
from runicorn.remote.service import RemoteService
from runicorn.remote.session import lifecycle, session_log
from runicorn.remote.session.lifecycle import State
from runicorn.remote.session.session import Session, StartRequest
from runicorn.remote.telling.log import Line
from runicorn.remote.telling.progress import StageState
from runicorn.remote.trust.target import Credentials, Target
from runicorn.settings import Settings

Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the address only, and what goes wrong.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line instead, for each thing that happens.")
]


def open_host(
    host: Host,
    root: Root = None,
    env: Env = None,
    key: Key = None,
    batch: Batch = False,
    browser: Browser = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Watch the runs of a server: connect, start a viewer there, tunnel it, and open it in the browser.

    Exit code 0: you stopped it; 1: it failed; 2: the call was wrong; 130: Ctrl-C before the page was there.
    """
    settings = resolve_settings()
    meant = Resolver(home_of(settings), settings.ssh_path).meant(host)
    output: Output = ForScripts() if as_json else ForPeople(quiet)
    opening = _Opening(settings, meant.target, root, env, output)
    try:
        asyncio.run(opening.run(meant.credentials(key), batch, browser))
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None
    except RunicornError as error:
        output.failed(error, opening.log)
        if as_json:
            raise typer.Exit(1) from None
        raise


class _Opening:
    """One way to a server's page, and back. log: the session's, as far as it came to one."""

    def __init__(
        self, settings: Settings, target: Target, root: str | None, environment: str | None, output: Output
    ) -> None:
        self._settings = settings
        self._target = target
        self._root = root
        self._environment = environment
        self._output = output
        self._printed: set[str] = set()
        self._service: RemoteService

    @property
    def log(self) -> list[Line]:
        sessions = self._service.sessions.all()
        return sessions[-1].progress.lines.lines if sessions else []

    async def run(self, credentials: Credentials, batch: bool, browser: bool) -> None:
        """Return when the person has stopped it. Raises the error that it failed with; either way nothing is left."""
        self._service = RemoteService(
            self._settings,
            home_of(self._settings),
            askers=lambda target: TerminalAsker(),
            pages=host_pages(self._settings),
        )
        await self._service.start(take_back=False)
        stop = Stop()
        try:
            with stop.cancelling(), terminal_as_it_was():
                session = await self._reach(credentials, batch)
            url = f"http://localhost:{session.door.local_port}" if session.door else ""
            self._output.ready(session, url)
            if browser:
                open_browser(url)
            with terminal_as_it_was():
                await self._watch(session, stop, credentials, batch)
        finally:
            await self._service.stop()
        self._output.stopped()

    # --- the way there ----------------------------------------------------------------------------------------------

    async def _reach(self, credentials: Credentials, batch: bool) -> Session:
        """Connect and start, telling each stage as it ends."""
        teller = asyncio.create_task(self._tell_progress())
        try:
            await self._connect(credentials, batch)
            return await self._start(credentials)
        finally:
            teller.cancel()
            self._tell_stages()

    async def _connect(self, credentials: Credentials, batch: bool) -> None:
        """Connect, asking on the terminal about the host key, and what the server asks while logging in."""
        service = self._service
        questions = Questions(self._target, service.host_keys, service.run_blocking, batch)
        while True:
            try:
                await service.connections.connect(self._target, credentials, interactive=questions.there)
            except HostKeyConfirmationError as error:
                await questions.about_host_key(error)
            except AuthFailedError as error:
                await questions.about_refusal(error)
            else:
                return

    async def _start(self, credentials: Credentials) -> Session:
        root = self._root
        if root is None:
            root = await self._usual_root()
        return await self._service.sessions.start(StartRequest(self._target, credentials, root, self._environment))

    async def _usual_root(self) -> str:
        """Return where runs are over there if nobody says otherwise."""
        try:
            with self._service.connections.progress(self._target).stage("environments") as tell:
                connection = self._service.connections.get(self._target)
                facts = await self._service.sessions.probes.facts(connection, self._environment)
                chosen = probe.choose(facts, self._environment)
                tell(f"{chosen.name}, Python {chosen.python_version}")
        except (NoPythonError, LoginShellRefusedError):
            if self._environment is not None:
                raise
            return "~/runicorn_data"  # only files can be read there
        return facts.default_root

    async def _tell_progress(self) -> None:
        async for _ in self._service.changes():
            self._tell_stages()

    def _tell_stages(self) -> None:
        """Tell the stages that have ended since the last call: what worked once, what failed once for each attempt."""
        progress = self._service.connections.all_progress().get(self._target)
        if progress is None:
            return
        asked = isinstance(progress.error, HostKeyConfirmationError)  # a question, not a failure: it is put in words
        for stage in progress.stages:
            done = stage.state is StageState.DONE
            key = stage.name if done else f"{stage.name} {id(progress)}"
            if key not in self._printed and (done or (stage.state is StageState.FAILED and not asked)):
                self._printed.add(key)
                self._output.stage(stage)

    # --- while it is there ------------------------------------------------------------------------------------------

    async def _watch(self, session: Session, stop: Stop, credentials: Credentials, batch: bool) -> None:
        """Tell how the link is, until asked to stop. Raises the session's error if it ends by itself, or waits for a
        person where there is none."""
        waits = [
            asyncio.create_task(wait)
            for wait in (
                self._tell_link(session),
                self._ask_when_needed(session, credentials, batch),
                stop.asked.wait(),
                session.ended.wait(),
            )
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not stop.asked.is_set() and session.error is not None:
            raise session.error.kept()

    async def _ask_when_needed(self, session: Session, credentials: Credentials, batch: bool) -> None:
        """Let the person log in again where the session waits for that; return where nobody is there to do it."""
        questions = Questions(self._target, self._service.host_keys, self._service.run_blocking, batch)
        async with contextlib.aclosing(self._service.changes()) as changes:
            async for _ in changes:
                while session.needs_person and session.error is not None:
                    if not await questions.about_return(session.error):
                        return
                    try:
                        await self._connect(credentials, batch)
                    except RunicornError as error:
                        session.error = error.kept()
                    else:
                        # The connection may have lived all along, where only a tunnel's own login was refused.
                        session.try_login()
                        break

    async def _tell_link(self, session: Session) -> None:
        lost_at: float | None = None
        async with contextlib.aclosing(self._service.changes()) as changes:
            async for _ in changes:
                if session.state is State.RECONNECTING and lost_at is None:
                    lost_at = time.monotonic()
                    self._output.lost(session_log.last_loss(session))
                elif session.state is State.RUNNING and lost_at is not None:
                    self._output.back(time.monotonic() - lost_at)
                    lost_at = None
                elif session.state in lifecycle.ENDED:
                    await session.ended.wait()
                    return
