"""The keys that a person's agent holds."""

from __future__ import annotations

import socket
import sys

import paramiko
import paramiko.agent

AGENT_TIMEOUT_SECS = 10.0


def held_by(path: str | None) -> list[paramiko.AgentKey]:
    """Return the keys of the agent behind a socket, or for None of the usual one; none where it does not answer."""
    try:
        return list(_Agent(path).get_keys())
    except (paramiko.SSHException, OSError, EOFError, ValueError):
        return []


class _Agent(paramiko.agent.AgentSSH):
    """The agent behind a socket, or the usual one of this machine."""

    def __init__(self, path: str | None) -> None:
        super().__init__()
        if path is None:
            connection = paramiko.agent.get_agent_connection()
        elif sys.platform == "win32":
            raise OSError("no agent by a socket on Windows")
        else:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(AGENT_TIMEOUT_SECS)
            connection.connect(path)
            connection.settimeout(None)  # a person may have to confirm the use of a key
        if connection is not None:
            self._connect(connection)  # type: ignore[attr-defined]  # not in the stubs
