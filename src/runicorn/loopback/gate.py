"""The gate: a thread that accepts connections, hands on those of this Unix user and sends the others away.

It stands in front of everything we listen with. A stranger's connection costs one look at the kernel and a few hundred
bytes here, and nothing to the event loop behind it, however many there are.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

from runicorn.errors import OtherUserError
from runicorn.loopback import peers
from runicorn.loopback.proof import Trial

LINGER_SECS = 1.0
# A stranger must not use up the descriptors of this process; one more is closed without its answer having arrived.
MAX_LINGERING = 64
# The proof of a session comes one round trip after the connection; a slow and lossy link takes its time for that.
PROOF_SECS = 10.0
MAX_PROVING = 256
CLOSE_TIMEOUT_SECS = 5.0
_AT_ONCE = 64
_READ_BYTES = 65536
_FULL_PAUSE_SECS = 0.05

Admit = Callable[[socket.socket], None]
Refusal = Callable[[OtherUserError], bytes]
Reply = Callable[[bytes], bytes]


class Gate:
    """Owns the listening sockets and the thread that accepts.

    admit: takes over a connection that was let in, a non-blocking socket; called in the gate's thread, which must not
    wait there. refusal: the whole answer for one that was not; smaller than any socket buffer.
    allow_other_users: let in everybody, for containers and reverse proxies. opening: what lets in another user's
    connection that begins with it, see proof.py; b"" for nothing.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        admit: Admit,
        refusal: Refusal,
        *,
        allow_other_users: bool = False,
        opening: bytes = b"",
    ) -> None:
        self._listeners = tuple(listeners)
        self._admit = admit
        self._refusal = refusal
        self._allow_other_users = allow_other_users
        self._opening = opening
        self._proving: dict[socket.socket, tuple[float, OtherUserError, Trial]] = {}  # the oldest first
        self._asking: dict[socket.socket, tuple[float, Reply]] = {}
        self._lingering: dict[socket.socket, float] = {}  # the oldest first
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._closed = False
        name = f"gate-{self._listeners[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def hear(self, client: socket.socket, reply: Reply) -> None:
        """Answer what this client asks within a second, or b"" if it asks nothing. `admit` calls it."""
        self._selector.register(client, selectors.EVENT_READ)
        self._asking[client] = (time.monotonic() + LINGER_SECS, reply)

    def close(self) -> None:
        """Free the port. Connections that were let in are no longer the gate's."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError):
            self._wake_write.send(b"x")
        self._thread.join(CLOSE_TIMEOUT_SECS)

    def _run(self) -> None:
        try:
            for sock in (self._wake_read, *self._listeners):
                sock.setblocking(False)
                self._selector.register(sock, selectors.EVENT_READ)
            while not self._closed:
                pending = self._lingering or self._asking or self._proving
                for key, _ in self._selector.select(LINGER_SECS if pending else None):
                    sock = cast("socket.socket", key.fileobj)
                    self._dropping_what_fails(sock, self._act)
                self._end_overdue()
        finally:
            self._selector.close()
            known = (*self._asking, *self._proving, *self._lingering)
            for sock in (*self._listeners, *known, self._wake_read, self._wake_write):
                sock.close()

    def _dropping_what_fails(self, sock: socket.socket, act: Callable[[socket.socket], None]) -> None:
        try:
            act(sock)
        except Exception:  # noqa: BLE001  the rim of the thread: one connection must not end the gate for all others
            self._drop(sock)

    def _act(self, sock: socket.socket) -> None:
        if sock in self._listeners:
            self._accept(sock)
        elif sock in self._asking:
            self._hear(sock)
        elif sock in self._proving:
            self._hear_proof(sock)
        elif sock in self._lingering:
            self._drain(sock)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            except ConnectionError:  # it was gone before it was accepted
                continue
            except OSError:  # no descriptor is left: those of strangers are given up first
                for waiting in (*self._lingering, *self._proving):
                    self._drop(waiting)
                time.sleep(_FULL_PAUSE_SECS)
                return
            self._dropping_what_fails(client, self._receive)

    def _receive(self, client: socket.socket) -> None:
        client.setblocking(False)
        stranger = None if self._allow_other_users else peers.stranger(client)
        if stranger is None:
            self._admit(client)
            return
        self._selector.register(client, selectors.EVENT_READ)
        if not self._opening:
            self._answer(client, self._refusal(stranger))
            return
        self._proving[client] = (time.monotonic() + PROOF_SECS, stranger, Trial(self._opening))
        if len(self._proving) > MAX_PROVING:
            self._refuse(next(iter(self._proving)))

    def _hear_proof(self, client: socket.socket) -> None:
        trial = self._proving[client][2]
        try:
            proven = trial.hear(client.recv(trial.left))
        except BlockingIOError:
            return
        if proven:
            self._selector.unregister(client)
            del self._proving[client]
            self._admit(client)
        elif proven is not None:
            self._refuse(client)

    def _refuse(self, client: socket.socket) -> None:
        """Send away one that has not proven anything."""
        _, stranger, _ = self._proving.pop(client)
        self._answer(client, self._refusal(stranger))

    def _hear(self, client: socket.socket) -> None:
        try:
            head = client.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            head = b""
        _, reply = self._asking.pop(client)
        if head:
            self._answer(client, reply(head))
        else:
            self._drop(client)

    def _answer_silence(self, client: socket.socket) -> None:
        _, reply = self._asking.pop(client)
        self._answer(client, reply(b""))

    def _answer(self, client: socket.socket, answer: bytes) -> None:
        """Send this and end our direction. The thread never waits for the client, however slow it is."""
        try:
            client.send(answer)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(client)
            return
        # Closing with unread input would send a reset, which can overtake the answer: read on for a moment.
        self._lingering[client] = time.monotonic() + LINGER_SECS
        if len(self._lingering) > MAX_LINGERING:
            self._drop(next(iter(self._lingering)))

    def _drain(self, client: socket.socket) -> None:
        try:
            if client.recv(_READ_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(client)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for client, (until, _) in list(self._asking.items()):
            if until <= now:
                self._dropping_what_fails(client, self._answer_silence)
        for client, (until, *_) in list(self._proving.items()):
            if until > now:
                break
            self._dropping_what_fails(client, self._refuse)
        for client, until in list(self._lingering.items()):
            if until > now:
                break
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        self._lingering.pop(client, None)
        self._asking.pop(client, None)
        self._proving.pop(client, None)
        client.close()
