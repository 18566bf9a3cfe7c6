"""Put the demo together: sample runs here and on a server, the server, and the viewer's settings for both."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runicorn.demo.host import DemoHost
from runicorn.demo.samples import EXPERIMENTS
from runicorn.files import replace_file

LOCAL_SAMPLES = (0, 2, 3)
SERVER_SAMPLES = (1, 4, 5)
TIDY_TIMEOUT_SECS = 10.0


@dataclass(frozen=True)
class Demo:
    """A running demo. root: the local storage root. home: the viewer's RUNICORN_HOME."""

    root: Path
    home: Path
    host: DemoHost


@contextlib.contextmanager
def run_demo() -> Iterator[Demo]:
    """Write the samples and start the server; on leaving, and also after kill -9, nothing of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="runicorn-demo-"))
    root, home = folder / "runs", folder / "config"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        root.mkdir()
        home.mkdir()
        host = DemoHost(folder / "server")
        server_root = host.home / "runicorn_data"
        server_root.mkdir()
        training = _start_training(server_root, folder)
        stack.callback(_end_training, training)
        write_history(root, LOCAL_SAMPLES)
        write_history(server_root, SERVER_SAMPLES)
        host.start()
        stack.callback(host.stop)
        _save_connection(home, host, server_root)
        yield Demo(root, home, host)


def write_history(root: Path, numbers: tuple[int, ...] = tuple(range(len(EXPERIMENTS)))) -> None:
    """Write these sample runs into a storage root, two at a time."""
    waiting = list(numbers)
    running: list[subprocess.Popen[bytes]] = []
    while waiting or running:
        while waiting and len(running) < 2:
            arguments = [sys.executable, "-m", "runicorn.demo.history", str(root), str(waiting.pop(0))]
            running.append(subprocess.Popen(arguments, stdout=subprocess.DEVNULL, start_new_session=True))
        if running.pop(0).wait(timeout=60) != 0:
            raise RuntimeError("a sample run could not be written")


def _start_training(root: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "runicorn.demo.training", str(root), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end_training(training: subprocess.Popen[bytes]) -> None:
    assert training.stdin
    training.stdin.close()
    try:
        training.wait(TIDY_TIMEOUT_SECS)
    except subprocess.TimeoutExpired:
        training.kill()
        training.wait()


def _save_connection(home: Path, host: DemoHost, server_root: Path) -> None:
    connection = {
        "name": "demo server",
        "host": "127.0.0.1",
        "port": host.port,
        "username": host.username,
        "authMethod": "key",
        "privateKeyPath": str(host.key_path),
        "remoteRoot": str(server_root),
        "condaEnv": "system",
    }
    replace_file(home / "connections.json", json.dumps([connection], indent=2).encode())


def supported() -> bool:
    """Whether this machine can play the server: it needs /bin/sh."""
    return os.name == "posix"
