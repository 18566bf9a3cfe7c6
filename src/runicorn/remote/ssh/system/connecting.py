"""Connects by the system's `ssh`: what each hop may be shown, then the verdicts and questions as they come."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from runicorn.errors import RemoteUnavailableError
from runicorn.remote.asking.question import Asker
from runicorn.remote.names.way import Way
from runicorn.remote.ssh.interface import TunnelRefusedError
from runicorn.remote.ssh.own_config import holds_in_config
from runicorn.remote.ssh.program import find_ssh
from runicorn.remote.ssh.system.connection import SystemConnection
from runicorn.remote.ssh.system.master import Master
from runicorn.remote.ssh.system.offering import offer_of
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Target

VERSION_TIMEOUT_SECS = 15.0  # its first start may take a while, from a network disk
OLDEST = (8, 5)  # KnownHostsCommand, and the account in front of what a server asks


def find_suitable(ssh_path: str | None, way: Way) -> str:
    """Return the `ssh` that can make this connection. Raises TunnelRefusedError with the reason where there is none."""
    if sys.platform == "win32":
        raise TunnelRefusedError("the ssh of Windows shares no connection")
    ssh = find_ssh(ssh_path)
    version = _version(ssh)
    if version < OLDEST:
        found = ".".join(map(str, version)) or "one of unknown version"
        raise TunnelRefusedError(f"it takes OpenSSH {OLDEST[0]}.{OLDEST[1]} or newer, and {ssh} is {found}")
    if not all(holds_in_config(hop) for hop in way.hops[:-1]):
        raise TunnelRefusedError("a user name on the way holds what a config cannot")
    return ssh


class BySsh(NamedTuple):
    """That `ssh` connects. program: what find_suitable() returned. reason: why, in words that go on after a colon."""

    program: str
    reason: str


def connect(
    by: BySsh,
    target: Target,
    way: Way,
    credentials: Credentials,
    host_keys: HostKeyFile,
    progress: Progress,
    own: Callable[[Any], Any] = lambda resource: None,
    asker: Asker | None = None,
) -> SystemConnection:
    """Return a live connection to the end of the way. Arguments and errors as of `paramiko.connect`."""
    asked = asker is not None
    on_the_way = Credentials(use_agent=credentials.use_agent)
    try:
        offers = [
            offer_of(hop, number, credentials if hop is way.last else on_the_way, asked=asked)
            for number, hop in enumerate(way.hops)
        ]
        master = Master(by.program, way, offers, host_keys.entries(), credentials, asker)
    except TunnelRefusedError as error:
        raise RemoteUnavailableError(f"The ssh of this machine cannot be used: {error}.") from error
    try:
        own(master)
        master.wait(progress)
        connection = SystemConnection(target, way, master.logins.login(), master.logins.keys[-1], master, by.reason)
        own(connection)
    except BaseException:
        master.close()
        raise
    return connection


def _version(ssh: str) -> tuple[int, ...]:
    try:
        done = subprocess.run(
            [ssh, "-V"], stdin=subprocess.DEVNULL, capture_output=True, timeout=VERSION_TIMEOUT_SECS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(rb"OpenSSH\w*_(\d+)\.(\d+)", done.stderr + done.stdout)
    return (int(found[1]), int(found[2])) if found else ()
