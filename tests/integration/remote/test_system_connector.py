"""The system's `ssh` as what connects: commands, files, sessions and the tunnel through it, and what it leaves."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.questions import person_at, prompts
from tests.support.remote import accept, connect, start, stop
from tests.support.rogue import run_rogue
from tests.support.server import Server, eventually, eventually_nothing
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import make_key

FORCED = {"RUNICORN_CONNECTOR": "ssh"}


@pytest.fixture
def viewer_by_ssh(server: Server, tmp_path: Path) -> Iterator[Viewer]:
    """A viewer that connects by ssh only; made after the server, so that it ends before it."""
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", FORCED) as viewer:
        yield viewer


def by_ssh(viewer: Viewer, body: dict[str, Any]) -> dict[str, Any]:
    """Connect, accepting the host key, and return the answer."""
    answer = connect(viewer, body)
    if answer.status_code == 409:
        accept(viewer, answer)
        answer = connect(viewer, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["connector"] == "ssh"
    return found


def children_of(viewer: Viewer) -> list[psutil.Process]:
    return psutil.Process(viewer.process.pid).children(recursive=True)


def test_a_session_runs_through_ssh_from_the_connect_to_its_stop(server: Server, viewer_by_ssh: Viewer) -> None:
    viewer = viewer_by_ssh
    found = by_ssh(viewer, server.login())
    assert server.sshd.log.count("Accepted publickey") == 1
    environments = viewer.get("/api/remote/conda-envs", connection_id=found["connection_id"]).json()
    assert "ml" in [each["name"] for each in environments["envs"]]
    session = start(viewer, server.login(remote_root=str(server.runs)))
    assert session["tunnelBackend"] == "openssh"
    assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
    for _ in range(3):
        assert httpx.get(f"{session['url']}/api/runs").json()["runs"] == []
    assert server.sshd.log.count("Accepted publickey") == 1
    children = children_of(viewer)
    assert children
    stop(viewer, session)
    viewer.post("/api/remote/disconnect", server.target())
    eventually_nothing(lambda: [each for each in children if each.is_running()], 5)
    eventually_nothing(server.traces, 5)
    eventually_nothing(server.sshd_children, 5)
