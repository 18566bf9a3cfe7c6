"""The `runicorn` command as a script runs it: no terminal, and nothing of the person who runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TIMEOUT_SECS = 60


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "runicorn", *words]


def environment(home: Path, **environ: str) -> dict[str, str]:
    """Return an environment without agent and settings. home: the home folder, with Runicorn's own in it."""
    clean = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK" and "RUNICORN" not in name}
    return {**clean, "HOME": str(home), "RUNICORN_HOME": str(home / "runicorn"), "COLUMNS": "200", **environ}


def run(*words: str, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(*words),
        env=environment(home, **environ),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT_SECS,
        check=False,
    )
