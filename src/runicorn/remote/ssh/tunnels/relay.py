"""Moves bytes between pairs of endpoints, all of them in one thread that owns and closes them.

A thread for each direction costs a GIL hand-over a packet (eight streams through Paramiko: 164 MB/s with two threads a
channel, 322 with one selector thread).
"""

from __future__ import annotations

import collections
import contextlib
import selectors
import socket
import threading
from dataclasses import dataclass, field
from typing import Protocol

CHUNK_BYTES = 256 * 1024  # with 1024, as in the usual examples, Paramiko moves 25 MB/s instead of 242
BUFFER_BYTES = 512 * 1024
BLOCKED_POLL_SECS = 0.002


class Endpoint(Protocol):
    """One end of a carried connection, never blocking."""

    def fileno(self) -> int: ...

    def receive(self, size: int) -> bytes | None:
        """Return bytes, b"" at the end, or None if there is nothing yet. Raises OSError if it broke."""

    def send(self, data: bytes) -> int:
        """Send what fits now and return how much that was. Raises OSError if it broke."""

    @property
    def tells_writable(self) -> bool:
        """Whether a selector can tell when more can be sent; if not, it is tried again every 2 ms."""

    def end(self) -> None:
        """Tell the other side that nothing more will come."""

    def close(self) -> None: ...


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

    def send(self, data: bytes) -> int:
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._sock.close()


@dataclass(eq=False)
class _Side:
    """An endpoint, what waits to be sent to it, and how far its own stream has come."""

    endpoint: Endpoint
    pending: collections.deque[bytes] = field(default_factory=collections.deque)
    pending_bytes: int = 0
    ended: bool = False  # nothing more will be read from it
    told: bool = False  # it was told that nothing more will be sent
    peer: _Side = field(init=False)


class Relay:
    """One thread that carries any number of pairs. `close` ends all of them and the thread."""

    def __init__(self, name: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._lock = threading.Lock()
        self._arrived: list[tuple[Endpoint, Endpoint]] = []
        self._sides: set[_Side] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def add(self, first: Endpoint, second: Endpoint) -> None:
        """Carry bytes between the two until either breaks or both have ended. Takes both over."""
        with self._lock:
            if not self._closing:
                self._arrived.append((first, second))
                self._wake()
                return
        first.close()
        second.close()

    def close(self) -> None:
        """End everything and wait for the thread."""
        with self._lock:
            self._closing = True
            self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_write.send(b"x")

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn()
        finally:
            for side in list(self._sides):
                self._drop(side)
            for first, second in self._arrived:
                first.close()
                second.close()
            self._selector.close()
            self._wake_read.close()
            self._wake_write.close()

    def _turn(self) -> None:
        stuck = [side for side in self._sides if side.pending and not side.endpoint.tells_writable]
        for key, events in self._selector.select(BLOCKED_POLL_SECS if stuck else None):
            side: _Side | None = key.data
            if side is None:
                self._take_arrivals()
            elif side in self._sides:
                self._serve(side, events)
        for side in stuck:
            if side in self._sides:
                self._serve(side, selectors.EVENT_WRITE)

    def _take_arrivals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_read.recv(4096)
        with self._lock:
            arrived, self._arrived = self._arrived, []
        for pair in arrived:
            sides = [_Side(endpoint) for endpoint in pair]
            sides[0].peer, sides[1].peer = sides[1], sides[0]
            for side in sides:
                self._sides.add(side)
                self._selector.register(side.endpoint.fileno(), selectors.EVENT_READ, side)

    def _serve(self, side: _Side, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(side)
            if events & selectors.EVENT_READ and not side.ended and side.peer.pending_bytes < BUFFER_BYTES:
                self._pump(side)
        except (OSError, EOFError):
            self._drop(side)
            return
        if side.ended and side.peer.ended and not side.pending and not side.peer.pending:
            self._drop(side)
            return
        self._rewatch(side)
        self._rewatch(side.peer)

    def _pump(self, side: _Side) -> None:
        data = side.endpoint.receive(CHUNK_BYTES)
        if data is None:
            return
        if not data:
            side.ended = True
        else:
            side.peer.pending.append(data)
            side.peer.pending_bytes += len(data)
        self._flush(side.peer)

    def _flush(self, side: _Side) -> None:
        while side.pending:
            data = side.pending[0]
            sent = side.endpoint.send(data)
            side.pending_bytes -= sent
            if sent < len(data):
                side.pending[0] = data[sent:]
                return
            side.pending.popleft()
        if side.peer.ended and not side.told:
            side.told = True
            side.endpoint.end()

    def _rewatch(self, side: _Side) -> None:
        """Watch for what this side can do now; an end that has nothing to say is not watched, or it would spin."""
        wanted = 0
        if not side.ended and side.peer.pending_bytes < BUFFER_BYTES:
            wanted |= selectors.EVENT_READ
        if side.pending and side.endpoint.tells_writable:
            wanted |= selectors.EVENT_WRITE
        number = side.endpoint.fileno()
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
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(each.endpoint.fileno())
            with contextlib.suppress(OSError, EOFError):
                each.endpoint.close()
