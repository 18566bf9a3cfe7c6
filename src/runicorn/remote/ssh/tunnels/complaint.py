"""Why a tunnel carried nothing, in the server's words."""

from __future__ import annotations

import time

from runicorn.remote.ssh.interface import Tunnel

WAIT_SECS = 0.5
POLL_SECS = 0.01


def complaint_of(tunnel: Tunnel) -> str:
    """Return what the server last said when it refused a carried connection; "" if it said nothing.

    `ssh` says it on another way than the one that it then closes, so the words may come a moment later.
    """
    until = time.monotonic() + WAIT_SECS
    while not tunnel.complaint and time.monotonic() < until:
        time.sleep(POLL_SECS)
    return tunnel.complaint
