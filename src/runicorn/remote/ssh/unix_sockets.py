"""Unix sockets in private folders, by which `ssh` and we speak; where there are none, an OSError says so."""

from __future__ import annotations

import socket
import sys

REACH_TIMEOUT_SECS = 5.0


def unix_socket() -> socket.socket:
    """Return a new Unix socket. Raises OSError on Windows, whose ssh uses none."""
    if sys.platform == "win32":
        raise OSError("there are no Unix sockets here")
    return socket.socket(socket.AF_UNIX)


def reach(path: str) -> socket.socket:
    """Return a Unix socket that is connected to who listens at this path. Raises OSError."""
    sock = unix_socket()
    try:
        sock.settimeout(REACH_TIMEOUT_SECS)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock
