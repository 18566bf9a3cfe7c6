"""The front door: the local port of a session, kept while the tunnel behind it comes and goes.

It is bound before anybody hears of the port, on loopback only, and lets in only connections of this Unix user. While
there is no tunnel it answers 503 itself, so that a page never hangs; who opens the page then is shown one that waits.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import cast

from runicorn.errors import LinkDownError, PortInUseError
from runicorn.loopback import other_user
from runicorn.remote.ssh.interface import Tunnel
from runicorn.remote.ssh.tunnels import waiting_page

BACKLOG = 128
LINGER_SECS = 1.0
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


class Door:
    """Owns the listening sockets and the thread that accepts. `local_port` is known once it is made.

    allow_other_users: let in every local user, for containers and reverse proxies. knocked: called, in a thread of the
    door's, when somebody comes while there is no tunnel. server: what people call the other end.
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
        self._listeners = _listen(local_port)
        self.local_port: int = self._listeners[0].getsockname()[1]
        self._allow_other_users = allow_other_users
        self._log = log
        self._knocked = knocked
        self._server = server
        self._asking: dict[socket.socket, float] = {}
        self._tunnel: Tunnel | None = None
        self._lingering: dict[socket.socket, float] = {}
        self._wake_read, self._wake_write = socket.socketpair()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"door-{self.local_port}", daemon=True)
        self._thread.start()

    def lead_to(self, tunnel: Tunnel | None) -> None:
        """Hand new connections to this tunnel from now on; None while there is none."""
        self._tunnel = tunnel

    def close(self) -> None:
        """Free the port. Connections that a tunnel carries end with the tunnel."""
        if self._closed:
            return
        self._closed = True
        self._wake_write.send(b"x")
        self._thread.join(5.0)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for sock in (self._wake_read, *self._listeners):
                selector.register(sock, selectors.EVENT_READ)
            while not self._closed:
                for key, _ in selector.select(LINGER_SECS if self._lingering or self._asking else None):
                    sock = cast("socket.socket", key.fileobj)
                    if sock in self._listeners:
                        self._accept(sock, selector)
                    elif sock in self._asking:
                        self._hear(sock, selector)
                    elif sock is not self._wake_read:
                        self._linger(sock, selector)
                self._end_lingering(selector)
        for sock in (*self._listeners, *self._asking, *self._lingering, self._wake_read, self._wake_write):
            sock.close()

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        try:
            client, peer = listener.accept()
            stranger = None if self._allow_other_users else other_user(client.getsockname(), peer)
        except OSError:
            return
        tunnel = self._tunnel
        if stranger is not None:
            self._log("refused a connection of another user")
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ)
            self._refuse(client, waiting_page.json_answer(stranger), selector)
        elif tunnel is None or not tunnel.alive:
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ)
            self._asking[client] = time.monotonic() + LINGER_SECS
            self._knocked()
        else:
            tunnel.carry(client)

    def _hear(self, client: socket.socket, selector: selectors.BaseSelector) -> None:
        """Answer what somebody asks while the link is down: a page to people, an error to programs."""
        try:
            head = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            head = b""
        if not head:
            self._drop(client, selector)
            return
        self._tell_down(client, head, selector)

    def _tell_down(self, client: socket.socket, head: bytes, selector: selectors.BaseSelector) -> None:
        error = LinkDownError(f"The link to {self._server} is down; it is being restored.")
        wants_page = waiting_page.asks_for_page(head)
        answer = waiting_page.html_answer(error, self._server) if wants_page else waiting_page.json_answer(error)
        self._asking.pop(client, None)
        self._refuse(client, answer, selector)

    def _refuse(self, client: socket.socket, answer: bytes, selector: selectors.BaseSelector) -> None:
        """Send this answer. The thread never waits for the client, however slow it is."""
        try:
            client.send(answer)  # smaller than any socket buffer
            client.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(client, selector)
            return
        # Closing with unread input would send a reset, which can overtake the answer: read on for a moment.
        self._lingering[client] = time.monotonic() + LINGER_SECS

    def _linger(self, client: socket.socket, selector: selectors.BaseSelector) -> None:
        try:
            if client.recv(65536):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(client, selector)

    def _end_lingering(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        for client in [client for client, until in self._asking.items() if until <= now]:
            self._tell_down(client, b"", selector)
        for client in [client for client, until in self._lingering.items() if until <= now]:
            self._drop(client, selector)

    def _drop(self, client: socket.socket, selector: selectors.BaseSelector) -> None:
        selector.unregister(client)
        self._lingering.pop(client, None)
        self._asking.pop(client, None)
        client.close()


def _listen(local_port: int | None) -> list[socket.socket]:
    """Return listeners on 127.0.0.1 and, where this machine has it, ::1, so that `localhost` is nobody else's.

    Raises PortInUseError if the port was asked for and is taken.
    """
    first = _bind(socket.AF_INET, "127.0.0.1", local_port or 0)
    port = first.getsockname()[1]
    listeners = [first]
    if socket.has_ipv6:
        try:
            listeners.append(_bind(socket.AF_INET6, "::1", port))
        except PortInUseError:
            if local_port is None:  # a port that is free on both is easily found
                first.close()
                return _listen(None)
            first.close()
            raise
        except OSError:
            pass  # this machine has no IPv6 loopback
    return listeners


def _bind(family: int, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno in _TAKEN:
            raise PortInUseError(f"The local port {port} cannot be used: {error.strerror}.") from error
        raise
    return sock
