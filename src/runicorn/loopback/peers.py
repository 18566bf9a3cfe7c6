"""Whether a connection to one of our loopback ports was made by this Unix user.

Every user of a machine can reach 127.0.0.1 and ::1, from any address that the machine has; on Linux the kernel tells
whose socket is at the other end. Whoever cannot be told there is not let in.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

from runicorn.errors import OtherUserError
from runicorn.loopback import proc_tables, sock_diag
from runicorn.loopback.endpoints import Endpoint
from runicorn.loopback.sock_diag import CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, SocketFacts

Look = Callable[[Endpoint, Endpoint], SocketFacts | None]

# A peer in another state never took part in the connection that we accepted: the same four numbers may belong to
# somebody else by now.
_CONNECTED = (ESTABLISHED, FIN_WAIT1, FIN_WAIT2)


def stranger(sock: socket.socket) -> OtherUserError | None:
    """Return why an accepted connection must not be served, or None where it may be.

    It may be where our end is no loopback address, so that it is not a matter of this machine's users, and where the
    system does not tell whose a connection is (not Linux). Blocking, for some 20 us.
    """
    if sys.platform != "linux":
        return None
    try:
        ours, theirs = Endpoint.of(sock.getsockname()), Endpoint.of(sock.getpeername())
    except (OSError, ValueError):  # it is gone already
        return _unknown()
    if not ours.address.is_loopback:
        return None
    return judge(_find(theirs, ours), os.getuid(), connected=lambda: _is_connected(sock))


def judge(facts: SocketFacts | None, our_uid: int, *, connected: Callable[[], bool]) -> OtherUserError | None:
    """Return why a connection whose other end is this socket must not be served, or None where it may be.

    connected: whether our own end is in order, asked after the other one was looked at. Who resets a connection that
    waits to be accepted leaves what it sent, and its four numbers to the next one; ours is then known as reset.
    """
    if facts is None or not facts.inode or facts.state not in _CONNECTED:
        return _unknown()
    if facts.uid != our_uid:
        return OtherUserError("The connection was made by another user of this machine.")
    return None if connected() else _unknown()


def _find(local: Endpoint, remote: Endpoint) -> SocketFacts | None:
    look: Look = sock_diag.look if sock_diag.available() else proc_tables.look
    try:
        return look(local, remote)
    except OSError:
        return None


def _is_connected(sock: socket.socket) -> bool:
    if sys.platform != "linux":
        return True
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (ESTABLISHED, CLOSE_WAIT)
    except OSError:
        return False


def _unknown() -> OtherUserError:
    return OtherUserError("It cannot be told which user of this machine made the connection.")
