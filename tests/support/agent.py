"""A person's SSH agent, real, with the keys that a test gives it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def run_agent(path: Path, *keys: Path, environ: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Start one on the socket `path`; yield the environment by which its clients find it. environ: more for its own."""
    own = {**os.environ, **(environ or {})}
    environ = {"SSH_AUTH_SOCK": str(path)}
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL, env=own)
    try:
        while not _answers(path):
            assert process.poll() is None
            time.sleep(0.005)
        for key in keys:
            add_key(environ, key)
        yield environ
    finally:
        process.terminate()
        process.wait()


def _answers(path: Path) -> bool:
    """Whether an agent listens there: its socket is there a moment before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def add_key(environ: dict[str, str], key: Path, *options: str) -> None:
    """Give one more key to the agent of this environment. options: of ssh-add, such as -c."""
    subprocess.run(["ssh-add", "-q", *options, str(key)], check=True, env={**os.environ, **environ})


@contextlib.contextmanager
def run_asking_agent(folder: Path, key: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """Start one that asks before each use of its key, and is always told yes; yield the file that counts it."""
    asked, program = folder / "asked", folder / "askpass"
    asked.touch()
    program.write_text(f"#!/bin/sh\necho asked >> '{asked}'\n")
    program.chmod(0o755)
    asking = {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    with run_agent(folder / "agent", environ=asking) as environ:
        add_key(environ, key, "-c")
        yield environ, asked
