"""The front door: the local port of a session, kept while the tunnel behind it comes and goes.

It is bound before anybody hears of the port, on loopback only, and lets in only connections of this Unix user. While
there is no tunnel it answers 503 itself, so that a page never hangs; who opens the page then is shown one that waits.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from runicorn.errors import LinkDownError, OtherUserError
from runicorn.loopback.gate import Gate
from runicorn.loopback.listening import listen
from runicorn.remote.ssh.interface import Tunnel
from runicorn.remote.ssh.tunnels import waiting_page

# A stranger who knocks without end must not push everything else out of the session's log.
TELL_STRANGERS_EVERY_SECS = 60.0


class Door:
    """A gate in front of a tunnel. `local_port` is known once it is made, None picks one that is free.

    allow_other_users: let in every local user, for containers and reverse proxies. knocked: called, in a thread of the
    door's, when somebody comes while there is no tunnel. server: what people call the other end. Raises PortInUseError.
    """

    def __init__(
        self,
        local_port: int | None,
        *,
        allow_other_users: bool,
        log: Callable[[str], None],
        knocked: Callable[[], None] = lambda: None,
        server: str = "the server",
    ) -> None:
        listeners = listen("127.0.0.1", local_port or 0)
        self.local_port: int = listeners[0].getsockname()[1]
        self._log = log
        self._knocked = knocked
        self._server = server
        self._tunnel: Tunnel | None = None
        self._opening = b""
        self._strangers = 0
        self._strangers_told_at = float("-inf")
        self._gate = Gate(listeners, self._admit, self._refuse, allow_other_users=allow_other_users)

    def lead_to(self, tunnel: Tunnel | None, opening: bytes = b"") -> None:
        """Hand new connections to this tunnel from now on; None while there is none. opening: as in Tunnel.carry."""
        self._tunnel, self._opening = tunnel, opening

    def close(self) -> None:
        """Free the port. Connections that a tunnel carries end with the tunnel."""
        self._gate.close()
        self._tunnel = None  # and with it the connection, and what that logged in with

    def _admit(self, client: socket.socket) -> None:
        tunnel = self._tunnel
        if tunnel is not None and tunnel.alive:
            client.setblocking(True)
            tunnel.carry(client, self._opening)
        else:
            self._gate.hear(client, self._tell_down)
            self._knocked()

    def _refuse(self, stranger: OtherUserError) -> bytes:
        self._strangers += 1
        now = time.monotonic()
        if now - self._strangers_told_at >= TELL_STRANGERS_EVERY_SECS:
            many = "a connection" if self._strangers == 1 else f"{self._strangers} connections"
            self._log(f"refused {many} of another user")
            self._strangers, self._strangers_told_at = 0, now
        return waiting_page.json_answer(stranger)

    def _tell_down(self, head: bytes) -> bytes:
        """Answer what somebody asks while the link is down: a page to people, an error to programs."""
        error = LinkDownError(f"The link to {self._server} is down; it is being restored.")
        if waiting_page.asks_for_page(head):
            return waiting_page.html_answer(error, self._server)
        return waiting_page.json_answer(error)
