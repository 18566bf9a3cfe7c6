"""One connection per ConnectionId: attempts in flight are joined, credentials kept in memory to reconnect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from runicorn.errors import (
    ConnectCancelledError,
    InteractionRequiredError,
    NotConnectedError,
    RemoteUnavailableError,
    RunicornError,
)
from runicorn.remote.asking.question import Asked, Asker
from runicorn.remote.link.holder import Holder
from runicorn.remote.link.resolving import Resolver
from runicorn.remote.ssh.interface import Connection, Login, each_hop
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Secret, Target
from runicorn.settings import ConnectorChoice

ANSWER_TIMEOUT_SECS = 4.0
# Who asked without saying who he is: a client of the given document, which takes nothing back.
SOMEBODY = "somebody"


class RunBlocking(Protocol):
    """Run a blocking function in a worker thread and return what it returns."""

    def __call__(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]: ...


class ClosableAsker(Asker, Protocol):
    def close(self) -> None:
        """Take back what is asked, at once and for good."""


@dataclass(eq=False)
class _Dialing:
    """A connection that is being made. waiters: how many wait for it. opened: what it holds so far.

    asker: who answers what the server asks; None where nobody does. asked: settled with the first question.
    """

    credentials: Credentials = field(repr=False)
    asker: ClosableAsker | None
    asked: asyncio.Future[Asked] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    waiters: int = 0
    opened: Holder = field(default_factory=Holder)
    task: asyncio.Task[Connection] | None = None


class Connections:
    """All live connections and their progress. Belongs to the event loop's thread.

    home: where default keys are looked for. resolver: tells the way to a target. changed: called, from any thread,
    whenever there is news.
    connected: called with each target that was connected; set it. followers: asked, from any thread, for those that
    show how a target is reached; set it. askers: makes whoever puts the questions of one attempt to a person.
    connector: what may connect.
    """

    def __init__(
        self,
        host_keys: HostKeyFile,
        home: Path,
        resolver: Resolver,
        run_blocking: RunBlocking,
        changed: Callable[[], None],
        askers: Callable[[Target], ClosableAsker],
        connector: ConnectorChoice = ConnectorChoice.AUTO,
    ) -> None:
        self._host_keys = host_keys
        self._resolver = resolver
        self._home = home
        self.connected: Callable[[Target], None] = lambda target: None
        self.followers: Callable[[Target], list[Progress]] = lambda target: []
        self._run_blocking = run_blocking
        self._changed = changed
        self._askers = askers
        self._connector = connector
        self._live: dict[Target, Connection] = {}
        self._users: dict[Target, set[str]] = {}
        self._credentials: dict[Target, Credentials] = {}
        self._by_person: set[Target] = set()
        self._dialing: dict[Target, _Dialing] = {}
        self._progress: dict[Target, Progress] = {}

    def live(self) -> list[Connection]:
        """Return the connections whose link is up."""
        return [connection for connection in self._live.values() if connection.alive]

    def find(self, target: Target) -> Connection | None:
        connection = self._live.get(target)
        return connection if connection is not None and connection.alive else None

    def get(self, target: Target) -> Connection:
        """Raises NotConnectedError."""
        connection = self.find(target)
        if connection is None:
            raise NotConnectedError(f"There is no connection {target.connection_id}.")
        return connection

    def progress(self, target: Target) -> Progress:
        """Return the progress of the latest attempt to reach this target."""
        return self._progress.setdefault(target, self._new_progress(target))

    def shown(self, target: Target) -> list[Progress]:
        """Return what GET /api/remote/status shows of this target: its progress, if it has one."""
        progress = self._progress.get(target)
        return [progress] if progress else []

    def all_progress(self) -> dict[Target, Progress]:
        return dict(self._progress)

    def needs_person(self, target: Target) -> bool:
        """Whether the last login took what only a person has, and would take it again."""
        return target in self._by_person

    def took_typing(self, target: Target) -> bool:
        """Whether the last login took something that a person typed meanwhile, and that was not given before."""
        credentials = self._credentials.get(target)
        return self.needs_person(target) or bool(credentials and credentials.typed)

    async def connect(
        self, target: Target, credentials: Credentials, user: str = SOMEBODY, *, interactive: bool = False
    ) -> Connection:
        """Return the live connection, joining one that is being made with the same credentials.

        user: who it is for, so that it can be told when nobody needs it any more. A caller that is cancelled leaves;
        when the last one does, what is being made is given up, and no credential is sent from then on.
        interactive: whether somebody answers what the server asks. Who does not never waits for somebody else's answer.
        Raises what `connectors.connect` raises, and ConnectCancelledError if it is disconnected meanwhile.
        """
        while True:
            connection = self.find(target)
            if connection is not None:
                self._users.setdefault(target, set()).add(user)
                return connection
            dialing = self._dialing.get(target) or self._dial(target, credentials, interactive)
            assert dialing.task is not None
            if dialing.credentials != credentials or (interactive and dialing.asker is None):
                await self._until(dialing, interactive)
                continue
            dialing.waiters += 1
            try:
                await self._until(dialing, interactive)
            finally:
                dialing.waiters -= 1
                if not dialing.waiters and not dialing.task.done():
                    self._give_up(target, dialing)
            if dialing.task.cancelled():
                raise ConnectCancelledError(f"The connection to {target.host} was given up.")
            connection = dialing.task.result()
            self._users.setdefault(target, set()).add(user)
            return connection

    async def reconnect(
        self, target: Target, credentials: Credentials, user: str = SOMEBODY, *, interactive: bool = False
    ) -> Connection:
        """Return a connection that answers: the live one, or a new one with the credentials that worked last.

        credentials: for a target that was not connected yet. Raises what `connect` raises.
        """
        connection = self.find(target)
        if connection is not None:
            if await self._run_blocking(connection.answers, ANSWER_TIMEOUT_SECS):
                return connection
            # The link died in silence: nothing here has noticed yet.
            await self._run_blocking(connection.close)
        return await self.connect(target, self._credentials.get(target, credentials), user, interactive=interactive)

    async def disconnect(self, target: Target) -> bool:
        """Close the connection, or give up the one that is being made, and forget its credentials.

        Returns whether there was one.
        """
        self._credentials.pop(target, None)
        self._by_person.discard(target)
        self._progress.pop(target, None)
        self._users.pop(target, None)
        connection, dialing = self._live.pop(target, None), self._dialing.get(target)
        found = dialing is not None or (connection is not None and connection.alive)
        if dialing is not None:
            await asyncio.wait([self._give_up(target, dialing)])
        if connection is not None:
            await self._run_blocking(connection.close)
        self._changed()
        return found

    def leave(self, user: str) -> list[Target]:
        """Note that this user needs no connection any more; return the targets that nobody else needs now."""
        left = [target for target, users in self._users.items() if user in users]
        for target in left:
            self._users[target].discard(user)
        return [target for target in left if not self._users[target]]

    async def close(self) -> None:
        """End what is being made and close everything."""
        await asyncio.gather(*(self.disconnect(target) for target in {**self._live, **self._dialing}))

    def _new_progress(self, target: Target) -> Progress:
        return Progress(self._changed, also=lambda: self.followers(target))

    async def _until(self, dialing: _Dialing, interactive: bool) -> None:
        """Wait until it is made, or not. Raises InteractionRequiredError where somebody else is asked for that."""
        assert dialing.task is not None
        if interactive:
            await asyncio.wait([dialing.task])
            return
        waits: list[asyncio.Future[Any]] = [dialing.task, dialing.asked]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if not dialing.task.done():
            asked = dialing.asked.result()
            raise InteractionRequiredError(asked.hop, [each.text for each in asked.prompts])

    def _dial(self, target: Target, credentials: Credentials, interactive: bool) -> _Dialing:
        asker = self._askers(target) if interactive else None
        dialing = self._dialing[target] = _Dialing(credentials, asker)
        dialing.task = asyncio.create_task(self._make(target, dialing))
        dialing.task.add_done_callback(_look_at)
        return dialing

    def _give_up(self, target: Target, dialing: _Dialing) -> asyncio.Task[Connection]:
        """End this attempt; who comes from now on begins a new one."""
        assert dialing.task is not None
        if self._dialing.get(target) is dialing:
            del self._dialing[target]
        self._progress.pop(target, None)
        dialing.task.cancel()
        return dialing.task

    async def _make(self, target: Target, dialing: _Dialing) -> Connection:
        progress = self._progress[target] = self._new_progress(target)
        live = self.live()

        def work() -> Connection:
            # Loaded with the first connection: 16 MB and 0.1 s that whoever only looks at runs does without.
            try:
                from runicorn.remote.ssh import connectors
            except ImportError as error:
                raise RemoteUnavailableError(f"The packages for SSH cannot be loaded: {error}.") from error

            credentials = dialing.credentials
            way = self._resolver.way(target, credentials.jumps)
            if not way.is_direct or way.last.target != target:
                progress.log(f"{target.connection_id} is {way}, as {way.resolved_by} says")
            return connectors.connect(
                target,
                way,
                credentials,
                self._host_keys,
                progress,
                self._home,
                dialing.opened.own,
                asker,
                choice=self._connector,
                ssh_path=self._resolver.ssh_path,
                live=live,
            )

        asker = None
        if dialing.asker is not None:
            asker = _Telling(dialing.opened.own(dialing.asker), dialing.asked)

        try:
            old = self._live.pop(target, None)
            if old is not None:
                await self._run_blocking(old.close)
            connection: Connection = await self._run_blocking(work)
        except asyncio.CancelledError:
            # The thread sees its socket closed; what it still makes is closed at once.
            await self._run_blocking(dialing.opened.release)
            raise
        except RunicornError as error:
            progress.fail(error)
            raise
        finally:
            if self._dialing.get(target) is dialing:
                del self._dialing[target]
            self._changed()
        self._live[target] = connection
        self._credentials[target] = with_typed(dialing.credentials, connection.login)
        self._by_person.discard(target)
        if _took_person(connection):
            self._by_person.add(target)
        self.connected(target)
        self._changed()
        return connection


class _Telling:
    """Asks, and tells the event loop so before. See question.Asker. Made there, used in a worker thread."""

    def __init__(self, asker: Asker, asked: asyncio.Future[Asked]) -> None:
        self._asker = asker
        self._asked = asked
        self._loop = asyncio.get_running_loop()

    def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell, asked)
        return self._asker.ask(asked, still_there)

    def _tell(self, asked: Asked) -> None:
        if not self._asked.done():
            self._asked.set_result(asked)


def _took_person(connection: Connection) -> bool:
    """Whether some login on the way took what only a person has: for a hop before the last, also its password."""
    *before, last = (each.login for each in each_hop(connection))
    return last.by_person or any(login.by_person or login.password for login in before)


def with_typed(credentials: Credentials, login: Login) -> Credentials:
    """Return the credentials with the password that is the account's now, should a person have typed it."""
    if not login.password or login.password == credentials.password:
        return credentials
    if credentials.password:
        return replace(credentials, password=login.password)
    return replace(credentials, typed=login.password)


def _look_at(task: asyncio.Task[Connection]) -> None:
    """Take the outcome of an attempt that everybody has left, so that nothing is said about it at the end."""
    if not task.cancelled():
        task.exception()
