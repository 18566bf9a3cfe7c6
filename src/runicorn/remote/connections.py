"""One connection per ConnectionId: attempts in flight are joined, credentials kept in memory to reconnect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from runicorn.errors import NotConnectedError, RunicornError
from runicorn.remote.host_keys import HostKeyFile
from runicorn.remote.progress import Progress
from runicorn.remote.ssh import paramiko
from runicorn.remote.ssh.interface import Connection
from runicorn.remote.target import Credentials, Target

ANSWER_TIMEOUT_SECS = 4.0


class RunBlocking(Protocol):
    """Run a blocking function in a worker thread and return what it returns."""

    def __call__(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]: ...


class Connections:
    """All live connections and their progress. Belongs to the event loop's thread.

    home: where default keys are looked for. changed: called, from any thread, whenever there is news.
    connected: called with each target that was connected; set it. followers: asked, from any thread, for those that
    show how a target is reached; set it.
    """

    def __init__(
        self, host_keys: HostKeyFile, home: Path, run_blocking: RunBlocking, changed: Callable[[], None]
    ) -> None:
        self._host_keys = host_keys
        self._home = home
        self.connected: Callable[[Target], None] = lambda target: None
        self.followers: Callable[[Target], list[Progress]] = lambda target: []
        self._run_blocking = run_blocking
        self._changed = changed
        self._live: dict[Target, Connection] = {}
        self._credentials: dict[Target, Credentials] = {}
        self._attempts: dict[Target, tuple[Credentials, asyncio.Task[Connection]]] = {}
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

    async def connect(self, target: Target, credentials: Credentials) -> Connection:
        """Return the live connection, joining an attempt with the same credentials if one is in flight.

        Raises what `paramiko.connect` raises.
        """
        while True:
            connection = self.find(target)
            if connection is not None:
                return connection
            attempt = self._attempts.get(target)
            if attempt is None:
                attempt = (credentials, asyncio.create_task(self._attempt(target, credentials)))
                self._attempts[target] = attempt
            if attempt[0] == credentials:
                # Shielded: who joined must not lose the attempt because the first caller went away.
                return await asyncio.shield(attempt[1])
            await asyncio.wait([attempt[1]])

    async def reconnect(self, target: Target, credentials: Credentials) -> Connection:
        """Return a connection that answers: the live one, or a new one with the credentials that worked last.

        credentials: for a target that was not connected yet. Raises what `connect` raises.
        """
        connection = self.find(target)
        if connection is not None:
            if await self._run_blocking(connection.answers, ANSWER_TIMEOUT_SECS):
                return connection
            # The link died in silence: nothing here has noticed yet.
            await self._run_blocking(connection.close)
        return await self.connect(target, self._credentials.get(target, credentials))

    async def disconnect(self, target: Target) -> bool:
        """Close the connection and forget its credentials. Returns whether there was one."""
        self._credentials.pop(target, None)
        self._progress.pop(target, None)
        connection = self._live.pop(target, None)
        if connection is None:
            return False
        was_alive = connection.alive
        await self._run_blocking(connection.close)
        self._changed()
        return was_alive

    async def close(self) -> None:
        """End attempts in flight and close everything."""
        tasks = [task for _, task in self._attempts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for target in list(self._live):
            await self.disconnect(target)

    def _new_progress(self, target: Target) -> Progress:
        return Progress(self._changed, also=lambda: self.followers(target))

    async def _attempt(self, target: Target, credentials: Credentials) -> Connection:
        progress = self._progress[target] = self._new_progress(target)
        holder: list[Connection] = []
        cancelled = False

        def work() -> Connection:
            connection = paramiko.connect(target, credentials, self._host_keys, progress, self._home)
            holder.append(connection)
            if cancelled:
                connection.close()
            return connection

        try:
            old = self._live.pop(target, None)
            if old is not None:
                await self._run_blocking(old.close)
            connection: Connection = await self._run_blocking(work)
        except asyncio.CancelledError:
            # The thread goes on until its own limit; what it still makes is closed, by it or here.
            cancelled = True
            for made in holder:
                made.close()
            raise
        except RunicornError as error:
            progress.fail(error)
            raise
        finally:
            self._attempts.pop(target, None)
            self._changed()
        self._live[target] = connection
        self._credentials[target] = credentials
        self.connected(target)
        self._changed()
        return connection
