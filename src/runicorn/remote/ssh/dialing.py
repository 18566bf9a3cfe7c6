"""The TCP connection to an SSH server: resolve, connect, and remember what the other side said first."""

from __future__ import annotations

import contextlib
import errno
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from runicorn.errors import (
    ConnectError,
    ConnectionRefusedByHostError,
    ConnectionTimeoutError,
    DnsFailedError,
    HostUnreachableError,
)
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.target import Target

RESOLVE_TIMEOUT_SECS = 10.0
CONNECT_TIMEOUT_SECS = 10.0
SILENCE_SECS = 3.0
HTTP_PROBE_TIMEOUT_SECS = 2.0
# Paramiko reads a packet's first 16 bytes and then its rest, each by a system call of its own that gives up the GIL.
READ_AHEAD_BYTES = 256 * 1024
FIRST_BYTES_KEPT = 8192  # the version line and the first packet, whose lists take about 1.5 kB


class Stream(Protocol):
    """What carries an SSH connection: a socket, or a channel of the hop before. Paramiko asks for these."""

    def recv(self, size: int, /) -> bytes: ...

    def send(self, data: bytes, /) -> int: ...

    def settimeout(self, secs: float | None, /) -> None: ...

    def close(self) -> None: ...


class DialedSocket:
    """A connected stream that remembers the first bytes received, so that a non-SSH server can be told.

    Paramiko sets no socket option itself; without TCP_NODELAY its packets wait for Nagle (64 -> 21 ms to log in on
    loopback), and TCP_QUICKACK spares the server's Nagle 40 ms on the first command.
    """

    def __init__(self, sock: Stream, speaks_http: Callable[[], bool] = lambda: False) -> None:
        """speaks_http: finds out whether a web server is there, by a connection of its own."""
        self._sock = sock
        self.speaks_http = speaks_http
        self.first_bytes = b""
        self.ended = False
        self.is_web_server = False
        self._closed = False  # Paramiko asks for it by this name, as sockets have it
        self._ahead = memoryview(b"")
        self._quickack: int | None = None
        if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._quickack = getattr(socket, "TCP_QUICKACK", None)

    def recv(self, size: int) -> bytes:
        """Return what was read ahead, or the next bytes of the socket; b"" at the end."""
        if not self._ahead:
            self._ahead = memoryview(self._receive(max(size, READ_AHEAD_BYTES)))
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return bytes(taken)

    def unread(self, data: bytes) -> None:
        """Have bytes that were looked at received once more."""
        self._ahead = memoryview(data + bytes(self._ahead))

    def _receive(self, size: int) -> bytes:
        try:
            data = self._sock.recv(size)
        except TimeoutError:
            raise
        except OSError:
            self.ended = True
            raise
        if len(self.first_bytes) < FIRST_BYTES_KEPT:
            self.first_bytes += data[:FIRST_BYTES_KEPT]
        self.ended = self.ended or not data
        if self._quickack is not None and isinstance(self._sock, socket.socket):
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, self._quickack, 1)
        return data

    def close(self) -> None:
        """Close, but first take what the other side said before it hung up on us: a refusal gives its reason there."""
        if not self.first_bytes:
            with contextlib.suppress(OSError):
                self._sock.settimeout(0.0)
                self.first_bytes = self._sock.recv(FIRST_BYTES_KEPT)
        self._closed = True
        self._sock.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


@contextlib.contextmanager
def hang_up_on_web_servers(sock: DialedSocket) -> Iterator[None]:
    """While the other side says nothing, find out once whether it waits for HTTP; then close the socket and say so.

    An SSH server speaks first, so this costs a working connection nothing.
    """

    def look() -> None:
        if not sock.first_bytes and sock.speaks_http():
            sock.is_web_server = True
            sock.close()

    timer = threading.Timer(SILENCE_SECS, look)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def dial(target: Target, progress: Progress) -> DialedSocket:
    """Return a socket connected to the target. Raises the ConnectError that names the cause, within 20 s."""
    with progress.stage("resolve") as tell:
        addresses = resolve(target)
        tell(str(addresses[0][4][0]))
    with progress.stage("tcp") as tell:
        sock = connect(target, addresses)
        tell(f"port {target.port}")
    return DialedSocket(sock, lambda: speaks_http(target))


def speaks_http(target: Target) -> bool:
    """Whether a web server is there. Asked only after a failure: it may have hung up on SSH without a word."""
    try:
        with socket.create_connection((target.host, target.port), timeout=HTTP_PROBE_TIMEOUT_SECS) as sock:
            sock.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return sock.recv(5) == b"HTTP/"
    except OSError:
        return False


def resolve(target: Target) -> list[Any]:
    """Return what getaddrinfo does. In a thread of its own: it takes no limit, and some resolvers hang for minutes."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name=f"resolve-{target.host}", daemon=True).start()
    try:
        answer = answers.get(timeout=RESOLVE_TIMEOUT_SECS)
    except queue.Empty:
        raise DnsFailedError(f"Looking up {target.host} took longer than {RESOLVE_TIMEOUT_SECS:.0f} s.") from None
    if isinstance(answer, Exception):
        raise DnsFailedError(f"The name {target.host} could not be resolved: {_reason(answer)}.") from answer
    return list(answer)


def connect(target: Target, addresses: list[Any]) -> socket.socket:
    """Return a socket connected to one of the addresses, tried in order within one limit. Raises ConnectError."""
    deadline = time.monotonic() + CONNECT_TIMEOUT_SECS
    last: OSError | None = None
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        # An address that does not answer must not eat the time of the next one.
        sock.settimeout(left if position == len(addresses) - 1 else left / 2)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
            continue
        sock.settimeout(None)
        return sock
    raise _connect_error(target, last or TimeoutError())


def _connect_error(target: Target, error: OSError) -> ConnectError:
    where = f"{target.host} port {target.port}"
    if isinstance(error, ConnectionRefusedError):
        return ConnectionRefusedByHostError(f"{where} refused the connection.")
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return ConnectionTimeoutError(f"{where} did not answer within {CONNECT_TIMEOUT_SECS:.0f} s.")
    return HostUnreachableError(f"{where} cannot be reached: {_reason(error)}.")


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
