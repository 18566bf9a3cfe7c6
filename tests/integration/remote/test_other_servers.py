"""Servers that are not OpenSSH: dropbear and AsyncSSH's, which forward as root, and tinysshd, which has one cipher."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.accounts import Account, make_account
from tests.support.other_servers import run_asyncssh, run_dropbear, run_tinysshd
from tests.support.remote import accept, connect, start, stop
from tests.support.server import SERVER_PYTHON, Server, run_server
from tests.support.serving import Viewer, run_viewer

BACKENDS = ("openssh", "asyncssh", "paramiko")
# Says something to a port of the machine, and that it is all where there is one more argument; prints the answer.
SAY = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as sock:
    sock.sendall(bytes.fromhex(sys.argv[2]))
    if sys.argv[3:]:
        sock.shutdown(socket.SHUT_WR)
    while piece := sock.recv(65536):
        sys.stdout.buffer.write(piece)
"""
REQUEST = b"GET /api/runs HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n"


@pytest.fixture(params=[run_dropbear, run_asyncssh], ids=["dropbear", "asyncssh's server"])
def by_root(request: pytest.FixtureRequest, server_account: Account, tmp_path: Path) -> Iterator[Server]:
    """Whatever it forwards comes from root."""
    with run_server(server_account, tmp_path, request.param) as running:
        yield running


@pytest.fixture
def tinysshd(server_account: Account, tmp_path: Path) -> Iterator[Server]:
    with run_server(server_account, tmp_path, run_tinysshd) as running:
        yield running


def say(account: Account, port: int, said: bytes, *more: str) -> bytes:
    command = (SERVER_PYTHON, "-c", SAY, str(port), said.hex(), *more)
    return account.run(*command, stdout=subprocess.PIPE).stdout


def diagnostics(viewer: Viewer, session: dict[str, Any]) -> str:
    return viewer.get(f"/api/remote/viewer/diagnostics/{session['sessionId']}").text


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_session_proves_itself_where_the_server_forwards_as_root(
    backend: str, by_root: Server, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_TUNNEL": backend}) as viewer:
        accept(viewer, connect(viewer, by_root.login()))
        session = start(viewer, by_root.login(remote_root=str(by_root.runs)))
        assert session["tunnelBackend"] == backend
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        assert httpx.get(f"{session['url']}/api/runs").json()["runs"] == []
        assert "forwards as another user" in diagnostics(viewer, session)
        stop(viewer, session)


def test_nobody_else_of_the_server_is_let_in_with_or_without_words_like_the_proof(
    by_root: Server, viewer: Viewer
) -> None:
    accept(viewer, connect(viewer, by_root.login()))
    session = start(viewer, by_root.login(remote_root=str(by_root.runs)))
    port = session["remotePort"]
    request = REQUEST % port
    with make_account() as other:
        for said in (request, b"runicorn-session " + b"0" * 64 + b"\n" + request, b"runicorn-session ", b""):
            answer = other.run(SERVER_PYTHON, "-c", SAY, str(port), said.hex(), stdout=subprocess.PIPE).stdout
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 403 "), answer
            assert json.loads(body)["code"] == "OTHER_USER"
    assert say(by_root.account, port, request).startswith(b"HTTP/1.1 200 ")
    stop(viewer, session)


def test_what_the_session_proves_itself_with_is_in_no_command_line_log_or_answer(
    by_root: Server, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        accept(viewer, connect(viewer, by_root.login()))
        session = start(viewer, by_root.login(remote_root=str(by_root.runs)))
        kept = tmp_path / "home" / "runicorn" / "sessions.json"
        proof = json.loads(kept.read_text())[0]["remote"]["proof"]
        assert len(proof) == 64
        assert kept.stat().st_mode & 0o077 == 0
        assert proof not in " ".join(by_root.processes())
        told = viewer.get("/api/remote/viewer/sessions").text + viewer.get("/api/remote/status").text
        assert proof not in told + diagnostics(viewer, session) + httpx.get(f"{session['url']}/api/health").text
        stop(viewer, session)


def test_a_server_that_shares_no_cipher_with_us_is_told_as_that(tinysshd: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_CONNECTOR": "paramiko"}) as viewer:
        answer = connect(viewer, tinysshd.login())
    assert (answer.status_code, answer.json()["code"]) == (500, "NO_COMMON_ALGORITHM"), answer.text
    assert "the server offers chacha20-poly1305@openssh.com" in answer.json()["detail"]


def test_a_server_that_shares_no_cipher_with_paramiko_is_reached_by_ssh(tinysshd: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, tinysshd.login()))
    found = connect(viewer, tinysshd.login()).json()
    assert found.get("connector") == "ssh", found
    environments = viewer.get("/api/remote/conda-envs", connection_id=found["connection_id"]).json()
    assert "ml" in [each["name"] for each in environments["envs"]]
    # It has one command for a connection, and no forward: that is told as that.
    answer = viewer.post("/api/remote/viewer/start", tinysshd.login(remote_root=str(tinysshd.runs)))
    assert answer.json()["code"] == "CONNECTION_CLOSED", answer.text
    assert "ends each connection with its first command, as tinysshd does" in answer.json()["detail"]
