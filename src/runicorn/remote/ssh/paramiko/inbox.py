"""What a channel receives: kept until somebody reads it, or handed on as it comes, by the transport's own thread.

Waking another thread for each packet costs a GIL hand-over: 385 MB/s through a forward, and 30 % more when the thread
that decrypted a packet also hands it on.
"""

from __future__ import annotations

import array
import threading
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.buffered_pipe import BufferedPipe
from paramiko.transport import ChannelMap

from runicorn.remote.ssh.interface import Sink

if TYPE_CHECKING:
    Pipe = BufferedPipe[bytes]  # generic in the stubs only
else:
    Pipe = BufferedPipe


class Inbox(Pipe):
    """A channel's `in_buffer` or `in_stderr_buffer`, which can be led on to a sink, at any time, without losing or
    reordering a byte."""

    _lock: threading.Lock  # these three are Paramiko's
    _buffer: array.array[int]
    _closed: bool

    def __init__(self) -> None:
        super().__init__()
        self._sink: Sink | None = None

    def lead_to(self, sink: Sink) -> None:
        """Hand on what came so far, and all that comes from now on."""
        with self._lock:
            if len(self._buffer):
                sink.deliver(self._buffer.tobytes())
                del self._buffer[:]
            self._sink = sink
            if self._closed:
                sink.finish()

    def _buffer_frombytes(self, data: bytes) -> None:  # called by feed(), which holds the lock
        if self._sink is None:
            super()._buffer_frombytes(data)  # type: ignore[misc]  # not in the stubs
        else:
            self._sink.deliver(data)

    def close(self) -> None:
        super().close()
        if self._sink is not None:
            self._sink.finish()


class ChannelsWithInboxes(ChannelMap):
    """The transport's channels, each given inboxes before the server hears of it."""

    def put(self, chanid: int, chan: Any) -> None:
        chan.in_buffer = Inbox()
        chan.in_stderr_buffer = Inbox()
        super().put(chanid, chan)


def inbox_of(channel: paramiko.Channel) -> Inbox:
    """Return the inbox of a channel that one of our transports opened."""
    inbox = channel.in_buffer
    assert isinstance(inbox, Inbox)
    return inbox


def stderr_inbox_of(channel: paramiko.Channel) -> Inbox:
    inbox = channel.in_stderr_buffer
    assert isinstance(inbox, Inbox)
    return inbox
