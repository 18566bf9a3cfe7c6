"""The system's `ssh`: which one would be used, and what it says it is. Blocking, with a limit."""

from __future__ import annotations

import subprocess

from runicorn.remote.ssh.interface import TunnelRefusedError
from runicorn.remote.ssh.tunnels.openssh import find_ssh

VERSION_TIMEOUT_SECS = 5.0


def describe(configured: str | None) -> str:
    """Return the path and the version, or why there is none. configured: what RUNICORN_SSH_PATH names."""
    try:
        path = find_ssh(configured)
    except TunnelRefusedError as error:
        return str(error)
    try:
        done = subprocess.run(
            [path, "-V"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_TIMEOUT_SECS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path}, which tells no version: {error}"
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return f"{path}, {said[0] if said else 'which tells no version'}"
