"""The way to a connection one step at a time, for somebody who wants to see each: host key, methods, login."""

from __future__ import annotations

from pathlib import Path

from runicorn.remote.asking.question import Asker
from runicorn.remote.ssh.paramiko.connection import ParamikoConnection
from runicorn.remote.ssh.paramiko.handshake import Transport, verified_transport
from runicorn.remote.ssh.paramiko.login import AUTH_TIMEOUT_SECS, Offers, allowed_methods, log_in
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.known_hosts import HostKey
from runicorn.remote.trust.target import Credentials, Target


def meet(target: Target, host_keys: HostKeyFile) -> Introduction:
    """Return a server whose host key is known, before the login. Raises what `verified_transport` raises."""
    transport, host_key = verified_transport(target, host_keys.entries(), Progress())
    return Introduction(target, transport, host_key)


class Introduction:
    """A server that has proved who it is, to whom nobody has. Close it, or the connection that came of it."""

    def __init__(self, target: Target, transport: Transport, host_key: HostKey) -> None:
        self.host_key = host_key
        self._target = target
        self._transport = transport

    def log_in(
        self, credentials: Credentials, home: Path, asker: Asker | None = None
    ) -> tuple[ParamikoConnection, str, list[str]]:
        """Return the connection, what was accepted, and what the server says it accepts. Raises what `connect` raises.

        The methods are asked first: a refused login may be the last thing that a server lets one do.
        """
        offers = Offers(credentials, home)
        self._transport.auth_timeout = AUTH_TIMEOUT_SECS
        methods = allowed_methods(self._transport, self._target.username)
        used = [""]
        login = log_in(self._transport, self._target, offers, used.append, asker)
        return ParamikoConnection(self._target, login, self.host_key, self._transport), used[-1], methods

    def close(self) -> None:
        self._transport.close()
