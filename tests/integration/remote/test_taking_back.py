"""Taking sessions back when something is in the way: a taken port, a damaged file."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually

from runicorn.remote.session.records import Owner

RETURN_SECS = 40.0


def left_behind(server: Server, home: Path) -> dict[str, Any]:
    """Return a session whose viewer was killed."""
    body = server.login(remote_root=str(server.runs))
    with run_viewer(home / "root", home) as first:
        accept(first, connect(first, body))
        session = start(first, body)
        first.kill()
    return session


def status_of(viewer: Viewer, session: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()
    return answer


def test_a_taken_local_port_ends_no_viewer_and_is_tried_again(server: Server, tmp_path: Path) -> None:
    session = left_behind(server, tmp_path)
    with beside_a_squatter(session["localPort"], tmp_path) as (second, squatter):
        eventually(lambda: status_of(second, session)["error"], 10)
        waiting = status_of(second, session)
        assert (waiting["status"], waiting["error"]["code"]) == ("reconnecting", "LOCAL_PORT_IN_USE")
        assert session["remotePid"] in {each.pid for each in server.processes().values()}
        squatter.close()
        eventually(lambda: status_of(second, session)["status"] == "running", RETURN_SECS, "the session")
        assert status_of(second, session)["remotePid"] == session["remotePid"]
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        stop(second, session)


@contextlib.contextmanager
def beside_a_squatter(port: int, home: Path) -> Iterator[tuple[Viewer, socket.socket]]:
    """Start a viewer while another program listens on this port."""
    with socket.create_server(("127.0.0.1", port)) as squatter, run_viewer(home / "root", home) as viewer:
        yield viewer, squatter


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: {**record, "local_port": 70000},
        lambda record: {**record, "owner": {**record["owner"], "pid": -1}},
        lambda record: {**record, "remote": {**record["remote"], "pid": -1}},
        lambda record: {**record, "remote": "x"},
        lambda record: None,
    ],
)
def test_a_damaged_file_of_sessions_keeps_no_viewer_from_starting(damage: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "runicorn").mkdir(parents=True)
    record = {
        "session_id": "feed0001",
        "host": "127.0.0.1",
        "port": 22,
        "username": "me",
        "remote_root": "/data",
        "environment": None,
        "local_port": 18080,
        "asked_remote_port": None,
        "private_key_path": None,
        "use_agent": False,
        "needs_person": True,
        "started_at": 1.0,
        "remote": {"port": 1, "pid": 1, "version": "1", "started_at": 1.0},
        "owner": asdict(replace(Owner.this_process(), start=1)),  # which is no more, so that it is this viewer's
    }
    (home / "runicorn" / "sessions.json").write_text(json.dumps([damage(record)]))
    with run_viewer(home / "root", home) as started:
        assert started.get("/api/health").json()["status"] == "ok"
        assert started.get("/api/remote/viewer/sessions").json() == {"sessions": []}
