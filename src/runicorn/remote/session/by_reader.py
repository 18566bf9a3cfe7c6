"""The steps of a session whose page is served on this side, while an agent, or SFTP alone, reads the host."""

from __future__ import annotations

from typing import Any

from runicorn._version import __version__
from runicorn.remote.link.connections import RunBlocking
from runicorn.remote.server import in_job
from runicorn.remote.server.agent import client as agents
from runicorn.remote.server.launch import Started
from runicorn.remote.server.readers import ask_for_root, readable_or_raise
from runicorn.remote.server.reading import Reader
from runicorn.remote.server.sftp import client as sftp
from runicorn.remote.session.host_page import HostPages, ReaderLine
from runicorn.remote.session.session import Mode, Session
from runicorn.remote.ssh.interface import Connection


async def start(
    session: Session,
    connection: Connection,
    local_port: int,
    mode: Mode,
    pages: HostPages,
    run_blocking: RunBlocking,
) -> None:
    """Start what reads the host, and have the session's page read by it, which is made now if there was none.

    mode: AGENT or SFTP; on the node of a job, AGENT. Raises the errors of readers.NO_AGENT, those of in_job.start(),
    SftpUnavailableError, RemoteRootMissingError, RemoteRootUnreadableError, and what starting a command raises.
    """

    inside = session.request.inside

    def own(process: Any) -> None:
        session.process = session.holder.own(process)

    def begin() -> Reader:
        if inside is not None:
            return in_job.start(connection, inside, own, session.progress.log)
        if mode is Mode.SFTP:
            return sftp.start(connection, own, session.progress.log)
        return agents.start(connection, own, session.progress.log)

    with session.progress.stage("start") as tell:
        reader = await run_blocking(begin)
        session.mode, session.reader = mode, session.holder.own(reader)
        hello = await run_blocking(ask_for_root, reader, session.request.root)
        if hello.error is not None:
            await run_blocking(session.holder.drop, reader)
        readable_or_raise(hello)
        # What reads listens nowhere, and is known by its channel alone.
        session.remote = Started(0, hello.pid, __version__, 0.0)
        session.rtt_ms = hello.round_trip_secs * 1000
        tell(hello.what)
    if session.page is None:
        if session.place is not None:  # it was read beside a viewer before
            await run_blocking(session.holder.drop, session.place)
            session.place = None
        page = await pages(session.session_id, session.request.reached_by, hello.root, local_port, session.started_at)
        session.page = session.holder.own(page)
    session.page.read_by(reader)


def lead_to(session: Session) -> None:
    """Lead the session's door to its page, which is read by what has just answered."""
    assert session.page is not None
    assert session.reader is not None
    assert session.door is not None
    session.line = ReaderLine(session.reader, session.page.tell)
    session.tunnel = session.holder.own(session.page.way())
    session.door.lead_to(session.tunnel)
