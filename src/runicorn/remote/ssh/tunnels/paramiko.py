"""The tunnel inside the connection that is there already: Paramiko channels. Always available."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable

import paramiko

from runicorn.errors import RemoteError
from runicorn.remote.ssh.interface import TunnelRefusedError, TunnelRequest
from runicorn.remote.ssh.paramiko import ParamikoConnection
from runicorn.remote.ssh.paramiko.inbox import inbox_of
from runicorn.remote.ssh.paramiko.messages import widen_window
from runicorn.remote.ssh.tunnels.relay import Inlet, Relay, SocketEndpoint

ACKNOWLEDGE_BYTES = 256 * 1024  # of a window of 2 MiB
SEND_BYTES = 128 * 1024  # at most one packet goes out at a time
OPENERS = 4  # opening a channel waits for a round trip; a page opens up to six connections at once


def open_tunnel(request: TunnelRequest) -> ParamikoTunnel:
    """Return a tunnel over the connection's own transport. Raises TunnelRefusedError if it is no Paramiko one."""
    if not isinstance(request.connection, ParamikoConnection):
        raise TunnelRefusedError("the connection is not carried by Paramiko")
    return ParamikoTunnel(request.connection, request.remote_port, request.log)


class ParamikoTunnel:
    """See interface.Tunnel. The transport's thread and one for the bytes, a few threads to open channels."""

    name = "paramiko"

    def __init__(self, connection: ParamikoConnection, remote_port: int, log: Callable[[str], None]) -> None:
        self._connection = connection
        self._remote_port = remote_port
        self._log = log
        self._relay = Relay(f"paramiko-tunnel-{remote_port}")
        self._waiting: queue.SimpleQueue[tuple[socket.socket, bytes] | None] = queue.SimpleQueue()
        self._openers = [
            threading.Thread(target=self._open, name=f"paramiko-tunnel-{remote_port}-open-{number}", daemon=True)
            for number in range(OPENERS)
        ]
        self._closed = False
        self.complaint = ""
        for opener in self._openers:
            opener.start()

    @property
    def alive(self) -> bool:
        return not self._closed and self._connection.alive

    def carry(self, client: socket.socket, opening: bytes = b"") -> None:
        if self._closed:
            client.close()
        else:
            self._waiting.put((client, opening))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for _ in self._openers:
            self._waiting.put(None)
        for opener in self._openers:
            opener.join(1.0)
        self._relay.close()

    def _open(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            client, opening = waiting
            try:
                channel = self._connection.open_channel("direct-tcpip", ("127.0.0.1", self._remote_port))
            except RemoteError as error:
                self.complaint = error.detail
                self._log(f"paramiko tunnel: {error.detail}")
                client.close()
                continue
            self._relay.add_pushing(SocketEndpoint(client), _ChannelEndpoint(channel), opening)


class _ChannelEndpoint:
    """A Paramiko channel. The transport's thread pushes what comes; nothing tells when one may send again."""

    tells_writable = False

    def __init__(self, channel: paramiko.Channel) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._taken = 0
        self._lock = threading.Lock()

    def push_to(self, inlet: Inlet) -> None:
        inbox_of(self._channel).lead_to(inlet)

    def took(self, size: int) -> bool:
        with self._lock:
            self._taken += size
            return self._taken >= ACKNOWLEDGE_BYTES

    def acknowledge(self) -> None:
        with self._lock:
            if self._taken < ACKNOWLEDGE_BYTES:
                return
            taken, self._taken = self._taken, 0
        widen_window(self._channel, taken)

    def send(self, data: bytes | memoryview) -> int:
        try:
            return int(self._channel.send(bytes(data[:SEND_BYTES])))
        except TimeoutError:
            return 0
        except paramiko.SSHException as error:  # no OSError, which is all that the relay expects
            raise OSError(str(error)) from error

    def end(self) -> None:
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            self._channel.shutdown_write()

    def close(self) -> None:
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            self._channel.close()
