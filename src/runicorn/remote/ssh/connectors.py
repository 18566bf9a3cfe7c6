"""Which program carries a connection: Paramiko, or the system's `ssh` where that alone can. Only chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runicorn.errors import NoCommonAlgorithmError, RemoteUnavailableError
from runicorn.remote.asking.question import Asker
from runicorn.remote.names.way import Way
from runicorn.remote.ssh import paramiko, system
from runicorn.remote.ssh.interface import Connection, TunnelRefusedError
from runicorn.remote.ssh.system.connecting import find_suitable
from runicorn.remote.ssh.system.needs import only_ssh_can
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target
from runicorn.settings import ConnectorChoice


def connect(
    target: Target,
    way: Way,
    credentials: Credentials,
    host_keys: HostKeyFile,
    progress: Progress,
    home: Path,
    own: Callable[[Any], Any] = lambda resource: None,
    asker: Asker | None = None,
    *,
    choice: ConnectorChoice = ConnectorChoice.AUTO,
    ssh_path: str | None = None,
) -> Connection:
    """Return a live connection. choice: what the person allows. Arguments and errors as of `paramiko.connect`, and
    RemoteUnavailableError where `ssh` alone is allowed and cannot be used.
    """

    def by_ssh(ssh: str) -> Connection:
        return system.connect(ssh, target, way, credentials, host_keys, progress, own, asker)

    if choice is ConnectorChoice.SSH:
        return by_ssh(_forced(ssh_path, way))
    reason = only_ssh_can(way, credentials) if choice is ConnectorChoice.AUTO else None
    if reason is not None:
        try:
            ssh = find_suitable(ssh_path, way)
        except TunnelRefusedError as error:
            progress.log(f"{reason}, which takes ssh; it cannot be used: {error}")
        else:
            progress.log(f"connects by ssh: {reason}")
            return by_ssh(ssh)
    try:
        return paramiko.connect(target, way, credentials, host_keys, progress, home, own, asker)
    except NoCommonAlgorithmError as error:
        if choice is not ConnectorChoice.AUTO:
            raise
        try:
            ssh = find_suitable(ssh_path, way)
        except TunnelRefusedError as refused:
            progress.log(f"ssh may have an algorithm in common with it, but cannot be used: {refused}")
            raise error from None
        reason = error.detail
    progress.restart("resolve")
    progress.log(f"connects by ssh: {reason}")
    return by_ssh(ssh)


def _forced(ssh_path: str | None, way: Way) -> str:
    try:
        return find_suitable(ssh_path, way)
    except TunnelRefusedError as error:
        raise RemoteUnavailableError(
            f"RUNICORN_CONNECTOR allows ssh only, which cannot be used: {error}.",
            hint="Leave RUNICORN_CONNECTOR out, so that Runicorn connects by itself.",
        ) from error
