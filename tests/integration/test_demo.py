"""The demo as a newcomer runs it: ready in seconds, the whole Remote path works, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from tests.support.remote import ACCEPT_FIELDS
from tests.support.serving import tunnel_folders
from tests.support.waiting import eventually_nothing

GONE_SECS = 10

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs /bin/sh: the demo's server")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def run_demo(home: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    command = [sys.executable, "-m", "runicorn", "demo", "--port", "0", "--no-browser"]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "RUNICORN_"))}
    with subprocess.Popen(
        command, env={**own, "HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            lines = iter(process.stdout.readline, "")
            url = next(line.split()[-1] for line in lines if "http://" in line)
            with httpx.Client(base_url=url, timeout=60) as client:
                yield process, client
        finally:
            process.kill()


def open_the_saved_host(client: httpx.Client) -> str:
    """Do what the Open button does; return the address of the server's page."""
    (saved,) = client.get("/api/remote/connections/saved").json()["connections"]
    login = {"host": saved["host"], "port": saved["port"], "username": saved["username"]}
    login["private_key_path"] = saved["privateKeyPath"]
    host_key = client.post("/api/remote/connect", json=login).json()["detail"]["host_key"]
    client.post("/api/remote/known-hosts/accept", json={name: host_key[name] for name in ACCEPT_FIELDS})
    body = {**login, "remote_root": saved["remoteRoot"], "conda_env": saved["condaEnv"]}
    answer = client.post("/api/remote/viewer/start", json=body).json()
    assert answer["ok"], answer
    return str(answer["session"]["url"])


def alive(processes: list[psutil.Process]) -> list[str]:
    running = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                running.append(" ".join(process.cmdline()))
    return running


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_the_demo_ends_nothing_is_left(end: signal.Signals, home: Path) -> None:
    before = tunnel_folders()
    with run_demo(home) as (process, client):
        runs = httpx.get(f"{open_the_saved_host(client)}/api/runs").json()["runs"]
        assert {run["state"] for run in runs} == {"running", "finished", "killed"}
        here = client.get("/api/runs", params={"source": "local"}).json()["runs"]
        assert {run["state"] for run in here} == {"finished", "failed"}
        both = client.get("/api/runs").json()["runs"]
        assert len(both) == len(runs) + len(here), "those of the server stand beside them"
        children = psutil.Process(process.pid).children(recursive=True)
        ports = {each.laddr.port for child in children for each in child.net_connections() if each.status == "LISTEN"}
        assert len(children) >= 3
        assert ports
        process.send_signal(end)
        process.wait(GONE_SECS)
        assert process.stderr
        assert process.stderr.read() == ""
    eventually_nothing(lambda: alive(children), GONE_SECS)
    eventually_nothing(lambda: tunnel_folders() - before, GONE_SECS)
    assert list(home.rglob("*")) == [], "nothing in what is this person's own either"
    assert process.returncode == (-end if end == signal.SIGKILL else 0)
