"""A server with the wrong host key learns nothing: no user name, no key, no password, by any way to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import paramiko
import psutil
import pytest
from tests.support.hops import two_more, write_config
from tests.support.remote import ACCEPT_FIELDS, accept, connect, start, stop
from tests.support.rogue import Rogue, run_rogue
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.switch import Switch, run_switch
from tests.support.waiting import eventually

DOCUMENTED = {*ACCEPT_FIELDS, "known_hosts_host", "reason"}


@pytest.fixture
def rogue() -> Iterator[Rogue]:
    with run_rogue() as running:
        yield running


@pytest.fixture
def switch(server: Server) -> Iterator[Switch]:
    """An address that leads to the real server until a test says otherwise."""
    with run_switch(server.sshd.port) as running:
        yield running


@pytest.fixture
def viewer_with(tmp_path: Path) -> Iterator[Callable[[str], Viewer]]:
    """Start a viewer with this RUNICORN_TUNNEL."""
    with contextlib.ExitStack() as stack:
        (tmp_path / "home").mkdir()

        def make(backend: str) -> Viewer:
            environ = {"RUNICORN_TUNNEL": backend}
            return stack.enter_context(run_viewer(tmp_path / "local-root", tmp_path / "home", environ))

        yield make


def known_hosts_of(viewer: Viewer) -> Path:
    return Path(psutil.Process(viewer.process.pid).environ()["RUNICORN_HOME"]) / "known_hosts"


def write_known_hosts(viewer: Viewer, *lines: str) -> None:
    known_hosts_of(viewer).parent.mkdir(parents=True, exist_ok=True)
    known_hosts_of(viewer).write_text("".join(f"{line}\n" for line in lines))


def through(switch: Switch, server: Server, **more: Any) -> dict[str, Any]:
    return {**server.login(**more), "port": switch.port}


def assert_whole(answer: httpx.Response, port: int, rogue: Rogue, reason: str) -> dict[str, Any]:
    """Check that this is the 409 of an offered key, with everything that a person needs to accept it."""
    assert (answer.status_code, answer.json()["code"]) == (409, "HOST_KEY_CONFIRMATION_REQUIRED"), answer.text
    host_key: dict[str, Any] = answer.json()["detail"]["host_key"]
    assert host_key.keys() >= DOCUMENTED
    assert (host_key["host"], host_key["port"], host_key["reason"]) == ("127.0.0.1", port, reason)
    assert host_key["known_hosts_host"] == f"[127.0.0.1]:{port}"
    assert host_key["public_key"] in rogue.keys
    assert host_key["public_key"].split()[0] == host_key["key_type"]
    return host_key


def test_the_rogue_server_counts_what_a_careless_client_sends(rogue: Rogue) -> None:
    with contextlib.closing(paramiko.Transport(("127.0.0.1", rogue.port))) as careless:
        careless.start_client(timeout=10)
        assert (rogue.visits, rogue.logins) == (1, [])
        careless.auth_password("me", "secret")
        assert rogue.logins == ["me", "me with a password"]


@pytest.mark.parametrize("connector", ["paramiko", "ssh"])
def test_connecting_sends_no_login_before_the_verdict(
    rogue: Rogue, server: Server, tmp_path: Path, connector: str
) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_CONNECTOR": connector}) as viewer:
        _send_no_login_before_the_verdict(viewer, rogue, server)


def _send_no_login_before_the_verdict(viewer: Viewer, rogue: Rogue, server: Server) -> None:
    name = f"[127.0.0.1]:{rogue.port}"
    for lines, reason in (
        ([], "unknown"),
        ([f"{name} {server.sshd.host_key()}"], "changed"),
        ([f"{name} {server.sshd.host_key('rsa')}"], "changed"),
        ([f"@revoked * {rogue.keys[0]}", f"{name} {rogue.keys[0]}"], "revoked"),
    ):
        write_known_hosts(viewer, *lines)
        for login in (
            {"password": "canary"},
            {"private_key": server.key.read_text()},
            {"private_key_path": str(server.key)},
            {"use_agent": True},
        ):
            body = {"host": "127.0.0.1", "port": rogue.port, "username": "me", **login}
            for path, more in (("/api/remote/connect", {}), ("/api/remote/viewer/start", {"remote_root": "/data"})):
                answer = viewer.post(path, {**body, **more})
                if reason == "revoked":
                    assert (answer.status_code, answer.json()["code"]) == (403, "HOST_KEY_REVOKED")
                else:
                    assert_whole(answer, rogue.port, rogue, reason)
    assert rogue.visits >= 32
    assert rogue.logins == []


@pytest.mark.parametrize("backend", ["auto", "openssh", "asyncssh"])
def test_a_tunnel_that_meets_another_key_ends_with_the_whole_question(
    viewer_with: Callable[[str], Viewer], server: Server, switch: Switch, backend: str
) -> None:
    """The Paramiko tunnel has no login of its own: it runs in the connection, whose reconnect is tested below."""
    viewer = viewer_with(backend)
    body = through(switch, server)
    accept(viewer, connect(viewer, body))
    assert connect(viewer, body).status_code == 200
    for rogue_type in ("ssh-ed25519", "ecdsa-sha2-nistp521"):  # the stored type, and one that was never asked for
        with run_rogue([rogue_type]) as rogue:
            switch.to_port = rogue.port
            answer = viewer.post("/api/remote/viewer/start", {**body, "remote_root": str(server.runs)})
            host_key = assert_whole(answer, switch.port, rogue, "changed")
            assert [each["public_key"] for each in host_key["expected_keys"]] == [server.sshd.host_key()]
            (session,) = viewer.get("/api/remote/viewer/sessions", ended=True).json()["sessions"]
            assert (session["status"], session["fallbacks"], session["tunnelBackend"]) == ("failed", [], None)
            assert rogue.visits >= 1
            assert rogue.logins == []
    switch.to_port = server.sshd.port
    stop(viewer, start(viewer, {**body, "remote_root": str(server.runs)}))


def test_a_wrong_key_that_is_gone_a_moment_later_is_no_reason_to_fall_back(
    viewer_with: Callable[[str], Viewer], server: Server, switch: Switch, rogue: Rogue
) -> None:
    """`ssh` prints no key, so it is fetched again; who then shows the right one has still shown a wrong one before."""
    viewer = viewer_with("auto")
    body = through(switch, server)
    accept(viewer, connect(viewer, body))
    assert connect(viewer, body).status_code == 200
    switch.next_port = rogue.port
    answer = viewer.post("/api/remote/viewer/start", {**body, "remote_root": str(server.runs)})
    assert (answer.status_code, answer.json()["code"]) == (500, "TUNNEL_FAILED")
    assert "another host key" in answer.json()["detail"]
    (session,) = viewer.get("/api/remote/viewer/sessions", ended=True).json()["sessions"]
    assert (session["status"], session["fallbacks"]) == ("failed", [])
    assert (rogue.visits, rogue.logins) == (1, [])


@pytest.mark.parametrize("backend", ["openssh", "asyncssh"])
def test_a_tunnel_asks_the_file_as_it_is_now(
    viewer_with: Callable[[str], Viewer], server: Server, switch: Switch, rogue: Rogue, backend: str
) -> None:
    viewer = viewer_with(backend)
    body = through(switch, server)
    accept(viewer, connect(viewer, body))
    assert connect(viewer, body).status_code == 200

    with known_hosts_of(viewer).open("a") as file:
        file.write(f"@revoked * {rogue.keys[0]}\n")
    switch.to_port = rogue.port
    revoked = viewer.post("/api/remote/viewer/start", {**body, "remote_root": str(server.runs)})
    assert (revoked.status_code, revoked.json()["code"]) == (403, "HOST_KEY_REVOKED")

    write_known_hosts(viewer)
    removed = viewer.post("/api/remote/viewer/start", {**body, "remote_root": str(server.runs)})
    assert_whole(removed, switch.port, rogue, "unknown")
    assert rogue.logins == []

    switch.to_port = server.sshd.port
    accept(viewer, viewer.post("/api/remote/viewer/start", {**body, "remote_root": str(server.runs)}))
    stop(viewer, start(viewer, {**body, "remote_root": str(server.runs)}))


@pytest.mark.parametrize("backend", ["openssh", "asyncssh", "paramiko"])
def test_a_reconnect_that_meets_another_key_waits_for_a_person_and_logs_in_nowhere(
    viewer_with: Callable[[str], Viewer], server: Server, switch: Switch, rogue: Rogue, backend: str
) -> None:
    viewer = viewer_with(backend)
    body = through(switch, server)
    accept(viewer, connect(viewer, body))
    session = start(viewer, {**body, "remote_root": str(server.runs)})
    switch.to_port = rogue.port
    switch.cut()

    def waiting() -> Any:
        now = viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()
        return now if now["needsPerson"] else None

    now = eventually(waiting, 15)
    assert (now["status"], now["error"]["code"]) == ("reconnecting", "HOST_KEY_CONFIRMATION_REQUIRED")
    visits = rogue.visits
    assert visits >= 1
    # Whoever looks leads to no other visit; a person's "try again" meets the same question, and still no login.
    assert httpx.get(f"{session['url']}/api/health").json()["code"] == "LINK_DOWN"
    viewer.post("/api/remote/viewer/retry", {"session_id": session["sessionId"], "login": True})
    eventually(lambda: rogue.visits > visits and waiting(), 15)
    assert rogue.logins == []
    # With the right server in its place the session goes on, on its address.
    switch.to_port = server.sshd.port
    viewer.post("/api/remote/viewer/retry", {"session_id": session["sessionId"], "login": True})
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    eventually(lambda: viewer.get(status).json()["status"] == "running", 40)
    assert viewer.get(status).json()["localPort"] == session["localPort"]
    stop(viewer, session)


@pytest.mark.parametrize("connector", ["paramiko", "ssh"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_no_hop_learns_anything_before_its_own_verdict(
    at: int, connector: str, server: Server, rogue: Rogue, tmp_path: Path
) -> None:
    """One of three hops is not whom it should be: those before it were logged in to, and those behind it never met."""
    with contextlib.ExitStack() as stack:
        hops: list[Any] = stack.enter_context(two_more(server))
        hops.insert(at, rogue)
        write_config(tmp_path / "home", server, [hop.port for hop in hops])
        environ = {"RUNICORN_CONNECTOR": connector}
        viewer = stack.enter_context(run_viewer(tmp_path / "root", tmp_path / "home", environ))
        body = {"host": "three", "username": server.account.username, "password": "canary"}
        asked = []
        while (answer := connect(viewer, body)).status_code == 409:
            asked.append(answer.json()["detail"]["host_key"]["port"])
            if asked[-1] == rogue.port:
                break
            accept(viewer, answer)
        assert asked == [hop.port for hop in hops[: at + 1]]
        assert_whole(answer, rogue.port, rogue, "unknown")
        for line, reason in (
            (f"[127.0.0.1]:{rogue.port} {server.sshd.host_key()}", "changed"),
            (f"@revoked [127.0.0.1]:{rogue.port} {rogue.keys[0]}", None),
        ):
            kept = known_hosts_of(viewer).read_text() if known_hosts_of(viewer).exists() else ""
            write_known_hosts(viewer, *kept.splitlines(), line)
            for path, more in (("/api/remote/connect", {}), ("/api/remote/viewer/start", {"remote_root": "/data"})):
                answer = viewer.post(path, {**body, **more})
                if reason is None:
                    assert (answer.status_code, answer.json()["code"]) == (403, "HOST_KEY_REVOKED"), answer.text
                else:
                    assert_whole(answer, rogue.port, rogue, reason)
        assert rogue.visits >= 5
        assert rogue.logins == []
        for hop in hops[at + 1 :]:
            assert hop.log.count("Connection from") == 1  # by who waited for its start
        for hop in hops[:at]:
            assert "Accepted publickey" in hop.log
            assert "canary" not in hop.log
            assert "Failed password" not in hop.log
