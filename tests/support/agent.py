"""A person's SSH agent, real, with the keys that a test gives it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def run_agent(path: Path, *keys: Path) -> Iterator[dict[str, str]]:
    """Start one on the socket `path`; yield the environment by which its clients find it."""
    environ = {"SSH_AUTH_SOCK": str(path)}
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert process.poll() is None
        for key in keys:
            add_key(environ, key)
        yield environ
    finally:
        process.terminate()
        process.wait()


def add_key(environ: dict[str, str], key: Path) -> None:
    """Give one more key to the agent of this environment."""
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env={**os.environ, **environ})
