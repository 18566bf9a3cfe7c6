"""What can read the folder over there, tried out one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runicorn.errors import StartError
from runicorn.remote.server.agent import client
from runicorn.remote.server.reading import root_error
from runicorn.remote.server.sftp import client as sftp
from runicorn.remote.ssh.interface import Connection

ANSWER_TIMEOUT_SECS = 15.0
DEFAULT_ROOT = "~/runicorn_data"


@dataclass
class Ways:
    """viewer: which one can be started, "" for none. is_carried: whether a tunnel leads to it."""

    viewer: str = ""
    is_carried: bool = False
    agent: bool = False
    sftp: bool = False

    @property
    def needs_no_tunnel(self) -> bool:
        return self.agent or self.sftp

    def try_agent(self, connection: Connection, own: Callable[[Any], Any], root: str | None) -> str:
        """Start an agent, and end it; return who answered. Raises what starting it raises, and StartError."""
        agent = client.start(connection, own, _drop)
        try:
            what, took_ms = agent.hello(root or "~").what, agent.answers(ANSWER_TIMEOUT_SECS)
        except OSError as error:
            raise StartError(f"It did not answer: {error.strerror or error}.") from error
        finally:
            agent.close()
        self.agent = True
        return f"{what.removeprefix('agent on ')}, answers in {took_ms:.0f} ms"

    def chosen(
        self, connection: Connection, own: Callable[[Any], Any], root: str | None, *, named: bool = False
    ) -> str:
        """Return what a session takes that is told nothing else. Raises StartError where nothing is there.

        named: whether a person names the environment whose viewer it shall be.
        """
        if self.agent and not (named and self.viewer and self.is_carried):
            return "an agent, in memory; nothing is installed over there, and nothing left"
        if self.viewer and self.is_carried:
            return f"a viewer over there: {self.viewer}"
        if not self.sftp:
            raise StartError(
                "Nothing can read the folder: no command runs over there, and there is no SFTP.",
                hint="Ask whoever runs the server for one of the two.",
            )
        reader = sftp.start(connection, own, _drop)
        try:
            hello = reader.hello(root or DEFAULT_ROOT)
        finally:
            reader.close()
        if hello.error is not None:  # no command could tell
            raise root_error(hello.error, hello.root)
        return "SFTP alone; nothing runs over there"


def _drop(line: str) -> None:
    """A log for what the findings tell anyway."""
