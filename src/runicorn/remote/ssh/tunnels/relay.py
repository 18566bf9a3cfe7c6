"""Moves bytes between pairs of endpoints, all of them in one thread that owns and closes them.

A thread for each direction costs a GIL hand-over a packet (eight streams through Paramiko: 164 MB/s with two threads a
channel, 322 with one selector thread). For the same reason a source that has a thread of its own pushes its bytes: that
thread sends at once what fits, and leaves to the relay's thread only what does not.
"""

from __future__ import annotations

import collections
import contextlib
import selectors
import socket
import threading
from typing import Protocol

CHUNK_BYTES = 256 * 1024  # with 1024, as in the usual examples, Paramiko moves 25 MB/s instead of 242
BUFFER_BYTES = 512 * 1024
BLOCKED_POLL_SECS = 0.002


class Endpoint(Protocol):
    """One end of a carried connection, never blocking."""

    @property
    def tells_writable(self) -> bool:
        """Whether a selector can tell when more can be sent; if not, it is tried again every 2 ms."""

    def send(self, data: bytes | memoryview) -> int:
        """Send what fits now and return how much that was. Raises OSError if it broke."""

    def end(self) -> None:
        """Tell the other side that nothing more will come."""

    def close(self) -> None: ...


class PolledEndpoint(Endpoint, Protocol):
    """An endpoint that a selector watches."""

    def fileno(self) -> int: ...

    def receive(self, size: int) -> bytes | None:
        """Return bytes, b"" at the end, or None if there is nothing yet. Raises OSError if it broke."""


class PushingEndpoint(Endpoint, Protocol):
    """An endpoint whose bytes come by a thread of its own."""

    def push_to(self, inlet: Inlet) -> None:
        """Hand in what has come, and all that will come."""

    def took(self, size: int) -> bool:
        """Count bytes that the other end has taken, from any thread; return whether `acknowledge` is due."""

    def acknowledge(self) -> None:
        """Let as much come again as was taken. Called by the relay's thread. Raises OSError if it broke."""


class SocketEndpoint:
    """A TCP or Unix socket."""

    tells_writable = True

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive(self, size: int) -> bytes | None:
        try:
            return self._sock.recv(size)
        except (BlockingIOError, InterruptedError):
            return None

    def send(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._sock.close()


class _Side:
    """An endpoint, what waits to be sent to it, and how far its own stream has come.

    Whatever sends to the endpoint or closes it holds `_lock`: the relay's thread, or one that pushes.
    """

    def __init__(self, polled: PolledEndpoint | None, pushing: PushingEndpoint | None, opening: bytes = b"") -> None:
        endpoint = polled or pushing
        assert endpoint is not None
        self.polled = polled
        self.pushing = pushing
        self.endpoint: Endpoint = endpoint
        self.peer: _Side
        self.ended = False  # nothing more will be read from it
        self.told = False  # it was told that nothing more will be sent
        self.pending_bytes = len(opening)
        self._pending: collections.deque[memoryview] = collections.deque([memoryview(opening)] if opening else ())
        self._broken = False
        self._lock = threading.Lock()

    def send(self, data: bytes) -> bool:
        """Send what fits and keep the rest; return whether the relay's thread has something to do about it."""
        with self._lock:
            if self._broken:
                return False
            sent = 0
            if not self._pending:
                try:
                    sent = self.endpoint.send(data)
                except OSError:
                    self._broken = True
                    return True
            if sent < len(data):
                self._pending.append(memoryview(data)[sent:])
                self.pending_bytes += len(data) - sent
        return self._count(sent) or sent < len(data)

    def send_pending(self) -> None:
        """Send what waits, as far as it fits. Raises OSError."""
        sent = 0
        with self._lock:
            if self._broken:
                raise OSError("this end broke")
            while self._pending:
                data = self._pending[0]
                size = self.endpoint.send(data)
                sent += size
                self.pending_bytes -= size
                if size < len(data):
                    self._pending[0] = data[size:]
                    break
                self._pending.popleft()
        self._count(sent)

    def close(self) -> None:
        with self._lock:  # the number of a closed socket can be another connection's at once
            self._broken = True
            with contextlib.suppress(OSError, EOFError):
                self.endpoint.close()

    def _count(self, sent: int) -> bool:
        return self.peer.pushing is not None and sent > 0 and self.peer.pushing.took(sent)


class Inlet:
    """Where a pushing endpoint's own thread hands its bytes in. Never waits."""

    def __init__(self, relay: Relay, source: _Side) -> None:
        self._relay = relay
        self._source = source

    def deliver(self, data: bytes) -> None:
        if self._source.peer.send(data):
            self._relay.look_after(self._source)

    def finish(self) -> None:
        """Nothing more will come. May be called twice."""
        self._source.ended = True
        self._relay.look_after(self._source)


class Relay:
    """One thread that carries any number of pairs. `close` ends all of them and the thread."""

    def __init__(self, name: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._lock = threading.Lock()
        self._arrived: list[_Side] = []
        self._called: set[_Side] = set()
        self._sides: set[_Side] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def add(self, first: PolledEndpoint, second: PolledEndpoint, opening: bytes = b"") -> None:
        """Carry bytes between the two until either breaks or both have ended. Takes both over.

        opening: what the second one is sent before all else.
        """
        self._add(_Side(first, None), _Side(second, None, opening))

    def add_pushing(self, first: PolledEndpoint, second: PushingEndpoint, opening: bytes = b"") -> None:
        """The same, where the second's bytes come by a thread of its own."""
        self._add(_Side(first, None), _Side(None, second, opening))

    def look_after(self, side: _Side) -> None:
        """Have the relay's thread do what is to be done for this pair. From any thread."""
        with self._lock:
            if not self._called:
                self._wake()
            self._called.add(side)

    def close(self) -> None:
        """End everything and wait for the thread."""
        with self._lock:
            self._closing = True
            self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _add(self, first: _Side, second: _Side) -> None:
        first.peer, second.peer = second, first
        with self._lock:
            if not self._closing:
                self._arrived += (first, second)
                self._wake()
                return
        first.close()
        second.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_write.send(b"x")

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        finally:
            for side in [*self._sides, *self._arrived]:
                side.close()
            self._selector.close()
            self._wake_read.close()
            self._wake_write.close()

    def _turn(self) -> None:
        stuck = [side for side in self._sides if side.pending_bytes and not side.endpoint.tells_writable]
        for key, events in self._selector.select(BLOCKED_POLL_SECS if stuck else None):
            side: _Side | None = key.data
            if side is None:
                self._answer_calls()
            else:
                self._serve(side, readable=bool(events & selectors.EVENT_READ))
        for side in stuck:
            self._serve(side)

    def _answer_calls(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)
        with self._lock:
            arrived, self._arrived = self._arrived, []
            called, self._called = self._called, set()
        self._sides.update(arrived)
        for side in arrived:
            if side.polled is not None:
                self._selector.register(side.polled.fileno(), selectors.EVENT_READ, side)
            if side.pushing is not None:
                side.pushing.push_to(Inlet(self, side))
        for side in (*called, *(each for each in arrived if each.pending_bytes)):
            self._serve(side)

    def _serve(self, side: _Side, *, readable: bool = False) -> None:
        """Move on what can move in this pair."""
        if side not in self._sides:
            return
        try:
            if readable and side.polled is not None and not side.ended and side.peer.pending_bytes < BUFFER_BYTES:
                self._receive(side, side.polled)
            for each in (side, side.peer):
                each.send_pending()
                if each.pushing is not None:
                    each.pushing.acknowledge()
                if each.peer.ended and not each.pending_bytes and not each.told:
                    each.told = True
                    each.endpoint.end()
        except (OSError, EOFError):
            self._drop(side)
            return
        if side.told and side.peer.told:
            self._drop(side)
            return
        self._rewatch(side)
        self._rewatch(side.peer)

    def _receive(self, side: _Side, endpoint: PolledEndpoint) -> None:
        data = endpoint.receive(CHUNK_BYTES)
        if data:
            side.peer.send(data)
        elif data is not None:
            side.ended = True

    def _rewatch(self, side: _Side) -> None:
        """Watch for what this side can do now; an end that has nothing to say is not watched, or it would spin."""
        if side.polled is None:
            return
        wanted = 0
        if not side.ended and side.peer.pending_bytes < BUFFER_BYTES:
            wanted |= selectors.EVENT_READ
        if side.pending_bytes and side.endpoint.tells_writable:
            wanted |= selectors.EVENT_WRITE
        number = side.polled.fileno()
        watched = self._selector.get_map().get(number)
        if watched is None:
            if wanted:
                self._selector.register(number, wanted, side)
        elif not wanted:
            self._selector.unregister(number)
        elif watched.events != wanted:
            self._selector.modify(number, wanted, side)

    def _drop(self, side: _Side) -> None:
        for each in (side, side.peer):
            self._sides.discard(each)
            if each.polled is not None:
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(each.polled.fileno())
            each.close()
