"""Servers, addresses and folders as they are found: each reached, or refused with what is really in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.accounts import Account
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer

from runicorn.remote.server import shell_facts

BACKENDS = ("openssh", "asyncssh", "paramiko")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("host", ["127.1", "0177.0.0.1", "2130706433", "0x7f.0.0.1", "::ffff:127.0.0.1"])
def test_an_address_in_other_words_is_the_same_host(host: str, backend: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_TUNNEL": backend}) as viewer:
        accept(viewer, connect(viewer, server.login()))
        body = {**server.login(), "host": host, "remote_root": str(server.runs)}
        answer = connect(viewer, body)  # its key was accepted by another spelling
        assert answer.status_code == 200, answer.text
        session = start(viewer, body)
        assert (session["tunnelBackend"], session["host"]) == (backend, "127.0.0.1")
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        stop(viewer, session)


@pytest.fixture
def only(server_account: Account, tmp_path: Path) -> Iterator[Server]:
    """A server that knows one key exchange, by its name of today."""
    options = {"KexAlgorithms": "curve25519-sha256"}
    with run_server(server_account, tmp_path, options=options) as running:
        yield running


def test_a_server_with_x25519_by_its_name_of_today_alone_is_reached(only: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, only.login()))
    session = start(viewer, only.login(remote_root=str(only.runs)))
    assert session["status"] == "running"
    stop(viewer, session)


def test_a_folder_below_one_that_may_not_be_entered_is_not_called_missing(server: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, server.login()))
    closed = server.runs / "closed"
    (closed / "runs").mkdir(parents=True)
    closed.chmod(0o700)  # root's own
    for root in (closed / "runs", closed / "nothing", closed):
        answer = viewer.post("/api/remote/viewer/start", server.login(remote_root=str(root)))
        assert (answer.status_code, answer.json()["code"]) == (500, "REMOTE_ROOT_UNREADABLE"), answer.text
        listed = viewer.get("/api/remote/fs/list", connection_id=connection(server), path=str(root))
        assert (listed.status_code, listed.json()["code"]) == (403, "REMOTE_PERMISSION_DENIED"), listed.text
    exists = viewer.get("/api/remote/fs/exists", connection_id=connection(server), path=str(closed / "runs"))
    assert (exists.status_code, exists.json()["code"]) == (403, "REMOTE_PERMISSION_DENIED"), exists.text


def test_the_doctor_calls_such_a_folder_unreadable_as_well(server: Server) -> None:
    closed = server.runs / "closed"
    (closed / "runs").mkdir(parents=True)
    closed.chmod(0o700)
    problems = {}
    for path in (closed / "runs", closed / "no" / "thing", closed, server.runs / "nothing"):
        done = server.account.run("/bin/sh", "-s", input=shell_facts.root_script(str(path), "<<", ">>"), stdout=-1)
        problems[path.name] = shell_facts.parse_root(done.stdout, "<<", ">>").problem
    unreadable, missing = "cannot be read by this user", "does not exist on the server"
    assert problems == {"runs": unreadable, "thing": unreadable, "closed": unreadable, "nothing": missing}


def connection(server: Server) -> str:
    return f"{server.account.username}@127.0.0.1:{server.sshd.port}"


def test_a_tunnel_that_was_forced_and_cannot_be_names_the_way_out(server: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_TUNNEL": "openssh"}) as viewer:
        body = server.body(password=server.account.password, use_agent=False, remote_root=str(server.runs))
        accept(viewer, connect(viewer, body))
        answer = viewer.post("/api/remote/viewer/start", body)
        assert (answer.status_code, answer.json()["code"]) == (500, "TUNNEL_FAILED")
        assert "leave it out" in answer.json()["hint"]


def test_an_earlier_client_is_told_where_runs_are_likely_to_be(server: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, server.login()))
    assert connect(viewer, server.login()).status_code == 200
    (server.runs / "runicorn.json").write_text("{}")
    (server.runs / "runs" / "20260101-000000-abcdef").mkdir(parents=True)
    answer = viewer.get("/api/remote/storage-candidates", connection_id=connection(server)).json()
    assert (answer["scan_root"], answer["max_depth"]) == (str(server.account.home), 5)
    assert {"path": str(server.runs), "kind": "runicorn", "runs": 1} in answer["candidates"]
    missing = viewer.get("/api/remote/storage-candidates", connection_id="me@nowhere:22")
    assert (missing.status_code, missing.json()["code"]) == (404, "NOT_CONNECTED")
