"""The remote side of a viewer in one object: connections, sessions, host keys, files, saved connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import platform
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

from runicorn._version import __version__
from runicorn.remote import diagnostics, wake
from runicorn.remote.asking.room import WaitingRoom
from runicorn.remote.attempts import Attempts
from runicorn.remote.link.connections import SOMEBODY, ClosableAsker, Connections
from runicorn.remote.link.resolving import Meant, Resolver
from runicorn.remote.link.workers import Workers
from runicorn.remote.machines import LOCAL, Machines
from runicorn.remote.saved import SavedConnections
from runicorn.remote.server import files, in_job
from runicorn.remote.server.candidates import Candidates
from runicorn.remote.server.files import Listing, PathFacts
from runicorn.remote.server.machine.jobs import Place
from runicorn.remote.session.host_page import HostPages, HostPlaces
from runicorn.remote.session.session import Session, StartRequest
from runicorn.remote.session.sessions import Sessions
from runicorn.remote.ssh import program
from runicorn.remote.ssh.interface import Connection
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target
from runicorn.settings import Settings

logger = logging.getLogger(__name__)

STOP_TIMEOUT_SECS = 11.0


class RemoteService:
    """Everything over SSH that one viewer does. Make it, `start` and `stop` it in the event loop.

    user_home: where default keys are looked for, in `.ssh`. manage_url: the page that sessions are managed on, if any.
    askers: makes whoever puts the questions of one login to a person; without it they wait in `questions`.
    pages: makes the pages of hosts on which no viewer runs; without it, every host needs one. places: shows the roots
    of hosts on which one runs; without it, they are not shown.
    """

    def __init__(
        self,
        settings: Settings,
        user_home: Path,
        manage_url: str | None = None,
        askers: Callable[[Target], ClosableAsker] | None = None,
        pages: HostPages | None = None,
        places: HostPlaces | None = None,
    ) -> None:
        self.settings = settings
        self.user_home = user_home
        self.host_keys = HostKeyFile(settings.home / "known_hosts")
        self.saved = SavedConnections(settings.home / "connections.json")
        self.run_blocking = Workers()
        self._attempts = Attempts()
        self._news = _News()
        self._wake_watch: asyncio.Task[None] | None = None
        self.resolver = Resolver(user_home, settings.ssh_path)
        self.questions = WaitingRoom(self._news.tell)
        self.connections = Connections(
            self.host_keys,
            user_home,
            self.resolver,
            self.run_blocking,
            self._news.tell,
            askers or (lambda target: self.questions.asker(target.connection_id)),
            settings.connector,
        )
        self.sessions = Sessions(
            settings, self.connections, self.host_keys, self.run_blocking, self._news.tell, manage_url, pages, places
        )
        self.machines = Machines(self.connections, self.run_blocking, self._open_roots)

    async def start(self, *, take_back: bool = True) -> None:
        """take_back: whether sessions that a viewer left when it died become this one's."""
        self._news.bind(asyncio.get_running_loop())
        self._wake_watch = asyncio.create_task(wake.watch(self.sessions.nudge))
        if take_back:
            try:
                await self.sessions.take_back()
            except Exception:  # the rim of a start: what an earlier viewer left must not keep this one from serving
                logger.exception("the sessions of an earlier viewer could not be taken back")

    async def stop(self) -> None:
        """Stop all sessions and close all connections, on both sides, within a few seconds."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stop(), STOP_TIMEOUT_SECS)

    async def connect(
        self, target: Target, credentials: Credentials, attempt: str | None = None, *, interactive: bool = False
    ) -> Connection:
        """Return a live connection. attempt: the id to give it up by. Raises what Connections.connect does."""
        work = self.connections.connect(target, credentials, attempt or SOMEBODY, interactive=interactive)
        return await self._attempts.run(attempt, work)

    async def start_session(self, request: StartRequest, attempt: str | None = None) -> Session:
        """Return a running session. attempt: as in `connect`. Raises what Sessions.start does."""
        return await self._attempts.run(attempt, self.sessions.start(request))

    async def give_up(self, attempt: str) -> bool:
        """End what this attempt has under way, and the connection that it alone made. Returns whether there was any.

        Sessions that run, and what others wait for, stay.
        """
        found = await self._attempts.give_up(attempt)
        for target in self.connections.leave(attempt):
            if not self.sessions.on(target):
                found = await self.connections.disconnect(target) or found
        return found

    async def disconnect(self, target: Target) -> bool:
        """Stop the sessions on this connection, then close it. Returns whether there was one."""
        await self.sessions.stop_all(target)
        return await self.connections.disconnect(target)

    async def list_folder(self, target: Target, path: str, inside: Place | None = None) -> Listing:
        """Return what a folder holds. inside: the node of a job behind the target, where it lies there."""
        connection = self.connections.get(target)
        listing: Listing = await (
            self.run_blocking(files.list_folder, connection, path)
            if inside is None
            else self.run_blocking(in_job.list_folder, connection, inside, path)
        )
        return listing

    async def path_facts(self, target: Target, path: str) -> PathFacts:
        facts: PathFacts = await self.run_blocking(files.path_facts, self.connections.get(target), path)
        return facts

    async def storage_candidates(self, target: Target) -> Candidates:
        found: Candidates = await self.run_blocking(files.storage_candidates, self.connections.get(target))
        return found

    async def meant(self, text: str) -> Meant:
        """Return what a person typed for a server. Raises InvalidTargetError, SshConfigError."""
        meant: Meant = await self.run_blocking(self.resolver.meant, text)
        return meant

    async def names(self) -> list[str]:
        """Return the names in the person's ssh config, in its order."""
        names: list[str] = await self.run_blocking(self.resolver.names)
        return names

    async def load_saved(self) -> list[dict[str, Any]]:
        saved: list[dict[str, Any]] = await self.run_blocking(self.saved.load)
        return saved

    async def save(self, connections: list[dict[str, Any]]) -> None:
        await self.run_blocking(self.saved.save, connections)

    async def diagnostics(self, session_id: str) -> str:
        """Return one text on what a session is, did and ran into, without a secret. Raises SessionNotFoundError."""
        session = self.sessions.get(session_id)
        ssh = await self.run_blocking(program.describe, self.settings.ssh_path)
        machine = diagnostics.Machine(__version__, platform.platform(), platform.python_version(), ssh)
        homes = [str(self.user_home), self.sessions.probes.home(session.request.target) or ""]
        text: str = await self.run_blocking(diagnostics.describe, session, machine, homes, time.time())
        return text

    def changes(self) -> AsyncGenerator[None, None]:
        """Yield once now and then after each change; changes that come together are told once."""
        return self._news.follow()

    def _open_roots(self, machine_id: str) -> list[str]:
        """Return the roots that are open on a machine, see Machines."""
        if machine_id == LOCAL:
            return [str(self.settings.root)]
        sessions = [each for each in self.sessions.all() if each.live]
        roots = [each.request.root for each in sessions if each.request.target.connection_id == machine_id]
        return list(dict.fromkeys(roots)) or ["~"]

    async def _stop(self) -> None:
        if self._wake_watch is not None:
            self._wake_watch.cancel()
        await self.machines.close()
        await self.sessions.stop_all()
        await self.connections.close()


class _News:
    """Tells any number of followers in the event loop that something changed, from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._followers: set[asyncio.Event] = set()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def tell(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody follows any more
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for follower in self._followers:
            follower.set()

    async def follow(self) -> AsyncGenerator[None, None]:
        with self._following() as news:
            while True:
                yield
                await news.wait()
                news.clear()

    @contextlib.contextmanager
    def _following(self) -> Iterator[asyncio.Event]:
        news = asyncio.Event()
        self._followers.add(news)
        try:
            yield news
        finally:
            self._followers.discard(news)
