"""Where a command's output goes once it is followed: on to a sink as it comes, so that the command never waits."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import paramiko

from runicorn.remote.ssh.interface import Sink
from runicorn.remote.ssh.paramiko.messages import widen_window

ACKNOWLEDGE_BYTES = 64 * 1024  # of a window of 2 MiB, which both streams of a command share


class Outlet:
    """Hands bytes on and lets the server send as many again. Works in the transport's thread; there is no other."""

    def __init__(self, channel: paramiko.Channel, sink: Sink, closed: Callable[[], None]) -> None:
        self._channel = channel
        self._sink = sink
        self._closed = closed
        self._taken = 0

    def deliver(self, data: bytes) -> None:
        self._sink.deliver(data)
        self._taken += len(data)
        # Not in the thread that began to follow: it may have to wait for new keys, and the transport then for it.
        if self._taken >= ACKNOWLEDGE_BYTES and threading.current_thread() is self._channel.transport:
            taken, self._taken = self._taken, 0
            with contextlib.suppress(OSError):  # the connection is gone, and all with it
                widen_window(self._channel, taken)

    def finish(self) -> None:
        """Called at the end of the output, and again when the channel is closed."""
        self._sink.finish()
        if self._channel.closed:
            self._closed()
