"""A session whose login is rejected while its link is brought back keeps its address and waits for a person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.agent import run_agent
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, kill
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually, eventually_nothing

RETURN_SECS = 40.0


@contextmanager
def keys_gone(server: Server) -> Iterator[None]:
    """The server's homes are not mounted: it refuses every key."""
    keys = server.sshd.folder / "keys" / server.account.username
    accepted = keys.read_text()
    keys.write_text("")
    try:
        yield
    finally:
        keys.write_text(accepted)


def refused_session(viewer: Viewer, server: Server, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Start a session, and have its login refused when the link breaks; return it and where its status is."""
    session = start(viewer, body)
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    with keys_gone(server):
        server.kill_sshd_children()
        eventually(lambda: viewer.get(status).json()["needsPerson"], 20, "a session that waits")
    return session, status


@pytest.fixture
def accepted(server: Server, viewer: Viewer) -> Viewer:
    accept(viewer, connect(viewer, server.login()))
    return viewer


def test_a_login_refused_for_a_moment_ends_no_session(accepted: Viewer, server: Server) -> None:
    body = server.login(remote_root=str(server.runs))
    session, status = refused_session(accepted, server, body)
    waiting = accepted.get(status).json()
    assert (waiting["status"], waiting["error"]["code"]) == ("reconnecting", "AUTH_FAILED")
    assert waiting["localPort"] == session["localPort"]
    assert httpx.get(f"{session['url']}/api/health").json()["code"] == "LINK_DOWN"  # the address is kept
    assert session["remotePid"] in {each.pid for each in server.processes().values()}
    # The server takes the key again. Whoever only looks does not repeat the login.
    attempts = server.sshd.log.count("Connection from")
    for _ in range(5):
        httpx.get(f"{session['url']}/api/health")
        accepted.post("/api/remote/viewer/retry", {"session_id": session["sessionId"]})
        time.sleep(0.3)
    assert server.sshd.log.count("Connection from") == attempts
    # A person does, without typing it again.
    asked = {"session_id": session["sessionId"], "login": True}
    assert accepted.post("/api/remote/viewer/retry", asked).json()["ok"] is True
    eventually(lambda: accepted.get(status).json()["status"] == "running", RETURN_SECS, "the session")
    back = accepted.get(status).json()
    assert (back["remotePid"], back["localPort"], back["error"]) == (session["remotePid"], session["localPort"], None)
    assert back["needsPerson"] is False
    assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
    stop(accepted, session)


def test_asking_once_repeats_a_refused_login_once(accepted: Viewer, server: Server) -> None:
    session, status = refused_session(accepted, server, server.login(remote_root=str(server.runs)))
    with keys_gone(server):
        attempts = server.sshd.log.count("Connection from")
        accepted.post("/api/remote/viewer/retry", {"session_id": session["sessionId"], "login": True})
        eventually(lambda: server.sshd.log.count("Connection from") == attempts + 1, 10)
        eventually(lambda: accepted.get(status).json()["needsPerson"], 10)
        time.sleep(2.5)
        assert server.sshd.log.count("Connection from") == attempts + 1
    accepted.post("/api/remote/viewer/retry", {"session_id": session["sessionId"], "login": True})
    eventually(lambda: accepted.get(status).json()["status"] == "running", RETURN_SECS, "the session")
    stop(accepted, session)


def test_connecting_to_the_host_brings_its_session_back(accepted: Viewer, server: Server) -> None:
    body = server.login(remote_root=str(server.runs))
    session, status = refused_session(accepted, server, body)
    assert connect(accepted, body).status_code == 200
    eventually(lambda: accepted.get(status).json()["status"] == "running", RETURN_SECS, "the session")
    assert accepted.get(status).json()["remotePid"] == session["remotePid"]
    stop(accepted, session)


def test_starting_it_anew_brings_the_waiting_session_back(accepted: Viewer, server: Server) -> None:
    body = server.login(remote_root=str(server.runs))
    session, _ = refused_session(accepted, server, body)
    assert start(accepted, body)["sessionId"] == session["sessionId"]
    assert len(server.listening_ports()) == 1
    stop(accepted, session)


def test_a_waiting_session_can_be_stopped(accepted: Viewer, server: Server) -> None:
    session, status = refused_session(accepted, server, server.login(remote_root=str(server.runs)))
    assert stop(accepted, session).json()["ok"] is True
    assert accepted.get(status).json()["status"] == "stopped"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{session['url']}/api/health")
    log = accepted.get(f"/api/remote/viewer/log/{session['sessionId']}").json()["lines"]
    assert any("ends by itself after the grace period" in line["text"] for line in log)
    for process in server.processes().values():  # the server lets nobody in who could end it sooner
        process.kill()


def test_an_agent_that_is_locked_for_a_moment_is_asked_again(server: Server, tmp_path: Path) -> None:
    """Nothing was offered, so nothing was rejected, and nobody has to do anything but unlock it."""
    (tmp_path / "home").mkdir()
    socket = tmp_path / "agent"
    with (
        run_agent(socket, server.key) as environ,
        run_viewer(tmp_path / "root", tmp_path / "home", {**environ, "RUNICORN_TUNNEL": "paramiko"}) as viewer,
    ):
        body = server.body(use_agent=True, remote_root=str(server.runs))
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        path = Path(environ["SSH_AUTH_SOCK"])
        hidden = path.with_suffix(".hidden")
        path.rename(hidden)
        server.kill_sshd_children()
        eventually(lambda: (viewer.get(status).json()["error"] or {}).get("code") == "NO_CREDENTIALS", 20)
        assert viewer.get(status).json()["status"] == "reconnecting"
        hidden.rename(path)
        eventually(lambda: viewer.get(status).json()["status"] == "running", RETURN_SECS, "the session")
        assert viewer.get(status).json()["remotePid"] == session["remotePid"]
        stop(viewer, session)


@pytest.mark.parametrize("backend", ["openssh", "asyncssh"])
def test_a_tunnels_own_refused_login_is_not_repeated_beside_a_connection_that_lives(
    server: Server, tmp_path: Path, backend: str
) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_TUNNEL": backend}) as viewer:
        body = server.login(remote_root=str(server.runs))
        accept(viewer, connect(viewer, body))
        eventually_nothing(server.sshd_children, 10)  # of the one that only saw the host key
        assert connect(viewer, body).status_code == 200
        eventually(lambda: len(server.sshd_children()) == 2, what="the privileged process and the user's own")
        before = set(server.sshd_children())
        session = start(viewer, body)
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        with keys_gone(server):
            kill(set(server.sshd_children()) - before)
            eventually(lambda: viewer.get(status).json()["needsPerson"], 20, "a session that waits")
            assert viewer.get(status).json()["error"]["code"] == "TUNNEL_FAILED"
            assert len(viewer.get("/api/remote/sessions").json()["sessions"]) == 1  # the connection lives
            attempts = server.sshd.log.count("Connection from")
            time.sleep(4.0)  # it was repeated after 0.2, 1 and 2 s
            assert viewer.get(status).json()["needsPerson"]
            assert server.sshd.log.count("Connection from") == attempts
        viewer.post("/api/remote/viewer/retry", {"session_id": session["sessionId"], "login": True})
        eventually(lambda: viewer.get(status).json()["status"] == "running", RETURN_SECS, "the session")
        assert viewer.get(status).json()["remotePid"] == session["remotePid"]
        stop(viewer, session)
