"""The tunnel through the `ssh` that made the connection: a forward more in it, and no login of its own."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable

from runicorn.errors import ConnectionClosedError
from runicorn.remote.ssh.interface import TunnelRefusedError, TunnelRequest
from runicorn.remote.ssh.system.connection import SystemConnection
from runicorn.remote.ssh.tunnels.relay import Relay, SocketEndpoint
from runicorn.remote.ssh.unix_sockets import reach

_numbers = itertools.count(1)


def open_tunnel(request: TunnelRequest) -> MasterTunnel:
    """Return a tunnel through a system connection. Raises TunnelRefusedError where its `ssh` forwards nothing."""
    assert isinstance(request.connection, SystemConnection)
    return MasterTunnel(request.connection, request.remote_port, request.log)


class MasterTunnel:
    """See interface.Tunnel. A Unix socket in the connection's private folder, and the thread that moves bytes."""

    name = "openssh"

    def __init__(self, connection: SystemConnection, remote_port: int, log: Callable[[str], None]) -> None:
        self._connection = connection
        self._log = log
        self._closed = False
        self._path = connection.master.mux.folder / f"t{next(_numbers) % 1000}"
        self._forward = f"{connection.master.forward_path(self._path.name)}:127.0.0.1:{remote_port}"
        self._refused_before, _ = connection.master.refused
        done = self._tell("forward")
        if done is None or not self._path.exists():
            raise TunnelRefusedError(f"ssh opened no forward: {done or 'it is gone'}")
        self._relay = Relay("master-tunnel")

    @property
    def alive(self) -> bool:
        return not self._closed and self._connection.alive

    @property
    def complaint(self) -> str:
        count, said = self._connection.master.refused
        return said if count > self._refused_before else ""

    def carry(self, client: socket.socket, opening: bytes = b"") -> None:
        try:
            self._relay.add(SocketEndpoint(client), SocketEndpoint(reach(str(self._path))), opening)
        except OSError as error:
            self._log(f"openssh tunnel: {error}")
            client.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._connection.alive:
            self._tell("cancel")
        self._path.unlink(missing_ok=True)  # ssh leaves it
        self._relay.close()

    def _tell(self, order: str) -> str | None:
        """Return what ssh said to an order, None where it is gone."""
        try:
            return self._connection.master.mux.control_command(order, "-L", self._forward).stderr.strip()
        except ConnectionClosedError:
            return None
