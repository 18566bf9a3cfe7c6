"""A real viewer process on 127.0.0.1 and a free port."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

START_TIMEOUT_SECS = 30
STOP_TIMEOUT_SECS = 15


@dataclass
class Viewer:
    """A running `runicorn viewer`. client: speaks to it as its own page does."""

    url: str
    port: int
    process: subprocess.Popen[str]
    client: httpx.Client

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def get(self, path: str, /, **params: Any) -> httpx.Response:
        return self.client.get(path, params=params)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_TIMEOUT_SECS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def run_viewer(root: Path, home: Path, environ: Mapping[str, str] | None = None, *, port: int = 0) -> Iterator[Viewer]:
    """Start a viewer and stop it on leaving. port: where it listens, 0 for any."""
    command = [sys.executable, "-m", "runicorn", "viewer", "--root", str(root), "--port", str(port), "--no-browser"]
    # Nothing of the person who runs the tests gets in: no agent, no keys, no settings.
    clean = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK" and "RUNICORN" not in name}
    environment = {**clean, "HOME": str(home), "RUNICORN_HOME": str(home / "runicorn"), **(environ or {})}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    assert process.stderr
    try:
        line = process.stdout.readline()
        assert "http://" in line, f"the viewer did not start: {line}{process.stderr.read()}"
        url = line.split()[-1].rstrip("/")
        with httpx.Client(base_url=url, timeout=60) as client:
            viewer = Viewer(url, int(url.rsplit(":", 1)[1]), process, client)
            yield viewer
            viewer.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def tunnel_folders() -> set[Path]:
    """Return the private folders of tunnels and demos, where viewers make them: they inherit this process's TMPDIR.

    Others put theirs there as well: a server's viewers know no TMPDIR, and leave what they keep of event files, killed.
    """
    found = Path(tempfile.gettempdir()).glob("runicorn-*")
    mine = {path for path in found if _owner(path) == os.geteuid()}
    return {path for path in mine if not path.name.startswith("runicorn-mirror-")}


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except FileNotFoundError:  # gone meanwhile
        return None
