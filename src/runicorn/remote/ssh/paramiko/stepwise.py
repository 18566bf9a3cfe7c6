"""The way to a connection one step at a time, for somebody who wants to see each: host key, methods, login."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runicorn.remote.asking.question import Asker
from runicorn.remote.names.way import Way
from runicorn.remote.ssh.carriers import dial_first
from runicorn.remote.ssh.dialing import DialedSocket
from runicorn.remote.ssh.paramiko.connection import ParamikoConnection, connect_before
from runicorn.remote.ssh.paramiko.handshake import Own, Transport, verified_transport
from runicorn.remote.ssh.paramiko.login import AUTH_TIMEOUT_SECS, allowed_methods, log_in
from runicorn.remote.ssh.paramiko.offers import Offers
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.known_hosts import HostKey
from runicorn.remote.trust.target import Credentials


def reach(
    way: Way, credentials: Credentials, host_keys: HostKeyFile, home: Path, own: Own, asker: Asker | None
) -> Callable[[Progress], DialedSocket]:
    """Log in to the hops before the last one, and return what opens a stream to that. Raises what `connect` raises.

    own: is given what is opened, to close it at the end.
    """
    before = connect_before(way, credentials, host_keys, Progress(), home, own, asker)
    dial = dial_first if before is None else before.dial
    return lambda progress: dial(way.last, progress)


def meet(way: Way, host_keys: HostKeyFile, dial: Callable[[Progress], DialedSocket]) -> Introduction:
    """Return a server whose host key is known, before the login. Raises what `verified_transport` raises."""
    transport, host_key = verified_transport(
        way.last, host_keys.entries(), Progress(), dial=lambda _, progress: dial(progress)
    )
    return Introduction(way, transport, host_key)


class Introduction:
    """A server that has proved who it is, to whom nobody has. Close it, or the connection that came of it."""

    def __init__(self, way: Way, transport: Transport, host_key: HostKey) -> None:
        self.host_key = host_key
        self._way = way
        self._transport = transport

    def log_in(
        self, credentials: Credentials, home: Path, asker: Asker | None = None
    ) -> tuple[ParamikoConnection, str, list[str]]:
        """Return the connection, what was accepted, and what the server says it accepts. Raises what `connect` raises.

        The methods are asked first: a refused login may be the last thing that a server lets one do.
        """
        offers = Offers(credentials, self._way.last, home)
        self._transport.auth_timeout = AUTH_TIMEOUT_SECS
        target = self._way.last.target
        methods = allowed_methods(self._transport, target.username)
        used = [""]
        login = log_in(self._transport, target, offers, used.append, asker)
        return ParamikoConnection(target, login, self.host_key, self._transport, self._way), used[-1], methods

    def close(self) -> None:
        self._transport.close()
