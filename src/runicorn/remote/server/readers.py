"""What reads a folder of a host on which nothing is installed: an agent, or SFTP alone. Every call blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runicorn.errors import LoginShellRefusedError, NoPythonError, SftpUnavailableError, StartError, StartTimeoutError
from runicorn.remote.server.agent import client as agents
from runicorn.remote.server.reading import Hello, Reader, root_error
from runicorn.remote.server.sftp import client as sftp
from runicorn.remote.ssh.interface import Connection

# Where no command runs, or none that is a Python.
NO_AGENT = (NoPythonError, LoginShellRefusedError, StartTimeoutError)


def start_best(connection: Connection, own: Callable[[Any], Any], log: Callable[[str], None]) -> Reader:
    """Start the first that works over there. Raises what agents.start() does, where there is no SFTP either."""
    try:
        return agents.start(connection, own, log)
    except NO_AGENT as error:
        log(f"no agent over there: {error.detail}")
        try:
            return sftp.start(connection, own, log)
        except SftpUnavailableError as none:
            log(f"no file access either: {none.detail}")
            raise error from none


def ask_for_root(reader: Reader, root: str) -> Hello:
    """Have a root opened, as a person types it. Raises StartError where nothing answers."""
    try:
        return reader.hello(root)
    except OSError as error:
        raise StartError(f"What reads the server did not answer: {error.strerror or error}.") from error


def readable_or_raise(hello: Hello) -> Hello:
    """Raises RemoteRootMissingError, RemoteRootUnreadableError."""
    if hello.error is not None:
        raise root_error(hello.error, hello.root)
    return hello
