"""While a server takes its time with a login, the system looks whether it is still there: SSH has no such question yet.

Without it, a link that dies in silence meanwhile would be found out by the login's own limit only, which is long.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

IDLE_SECS = 5
EVERY_SECS = 5
PROBES = 3
UNHEARD_SECS = IDLE_SECS + EVERY_SECS * PROBES

# None of these is known everywhere.
_OPTIONS = {
    "TCP_KEEPIDLE": IDLE_SECS,
    "TCP_KEEPINTVL": EVERY_SECS,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": UNHEARD_SECS * 1000,
}


@contextlib.contextmanager
def noticed(sock: Any) -> Iterator[None]:
    """Have a connection end within 20 s of the last sign of the other side. sock: may be a channel, which knows no such
    thing: it ends with the link that carries it.
    """
    _set(sock, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        _set(sock, socket.IPPROTO_TCP, getattr(socket, name, None), value)
    try:
        yield
    finally:
        _set(sock, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
        _set(sock, socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", None), 0)


def _set(sock: Any, level: int, option: int | None, value: int) -> None:
    if option is not None:
        with contextlib.suppress(OSError, AttributeError):
            sock.setsockopt(level, option, value)
