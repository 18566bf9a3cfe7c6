"""The system's `ssh`: which one would be used, and what it says it is. Blocking, with a limit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from runicorn.remote.ssh.interface import TunnelRefusedError

VERSION_TIMEOUT_SECS = 5.0


def find_ssh(configured: str | None) -> str:
    """Return the ssh executable. Raises TunnelRefusedError, naming RUNICORN_SSH_PATH where that is wrong."""
    found = shutil.which(configured or "ssh")
    if found:
        return str(Path(found).absolute())
    if configured:
        raise TunnelRefusedError(f"RUNICORN_SSH_PATH names {configured}, which is no program that can be run")
    raise TunnelRefusedError("no ssh was found in PATH")


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
