"""Another Unix user of the same machine: can reach every port there is, and gets nothing through any of them."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.accounts import Account, make_account
from tests.support.addresses import ADDED, added_addresses, machine_addresses, of_family
from tests.support.remote import accept, connect, start, stop
from tests.support.server import SERVER_PYTHON, Server
from tests.support.serving import run_viewer, tunnel_folders
from tests.support.waiting import eventually

from runicorn.loopback.listening import has_ipv6_loopback

# One user who asks at each place, in its own words: GET, POST, and nothing at all. Prints a list of what came back.
# source: the address to connect from, "" for any.
ASK = """
import http.client, json, socket, sys

def connected(host, port, source):
    # An address that leads nowhere near this one, such as a link's own to ::1, takes 2 s, once.
    if (host, source) in nowhere:
        raise OSError("leads nowhere")
    if not source:
        return socket.create_connection((host, port), timeout=20)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.settimeout(2)
        sock.bind(socket.getaddrinfo(source, 0, family, socket.SOCK_STREAM)[0][4])
        sock.connect((host, port))
        sock.settimeout(20)
    except OSError:
        nowhere.add((host, source))
        sock.close()
        raise
    return sock

nowhere = set()

def answer_to(host, port, method, path, source):
    if method == "NOTHING":
        with connected(host, port, source) as sock:
            said = b""
            while piece := sock.recv(65536):
                said += piece
        head, _, body = said.partition(b"\\r\\n\\r\\n")
        return int(head.split()[1]), body
    connection = http.client.HTTPConnection(host, port)
    connection.sock = connected(host, port, source)
    body = "{}" if method == "POST" else None
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    response = connection.getresponse()
    return response.status, response.read()

def asked(host, port, method, path, source=""):
    try:
        status, body = answer_to(host, port, method, path, source)
    except OSError as error:
        return [type(error).__name__, None]
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


@pytest.fixture(scope="module")
def addresses() -> Iterator[list[str]]:
    with added_addresses():
        yield machine_addresses()


def test_a_stranger_is_refused_from_every_address_of_the_machine(
    server: Server, stranger: Account, addresses: list[str], tmp_path: Path
) -> None:
    """Whose a connection is does not depend on the address that it comes from."""
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        accept(viewer, connect(viewer, server.login()))
        session = start(viewer, server.login(remote_root=str(server.runs)))
        ports = (viewer.port, session["localPort"], session["remotePort"])
        asked = [
            (host, port, method, path, source)
            for port in ports
            for host in (["127.0.0.1", "::1"] if has_ipv6_loopback() else ["127.0.0.1"])
            for source in of_family(addresses, host)
            for method, path in REQUESTS[1:3] + REQUESTS[-2:]
        ]
        answers: list[list[Any]] = as_user(stranger, ASK, json.dumps(asked))
        served = {
            (each[0], each[4]): answer[0] for each, answer in zip(asked, answers, strict=True) if answer[0] == 200
        }
        assert served == {}
        reached = {each[4] for each, answer in zip(asked, answers, strict=True) if answer == [403, "OTHER_USER"]}
        assert reached >= {"127.0.0.1", "127.0.0.2", *ADDED} & set(of_family(addresses, "127.0.0.1"))
        assert not has_ipv6_loopback() or reached >= {"::1", ADDED[1]}
        # What an address cannot connect from at all, such as a link's own one to ::1, is no answer either.
        assert all(answer == [403, "OTHER_USER"] or isinstance(answer[0], str) for answer in answers)
        assert viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()["status"] == "running"
        # The owner is served from each address that a stranger was refused from.
        own = Account("root", tmp_path, None, os.geteuid())
        hosts = {source: "::1" if ":" in source else "127.0.0.1" for source in reached}
        mine = [(host, viewer.port, "GET", "/api/health", source) for source, host in hosts.items()]
        assert as_user(own, ASK, json.dumps(mine)) == [[200, None]] * len(mine)
        stop(viewer, session)


@pytest.mark.skipif(not has_ipv6_loopback(), reason="needs ::1")
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_localhost_is_never_a_strangers_page(family: str, stranger: Account, tmp_path: Path) -> None:
    """A browser takes whichever of 127.0.0.1 and ::1 answers for `localhost`: both are the viewer's, or it does not
    start."""
    (tmp_path / "home").mkdir()
    host = "127.0.0.1" if family == "AF_INET" else "::1"
    with squatting(stranger, host, 0) as port:
        command = [sys.executable, "-m", "runicorn", "viewer", "--no-browser", "--port", str(port)]
        refused = subprocess.run(
            [*command, "--root", str(tmp_path / "root")], capture_output=True, text=True, timeout=60, check=False
        )
        assert refused.returncode != 0
        assert "LOCAL_PORT_IN_USE" in refused.stderr
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        with pytest.raises(subprocess.CalledProcessError), squatting(stranger, host, viewer.port):
            pass
        assert httpx.get(f"http://[::1]:{viewer.port}/api/health").json()["status"] == "ok"
        assert httpx.get(f"http://localhost:{viewer.port}/api/health").json()["status"] == "ok"


@contextlib.contextmanager
def squatting(account: Account, host: str, port: int) -> Iterator[int]:
    """Let this user listen on a port. Raises CalledProcessError where it cannot be had."""
    source = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
sock = socket.socket(family)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind((sys.argv[1], int(sys.argv[2])))
sock.listen()
print(sock.getsockname()[1], flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [SERVER_PYTHON, "-c", source, host, str(port)],
        user=account.uid,
        group=pwd.getpwuid(account.uid).pw_gid,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise subprocess.CalledProcessError(process.wait(20), process.args)
        yield int(line)
        process.communicate(timeout=20)


# Connects as fast as it can and asks for something each time; prints how many connections it made.
FLOOD = """
import json, socket, sys
host, port, wanted = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
made, kept = 0, []
while made < wanted:
    try:
        sock = socket.create_connection((host, port), timeout=20)
        sock.sendall(b"GET /api/runs HTTP/1.1\\r\\n\\r\\n")
    except OSError:
        continue
    made += 1
    kept.append(sock)
    if len(kept) > 200:
        kept.pop(0).close()
print(json.dumps(made))
"""


def test_a_stranger_who_connects_without_end_does_not_keep_the_owner_out(stranger: Account, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        assert viewer.get("/api/health").status_code == 200
        before = psutil.Process(viewer.process.pid).num_fds()
        with ThreadPoolExecutor(1) as pool:
            flood = pool.submit(as_user, stranger, FLOOD, "127.0.0.1", str(viewer.port), "4000")
            served = 0
            while not flood.done():
                # A new connection each time, as a browser's first one.
                answer = httpx.get(f"{viewer.url}/api/health", timeout=5)
                assert answer.json()["status"] == "ok"
                assert viewer.get("/api/runs").status_code == 200
                served += 1
            assert flood.result() == 4000
            assert served
        # Afterwards too: what is left of the strangers' connections in the kernel's tables costs nothing.
        assert httpx.get(f"{viewer.url}/api/health", timeout=5).json()["status"] == "ok"
        eventually(lambda: psutil.Process(viewer.process.pid).num_fds() <= before + 2, what="their connections closed")


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
