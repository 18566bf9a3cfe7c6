"""Which program carries a connection: Paramiko, or the system's `ssh` where that alone can. Only chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runicorn.errors import NoCommonAlgorithmError, RemoteUnavailableError
from runicorn.remote.asking.question import Asker
from runicorn.remote.names.way import Way
from runicorn.remote.ssh import paramiko, system
from runicorn.remote.ssh.interface import Connection, TunnelRefusedError
from runicorn.remote.ssh.system.connecting import BySsh, find_suitable
from runicorn.remote.ssh.system.connection import SystemConnection
from runicorn.remote.ssh.system.needs import only_ssh_can
from runicorn.remote.ssh.system.persons_master import find_live
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
    live: Sequence[Connection] = (),
) -> Connection:
    """Return a live connection. choice: what the person allows. Arguments and errors as of `paramiko.connect`, and
    RemoteUnavailableError where `ssh` alone is allowed and cannot be used.
    """
    persons_own = open_already(target, way, credentials, choice, ssh_path)
    if persons_own is not None:
        own(persons_own)
        progress.log(f"goes through the connection that you have open, {way.last.ssh_only.control_path}")
        with progress.stage("login") as tell:
            tell("none: your own ssh is logged in")
        return persons_own
    by = which_ssh(way, credentials, choice, ssh_path, progress.log)
    if by is None:
        try:
            return paramiko.connect(target, way, credentials, host_keys, progress, home, own, asker, live)
        except NoCommonAlgorithmError as error:
            by = instead_of_paramiko(way, choice, ssh_path, error, progress.log)
            if by is None:
                raise
            progress.restart("resolve")
    return system.connect(by, target, way, credentials, host_keys, progress, own, asker)


def open_already(
    target: Target, way: Way, credentials: Credentials, choice: ConnectorChoice, ssh_path: str | None
) -> SystemConnection | None:
    """Return a connection through the one that the person has open, None where there is none, or it is not wanted."""
    if choice is ConnectorChoice.PARAMIKO or credentials.explicit or way.last.ssh_only.control_path is None:
        return None
    try:
        return find_live(find_suitable(ssh_path, way), target, way)
    except TunnelRefusedError:
        return None


def which_ssh(
    way: Way, credentials: Credentials, choice: ConnectorChoice, ssh_path: str | None, log: Callable[[str], None]
) -> BySsh | None:
    """Return the `ssh` that is to connect, with the reason, None for Paramiko. Raises RemoteUnavailableError."""
    if choice is ConnectorChoice.PARAMIKO:
        return None
    reason = "RUNICORN_CONNECTOR says so" if choice is ConnectorChoice.SSH else only_ssh_can(way, credentials)
    if reason is None:
        return None
    try:
        ssh = find_suitable(ssh_path, way)
    except TunnelRefusedError as error:
        if choice is ConnectorChoice.SSH:
            raise RemoteUnavailableError(
                f"RUNICORN_CONNECTOR allows ssh only, which cannot be used: {error}.",
                hint="Leave RUNICORN_CONNECTOR out, so that Runicorn connects by itself.",
            ) from error
        log(f"{reason}, which takes ssh; it cannot be used: {error}")
        return None
    log(f"connects by ssh: {reason}")
    return BySsh(ssh, reason)


def instead_of_paramiko(
    way: Way, choice: ConnectorChoice, ssh_path: str | None, error: NoCommonAlgorithmError, log: Callable[[str], None]
) -> BySsh | None:
    """Return the `ssh` that may have an algorithm in common with a server that Paramiko has none with."""
    if choice is not ConnectorChoice.AUTO:
        return None
    try:
        ssh = find_suitable(ssh_path, way)
    except TunnelRefusedError as refused:
        log(f"ssh may have an algorithm in common with it, but cannot be used: {refused}")
        return None
    log(f"connects by ssh: {error.detail}")
    return BySsh(ssh, error.detail.rstrip("."))
