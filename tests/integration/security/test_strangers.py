"""Another Unix user of the same machine: can reach every port there is, and gets nothing through any of them."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.accounts import Account, make_account
from tests.support.remote import accept, connect, start, stop
from tests.support.server import SERVER_PYTHON, Server
from tests.support.serving import run_viewer, tunnel_folders

# One user who asks for each address, in its own words: GET, POST, and nothing at all. Prints a list of what came back.
ASK = """
import http.client, json, socket, sys

def answer_to(host, port, method, path):
    if method == "NOTHING":
        with socket.create_connection((host, port), timeout=20) as sock:
            said = b""
            while piece := sock.recv(65536):
                said += piece
        head, _, body = said.partition(b"\\r\\n\\r\\n")
        return int(head.split()[1]), body
    connection = http.client.HTTPConnection(host, port, timeout=20)
    body = "{}" if method == "POST" else None
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    response = connection.getresponse()
    return response.status, response.read()

def asked(host, port, method, path):
    status, body = answer_to(host, port, method, path)
    try:
        return [status, json.loads(body).get("code")]
    except ValueError:
        return [status, None]

print(json.dumps([asked(*each) for each in json.loads(sys.argv[1])]))
"""

# The same user at a folder: what each attempt to look into it, and to use the sockets in it, ends with.
REACH = """
import json, os, socket, sys
folder, names = sys.argv[1], sys.argv[2:]

def ends_with(attempt):
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "success"

attempts = [lambda: os.listdir(folder), lambda: os.rename(folder, folder + "-mine")]
for name in names:
    path = os.path.join(folder, name)
    attempts += [lambda path=path: os.stat(path), lambda path=path: open(path, "rb"), lambda path=path: os.unlink(path)]
    attempts += [lambda path=path: socket.socket(socket.AF_UNIX).connect(path)]
print(json.dumps([ends_with(attempt) for attempt in attempts]))
"""

REQUESTS = (
    ("GET", "/"),
    ("GET", "/api/health"),
    ("GET", "/api/runs"),
    ("GET", "/openapi.json"),
    ("GET", "/api/remote/status"),
    ("GET", "/api/live"),
    ("POST", "/api/remote/connect"),
    ("POST", "/api/session/stop"),
    ("NOTHING", ""),
)


@pytest.fixture(scope="module")
def stranger() -> Iterator[Account]:
    if os.geteuid() != 0 or not Path("/proc/net/tcp").exists():
        pytest.skip("needs root, to make a Unix user, and Linux, which tells whose a connection is")
    with make_account() as account:
        yield account


def as_user(account: Account, source: str, *arguments: str) -> Any:
    """Run a program as this user alone, with none of root's groups, and return what it prints as JSON."""
    done = subprocess.run(
        [SERVER_PYTHON, "-c", source, *arguments],
        user=account.uid,
        group=pwd.getpwuid(account.uid).pw_gid,
        extra_groups=[],
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def ask_all(account: Account, *places: tuple[str, int]) -> list[list[Any]]:
    """Return status and code of every request to every place."""
    asked = [(host, port, method, path) for host, port in places for method, path in REQUESTS]
    answers: list[list[Any]] = as_user(account, ASK, json.dumps(asked))
    assert len(answers) == len(asked)
    return answers


@pytest.mark.parametrize("backend", ["openssh", "asyncssh", "paramiko"])
def test_a_stranger_is_refused_at_every_port_while_the_owner_is_served(
    backend: str, server: Server, stranger: Account, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    folders_before = tunnel_folders()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_TUNNEL": backend}) as viewer:
        accept(viewer, connect(viewer, server.login()))
        session = start(viewer, server.login(remote_root=str(server.runs)))
        local, remote = session["localPort"], session["remotePort"]
        here = [("127.0.0.1", viewer.port), ("127.0.0.1", local), ("localhost", local)]
        if listens_on_ipv6(local):
            here.append(("::1", local))

        assert all(answer == [403, "OTHER_USER"] for answer in ask_all(stranger, *here, ("127.0.0.1", remote)))
        # Who owns one end is still a stranger to the other: the server's user here, where root runs the viewer.
        assert all(answer == [403, "OTHER_USER"] for answer in ask_all(server.account, *here))
        assert as_user(server.account, ASK, json.dumps([("127.0.0.1", remote, "GET", "/api/health")])) == [[200, None]]
        assert viewer.get("/api/health").json()["status"] == "ok"
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        # Nothing that was asked for has happened.
        assert viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()["status"] == "running"

        folders = tunnel_folders() - folders_before
        assert len(folders) == (1 if backend == "openssh" else 0)
        for folder in folders:
            assert_closed_to(stranger, folder)
            assert_closed_to(server.account, folder)
        stop(viewer, session)


def listens_on_ipv6(port: int) -> bool:
    try:
        socket.create_connection(("::1", port), timeout=5).close()
    except OSError:
        return False
    return True


def assert_closed_to(account: Account, folder: Path) -> None:
    """Require that this user can neither look into a tunnel's folder nor use what is in it."""
    names = sorted(each.name for each in folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    sockets = [each for each in folder.iterdir() if each.is_socket()]
    assert len(sockets) == 2  # the tunnel's way in, and the agent that holds the key
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in sockets)
    ends = as_user(account, REACH, str(folder), *names)
    assert set(ends) == {"PermissionError"}
    assert len(ends) == 2 + 4 * len(names)


def test_who_asks_as_the_owner_with_the_same_program_is_served(server: Server, tmp_path: Path) -> None:
    """The programs that are refused above are not refused for what they ask."""
    own = Account("root", tmp_path, None, os.geteuid())
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        asked = [("127.0.0.1", viewer.port, "GET", path) for path in ("/api/health", "/api/runs", "/openapi.json")]
        assert as_user(own, ASK, json.dumps(asked)) == [[200, None]] * 3
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    assert as_user(own, REACH, str(tmp_path / "folder"), "file")[0] == "success"
