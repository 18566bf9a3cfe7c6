"""The front door: the local port of a session, kept while the tunnel behind it comes and goes.

It is bound before anybody hears of the port, on loopback only, and lets in only connections of this Unix user. While
there is no tunnel it answers 503 itself, so that a page never hangs.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import socket
import sys
import threading
from collections.abc import Callable

from runicorn.errors import OtherUserError, PortInUseError
from runicorn.loopback import belongs_to_this_user
from runicorn.remote.ssh.interface import Tunnel

BACKLOG = 128
RETRY_AFTER_SECS = 1
ANSWER_TIMEOUT_SECS = 2.0
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


class Door:
    """Owns the listening sockets and the thread that accepts. `local_port` is known once it is made.

    allow_other_users: let in every local user, for containers and reverse proxies.
    """

    def __init__(self, local_port: int | None, *, allow_other_users: bool, log: Callable[[str], None]) -> None:
        self._listeners = _listen(local_port)
        self.local_port: int = self._listeners[0].getsockname()[1]
        self._allow_other_users = allow_other_users
        self._log = log
        self._tunnel: Tunnel | None = None
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
            selector.register(self._wake_read, selectors.EVENT_READ)
            for listener in self._listeners:
                selector.register(listener, selectors.EVENT_READ)
            while not self._closed:
                for key, _ in selector.select():
                    if isinstance(key.fileobj, socket.socket) and key.fileobj is not self._wake_read:
                        self._accept(key.fileobj)
        for sock in (*self._listeners, self._wake_read, self._wake_write):
            sock.close()

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        tunnel = self._tunnel
        if not (self._allow_other_users or belongs_to_this_user(client)):
            error = OtherUserError("This port belongs to another user of this machine.")
            self._log("refused a connection of another user")
            _answer(client, 403, "Forbidden", error.code, error.detail, error.hint)
        elif tunnel is None or not tunnel.alive:
            _answer(
                client,
                503,
                "Service Unavailable",
                "LINK_DOWN",
                "The link to the server is down; it is being restored.",
                "Wait; the page goes on by itself.",
            )
        else:
            tunnel.carry(client)


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


def _answer(client: socket.socket, status: int, phrase: str, code: str, detail: str, hint: str) -> None:
    """Answer any request with this error and close."""
    body = json.dumps({"detail": detail, "code": code, "hint": hint}).encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Retry-After: {RETRY_AFTER_SECS}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    with contextlib.suppress(OSError), client:
        client.settimeout(ANSWER_TIMEOUT_SECS)
        client.sendall(head.encode() + body)
        client.shutdown(socket.SHUT_WR)
        # Closing with unread input would send a reset, which can overtake the answer.
        with contextlib.suppress(TimeoutError):
            client.settimeout(0.2)
            while client.recv(4096):
                pass
