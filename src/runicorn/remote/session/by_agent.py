"""The steps of a session whose host is read by an agent, in place of starting a viewer there and a tunnel to it."""

from __future__ import annotations

from typing import Any

from runicorn._version import __version__
from runicorn.errors import RemoteRootMissingError, RemoteRootUnreadableError, StartError
from runicorn.remote.link.connections import RunBlocking
from runicorn.remote.server.agent import client
from runicorn.remote.server.agent.client import Agent, Hello
from runicorn.remote.server.launch import Started
from runicorn.remote.session.host_page import AgentLine, HostPages
from runicorn.remote.session.session import Session
from runicorn.remote.ssh.interface import Connection


async def start(
    session: Session, connection: Connection, local_port: int, pages: HostPages, run_blocking: RunBlocking
) -> None:
    """Start an agent and have the session's page read by it, made now if there was none.

    Raises NoPythonError, RemoteRootMissingError, RemoteRootUnreadableError, and what starting a command raises.
    """

    def own(process: Any) -> None:
        session.process = session.holder.own(process)

    def begin() -> tuple[Agent, Hello]:
        agent: Agent = session.holder.own(client.start(connection, own, session.progress.log))
        try:
            return agent, agent.hello(session.request.root)
        except OSError as error:
            raise StartError(f"The agent on the server did not answer: {error.strerror or error}.") from error

    with session.progress.stage("start") as tell:
        agent, hello = await run_blocking(begin)
        if hello.error is not None:
            await run_blocking(session.holder.drop, agent)
            raise _root_error(hello)
        session.agent = agent
        # An agent listens nowhere, and is known by its channel alone.
        session.remote = Started(0, hello.pid, __version__, 0.0)
        tell(f"agent on Python {hello.python}")
    if session.page is None:
        session.page = session.holder.own(await pages(session.session_id, hello.root, local_port, session.started_at))
    session.page.read_by(agent)


def lead_to(session: Session) -> None:
    """Lead the session's door to its page, which is read by the agent that answers now."""
    assert session.page is not None
    assert session.agent is not None
    assert session.door is not None
    session.line = AgentLine(session.agent, session.page.tell)
    session.tunnel = session.holder.own(session.page.way())
    session.door.lead_to(session.tunnel)


def _root_error(hello: Hello) -> StartError:
    error = hello.error
    if isinstance(error, FileNotFoundError):
        return RemoteRootMissingError(f"The folder {hello.root} does not exist on the server.")
    if isinstance(error, NotADirectoryError):
        return RemoteRootMissingError(f"{hello.root} is not a folder on the server.")
    assert error is not None
    return RemoteRootUnreadableError(f"The folder {hello.root} cannot be read on the server: {error.strerror}.")
