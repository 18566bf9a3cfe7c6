"""A logged-in connection and a tunnel of one kind, without a viewer around them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support.remote import ACCEPT_FIELDS

from runicorn.errors import HostKeyConfirmationError
from runicorn.remote.names.way import direct
from runicorn.remote.ssh.interface import TunnelRequest
from runicorn.remote.ssh.paramiko import ParamikoConnection, connect
from runicorn.remote.ssh.tunnels import asyncssh, openssh, paramiko
from runicorn.remote.ssh.tunnels.door import Door
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target

BACKENDS = {"openssh": openssh.open_tunnel, "asyncssh": asyncssh.open_tunnel, "paramiko": paramiko.open_tunnel}


def log_in(target: Target, key: Path, host_keys: HostKeyFile) -> ParamikoConnection:
    """Return a connection, accepting the host key as a person would."""
    credentials = Credentials(private_key_path=str(key), use_agent=False)
    try:
        return connect(target, direct(target), credentials, host_keys, Progress(lambda: None), host_keys.path.parent)
    except HostKeyConfirmationError as error:
        host_keys.accept(*(error.payload[name] for name in ACCEPT_FIELDS))
        return log_in(target, key, host_keys)


@contextlib.contextmanager
def run_tunnel(backend: str, connection: ParamikoConnection, remote_port: int, host_keys: HostKeyFile) -> Iterator[int]:
    """Carry a local port to `remote_port` on the server's loopback; yield the local port."""
    request = TunnelRequest(connection, remote_port, tuple(host_keys.entries()), None, lambda line: None)
    tunnel = BACKENDS[backend](request)
    door = Door(None, allow_other_users=False, log=lambda line: None)
    door.lead_to(tunnel)
    try:
        yield door.local_port
    finally:
        tunnel.close()
        door.close()
