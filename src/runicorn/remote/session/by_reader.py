"""The steps of a session whose page is served on this side, while an agent, or SFTP alone, reads the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runicorn._version import __version__
from runicorn.errors import (
    LoginShellRefusedError,
    NoPythonError,
    StartError,
    StartTimeoutError,
)
from runicorn.remote.link.connections import RunBlocking
from runicorn.remote.server.agent import client as agents
from runicorn.remote.server.launch import Started
from runicorn.remote.server.reading import Hello, Reader, root_error
from runicorn.remote.server.sftp import client as sftp
from runicorn.remote.session.host_page import HostPages, ReaderLine
from runicorn.remote.session.session import Mode, Session
from runicorn.remote.ssh.interface import Connection

# Where no command runs, or none that is a Python.
NO_AGENT = (NoPythonError, LoginShellRefusedError, StartTimeoutError)


async def start(
    session: Session,
    connection: Connection,
    local_port: int,
    mode: Mode,
    pages: HostPages,
    run_blocking: RunBlocking,
) -> None:
    """Start what reads the host, and have the session's page read by it, which is made now if there was none.

    mode: AGENT or SFTP. Raises the errors of NO_AGENT, SftpUnavailableError, RemoteRootMissingError,
    RemoteRootUnreadableError, and what starting a command raises.
    """

    def own(process: Any) -> None:
        session.process = session.holder.own(process)

    with session.progress.stage("start") as tell:
        reader = await run_blocking(begin, mode, connection, own, session.progress.log)
        session.mode, session.reader = mode, session.holder.own(reader)
        hello = await run_blocking(greet, reader, session.request.root)
        if hello.error is not None:
            await run_blocking(session.holder.drop, reader)
            raise root_error(hello.error, hello.root)
        # What reads listens nowhere, and is known by its channel alone.
        session.remote = Started(0, hello.pid, __version__, 0.0)
        session.rtt_ms = hello.round_trip_secs * 1000
        tell(hello.what)
    if session.page is None:
        if session.place is not None:  # it was read beside a viewer before
            await run_blocking(session.holder.drop, session.place)
            session.place = None
        page = await pages(
            session.session_id, session.request.target.connection_id, hello.root, local_port, session.started_at
        )
        session.page = session.holder.own(page)
    session.page.read_by(reader, hello.clock_offset_secs or 0.0)


def begin(mode: Mode, connection: Connection, own: Callable[[Any], Any], log: Callable[[str], None]) -> Reader:
    """Return what reads, once it runs. Blocks. Raises what agent.client.start and sftp.client.start do."""
    if mode is Mode.SFTP:
        return sftp.start(connection, own, log)
    return agents.start(connection, own, log)


def greet(reader: Reader, root: str) -> Hello:
    """Return its answer to a root, as a person types it; that cannot be read where there is an error in it. Blocks.

    Raises StartError where there is no answer.
    """
    try:
        return reader.hello(root)
    except OSError as error:
        raise StartError(f"What reads the server did not answer: {error.strerror or error}.") from error


def lead_to(session: Session) -> None:
    """Lead the session's door to its page, which is read by what has just answered."""
    assert session.page is not None
    assert session.reader is not None
    assert session.door is not None
    session.line = ReaderLine(session.reader, session.page.tell)
    session.tunnel = session.holder.own(session.page.way())
    session.door.lead_to(session.tunnel)
