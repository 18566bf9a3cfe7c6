"""A reader beside the viewer of a host: it brings the host's root among those that this side shows.

Nothing of the session depends on it: whatever fails here is told by that place alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from runicorn.errors import ConnectionClosedError, RunicornError, StartCancelledError
from runicorn.remote.link.connections import Connections, RunBlocking
from runicorn.remote.link.holder import Holder
from runicorn.remote.server import readers
from runicorn.remote.server.reading import Hello, Reader
from runicorn.remote.session.host_page import HostPlaces
from runicorn.remote.session.session import Session
from runicorn.remote.ssh.interface import Connection

LOOK_EVERY_SECS = 4.0
ANSWER_TIMEOUT_SECS = 10.0
# What a server does not offer now it may offer later, as when another session on the connection has ended.
BETWEEN_ATTEMPTS_SECS = (4.0, 15.0, 60.0, 300.0)


@dataclass(frozen=True)
class Beside:
    """Does it, in the event loop's thread. places: where the roots are shown."""

    connections: Connections
    run_blocking: RunBlocking
    places: HostPlaces

    async def read(self, session: Session) -> None:
        """Have the root of a running session read, until this is cancelled: by an agent, else by SFTP.

        It goes over the connection that is there, and never logs in.
        """
        with contextlib.suppress(StartCancelledError):  # the session ends in this moment
            for attempt in itertools.count():
                why = await self._once(session)
                await self._say(session, why)
                await asyncio.sleep(BETWEEN_ATTEMPTS_SECS[min(attempt, len(BETWEEN_ATTEMPTS_SECS) - 1)])

    async def _once(self, session: Session) -> str:
        """Have the root read for as long as that goes; return why it does not go on. Raises StartCancelledError."""
        held = session.holder.own(Holder())  # what comes late, after a cancellation, is closed as it comes
        try:
            return await self._until_silent(await self._begin(session, held))
        except StartCancelledError:
            raise
        except RunicornError as error:
            return error.detail
        except Exception as error:  # noqa: BLE001  the rim of a background task: a fault of ours harms no session
            return f"A fault: {error!r}"
        finally:
            await self.run_blocking(session.holder.drop, held)

    async def _begin(self, session: Session, held: Holder) -> Reader:
        """Start a reader, and have the session's place read by it. Raises RunicornError."""
        connection = self.connections.find(session.request.target)
        if connection is None:
            raise ConnectionClosedError(f"The connection to {session.request.target.host} is gone.")
        log = session.progress.log
        reader: Reader
        hello: Hello
        reader, hello = await self.run_blocking(_reader, connection, session.request.root, held, log)
        if session.place is None or session.place.root != hello.root:
            await self._show(session, hello.root)
        assert session.place is not None
        session.place.read_by(reader)
        log(f"its runs are read beside the viewer, by {hello.what}")
        return reader

    async def _until_silent(self, reader: Reader) -> str:
        """Return why it does not read any more."""
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_SECS)
                await self.run_blocking(reader.answers, ANSWER_TIMEOUT_SECS)
        except OSError as error:
            return error.strerror or str(error)

    async def _say(self, session: Session, why: str) -> None:
        session.progress.log(f"its runs are not read beside the viewer: {why}")
        if session.place is None:
            await self._show(session, session.request.root)
        assert session.place is not None
        session.place.read_by_nobody(why.rstrip("."))

    async def _show(self, session: Session, root: str) -> None:
        """Show the place of this root, instead of one that was taken for it before."""
        if session.place is not None:
            await self.run_blocking(session.holder.drop, session.place)
            session.place = None
        target = session.request.target
        session.place = session.holder.own(await self.places(session.session_id, target.connection_id, root))


def _reader(connection: Connection, root: str, held: Holder, log: Callable[[str], None]) -> tuple[Reader, Hello]:
    """Return what reads this root over there. Raises RunicornError."""
    reader = held.own(readers.start_best(connection, held.own, log))
    return reader, readers.readable_or_raise(readers.ask_for_root(reader, root))
