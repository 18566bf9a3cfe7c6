"""Connecting through the API, on a real sshd: host keys, every login, every answer."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.remote import ACCEPT_FIELDS, accept, connect
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import free_port, make_key


@pytest.fixture
def known(viewer: Viewer, server: Server) -> Viewer:
    """A viewer in which a person has accepted the server's key."""
    accept(viewer, connect(viewer, server.login()))
    return viewer


def test_an_unknown_host_key_is_409_with_the_documented_payload(viewer: Viewer, server: Server) -> None:
    answer = connect(viewer, server.login())
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == body["detail"]["code"] == "HOST_KEY_CONFIRMATION_REQUIRED"
    offered = body["detail"]["host_key"]
    assert offered == {
        "host": "127.0.0.1",
        "port": server.sshd.port,
        "known_hosts_host": f"[127.0.0.1]:{server.sshd.port}",
        "key_type": "ssh-ed25519",
        "fingerprint_sha256": fingerprint(server),
        "public_key": server.sshd.host_key(),
        "reason": "unknown",
    }
    assert "Accepted publickey" not in server.sshd.log


def fingerprint(server: Server) -> str:
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(server.sshd.folder / "host_ed25519.pub")], check=True, capture_output=True, text=True
    )
    return shown.stdout.split()[1]


def test_after_accepting_the_same_request_connects(known: Viewer, server: Server) -> None:
    answer = connect(known, server.login())
    username, port = server.account.username, server.sshd.port
    assert answer.json() == {
        "ok": True,
        "connection_id": f"{username}@127.0.0.1:{port}",
        "host": "127.0.0.1",
        "port": port,
        "username": username,
        "connected": True,
        "hops": [server.target()],
        "resolved_by": "ssh -G",
        "connector": "paramiko",
        "connector_reason": None,
    }
    listed = known.get("/api/remote/sessions").json()
    assert listed == {"sessions": [{"key": f"{username}@127.0.0.1:{port}", **server.target(), "connected": True}]}


def test_a_changed_host_key_shows_expected_and_offered_and_can_be_replaced(viewer: Viewer, server: Server) -> None:
    other = make_key(server.sshd.folder / "host_other")
    old_line = " ".join(other.with_suffix(".pub").read_text().split()[:2])
    write_known_hosts(viewer, f"[127.0.0.1]:{server.sshd.port} {old_line}\n")
    answer = connect(viewer, server.login())
    assert answer.status_code == 409
    host_key = answer.json()["detail"]["host_key"]
    assert host_key["reason"] == "changed"
    assert host_key["expected_public_key"] == old_line
    assert host_key["public_key"] == server.sshd.host_key()
    accept(viewer, answer)
    assert connect(viewer, server.login()).status_code == 200
    entries = viewer.get("/api/remote/known-hosts/list").json()["entries"]
    assert [entry["key_base64"] for entry in entries] == [server.sshd.host_key().split()[1]]


def known_hosts_of(viewer: Viewer) -> Path:
    return Path(psutil.Process(viewer.process.pid).environ()["RUNICORN_HOME"]) / "known_hosts"


def write_known_hosts(viewer: Viewer, text: str) -> None:
    known_hosts_of(viewer).parent.mkdir(parents=True, exist_ok=True)
    known_hosts_of(viewer).write_text(text)


def test_a_server_with_more_key_types_than_are_stored_raises_no_false_alarm(viewer: Viewer, server: Server) -> None:
    write_known_hosts(viewer, f"[127.0.0.1]:{server.sshd.port} {server.sshd.host_key('rsa')}\n")
    assert connect(viewer, server.login()).status_code == 200


def test_a_key_type_that_the_server_no_longer_has_reads_as_changed(
    viewer: Viewer, server: Server, tmp_path: Path
) -> None:
    gone = make_key(tmp_path / "gone", "ecdsa", "", "-b", "521")
    line = " ".join(gone.with_suffix(".pub").read_text().split()[:2])
    write_known_hosts(viewer, f"[127.0.0.1]:{server.sshd.port} {line}\n")
    host_key = connect(viewer, server.login()).json()["detail"]["host_key"]
    assert (host_key["reason"], host_key["key_type"]) == ("changed", "ssh-ed25519")
    assert "expected_public_key" not in host_key
    assert [each["public_key"] for each in host_key["expected_keys"]] == [line]


def test_a_revoked_host_key_is_403_and_offers_no_acceptance(viewer: Viewer, server: Server) -> None:
    write_known_hosts(viewer, f"@revoked * {server.sshd.host_key()}\n")
    answer = connect(viewer, server.login())
    assert (answer.status_code, answer.json()["code"]) == (403, "HOST_KEY_REVOKED")


def test_accepting_what_does_not_belong_together_writes_nothing(viewer: Viewer, server: Server) -> None:
    offered = connect(viewer, server.login()).json()["detail"]["host_key"]
    body = {name: offered[name] for name in ACCEPT_FIELDS}
    for wrong in (
        {"fingerprint_sha256": "SHA256:AAAA"},
        {"key_type": "ssh-rsa"},
        {"public_key": server.sshd.host_key("rsa")},
        {"public_key": offered["public_key"] + "\nevil ssh-ed25519 AAAA"},
        {"host": "gpu,evil"},
        {"host": "gpu evil"},
        {"host": "gpu\nevil"},
    ):
        answer = viewer.post("/api/remote/known-hosts/accept", {**body, **wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "HOST_KEY_INVALID"), wrong
    assert not known_hosts_of(viewer).exists()


def test_an_accepted_key_is_listed_and_can_be_removed(known: Viewer, server: Server) -> None:
    (entry,) = known.get("/api/remote/known-hosts/list").json()["entries"]
    assert entry["known_hosts_host"] == f"[127.0.0.1]:{server.sshd.port}"
    assert entry["fingerprint_sha256"] == fingerprint(server)
    body = {"host": "127.0.0.1", "port": server.sshd.port, "key_type": "ssh-ed25519"}
    assert known.post("/api/remote/known-hosts/remove", body).json() == {"ok": True, "changed": True}
    assert known.post("/api/remote/known-hosts/remove", body).json() == {"ok": True, "changed": False}
    assert connect(known, server.login()).status_code == 409


# --- logins ---------------------------------------------------------------------------------------------------------


def test_key_content_logs_in(known: Viewer, server: Server) -> None:
    assert connect(known, server.target(private_key=server.key.read_text())).status_code == 200


def test_an_encrypted_key_needs_its_own_passphrase(known: Viewer, server: Server, tmp_path: Path) -> None:
    key = make_key(tmp_path / "locked", "ed25519", "open sesame")
    server.sshd.authorize(server.account.username, key.with_suffix(".pub"))
    body = server.target(private_key_path=str(key))
    missing = connect(known, body)
    assert (missing.status_code, missing.json()["code"]) == (400, "PASSPHRASE_REQUIRED")
    wrong = connect(known, {**body, "passphrase": "canary-guess"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "PASSPHRASE_WRONG")
    assert "canary-guess" not in wrong.text
    assert connect(known, {**body, "passphrase": "open sesame"}).status_code == 200


def test_a_password_logs_in_and_a_wrong_one_says_what_the_server_would_take(known: Viewer, server: Server) -> None:
    wrong = connect(known, server.target(password="canary-wrong"))
    assert (wrong.status_code, wrong.json()["code"]) == (401, "AUTH_FAILED")
    assert "publickey, password" in wrong.json()["detail"]
    assert "canary-wrong" not in wrong.text
    assert connect(known, server.target(password=server.account.password)).status_code == 200


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A real ssh-agent of this test's own."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert process.poll() is None
        yield {"SSH_AUTH_SOCK": str(path)}
    finally:
        process.terminate()
        process.wait()


def test_the_agent_logs_in_and_is_left_alone_where_the_person_says_so(
    agent: dict[str, str], server: Server, tmp_path: Path
) -> None:
    subprocess.run(["ssh-add", "-q", str(server.key)], check=True, env={**os.environ, **agent})
    (tmp_path / "home").mkdir(exist_ok=True)
    with run_viewer(tmp_path / "root", tmp_path / "home", agent) as viewer:
        accept(viewer, connect(viewer, server.login()))
        nothing = connect(viewer, server.target(use_agent=False))
        assert (nothing.status_code, nothing.json()["code"]) == (401, "NO_CREDENTIALS")
        assert connect(viewer, server.target()).status_code == 200


def test_default_keys_log_in_as_they_would_for_ssh(server: Server, tmp_path: Path) -> None:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "id_ed25519").write_text(server.key.read_text())
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        accept(viewer, connect(viewer, server.login()))
        assert connect(viewer, server.target()).status_code == 200


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "KEY_FILE_NOT_FOUND"),
        ("garbage", "KEY_INVALID"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "KEY_INVALID"),
        ("ssh-ed25519 AAAA me", "KEY_INVALID"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_before_the_server_is_asked(
    viewer: Viewer, tmp_path: Path, content: str | None, code: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    answer = connect(viewer, {"host": "127.0.0.1", "port": 1, "username": "me", "private_key_path": str(path)})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["hint"]


# --- servers that cannot be reached ---------------------------------------------------------------------------------


def test_a_host_that_does_not_exist(viewer: Viewer) -> None:
    answer = connect(viewer, {"host": "nosuch.invalid", "username": "me", "password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (500, "DNS_FAILED")
    assert "nosuch.invalid" in answer.json()["detail"]


def test_a_port_where_nothing_listens(viewer: Viewer) -> None:
    answer = connect(viewer, {"host": "127.0.0.1", "port": free_port(), "username": "me", "password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (500, "CONNECTION_REFUSED")


def test_a_web_server_on_the_port(viewer: Viewer) -> None:
    answer = connect(viewer, {"host": "127.0.0.1", "port": viewer.port, "username": "me", "password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (500, "NOT_SSH")


def test_a_server_that_hangs_up(viewer: Viewer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        body = {"host": "127.0.0.1", "port": listener.getsockname()[1], "username": "me", "password": "x"}
        answer = connect(viewer, body)
    assert (answer.status_code, answer.json()["code"]) == (500, "CONNECTION_CLOSED")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"host": "-oProxyCommand=x", "username": "me"}, 400, "INVALID_TARGET"),
        ({"host": "gpu", "username": "a -b"}, 400, "INVALID_TARGET"),
        ({"host": "gpu", "username": "me", "jumps": ["me@"]}, 400, "INVALID_TARGET"),
        ({"host": "gpu", "username": "me", "jumps": ["-oProxyCommand=x"]}, 400, "INVALID_TARGET"),
        ({"host": "gpu", "username": "me", "jumps": "a"}, 422, "INVALID_REQUEST"),
        ({"host": "gpu", "username": "me", "port": 0}, 422, "INVALID_REQUEST"),
        ({"host": "gpu", "username": "me", "port": 65536}, 422, "INVALID_REQUEST"),
        ({"username": "me"}, 422, "INVALID_REQUEST"),
    ],
)
def test_a_malformed_request_names_what_is_wrong(viewer: Viewer, body: dict[str, Any], status: int, code: str) -> None:
    answer = connect(viewer, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_validation_error_never_repeats_a_secret(viewer: Viewer) -> None:
    body = {"host": "gpu", "username": "me", "port": "x", "password": "canary-password", "passphrase": ["canary-list"]}
    answer = connect(viewer, body)
    assert answer.status_code == 422
    assert "canary" not in answer.text


# --- afterwards -----------------------------------------------------------------------------------------------------


def test_disconnect_closes_and_a_second_one_finds_nothing(known: Viewer, server: Server) -> None:
    connection_id = connect(known, server.login()).json()["connection_id"]
    assert known.post("/api/remote/disconnect", server.target()).json() == {"ok": True, "message": "Connection removed"}
    again = known.post("/api/remote/disconnect", server.target())
    assert (again.status_code, again.json()) == (200, {"ok": False, "message": "Connection not found"})
    gone = known.get("/api/remote/config", connection_id=connection_id)
    assert (gone.status_code, gone.json()["code"]) == (404, "NOT_CONNECTED")


def test_saved_connections_come_back_without_secrets(viewer: Viewer) -> None:
    item = {"name": "lab", "host": "gpu", "port": 2222, "username": "me", "remoteRoot": "/data", "colour": "blue"}
    answer = viewer.post("/api/remote/connections/saved", [{**item, "password": "canary", "passphrase": "canary"}])
    assert answer.json()["ok"] is True
    saved = viewer.get("/api/remote/connections/saved")
    assert saved.json() == {"ok": True, "connections": [item]}
    assert "canary" not in (known_hosts_of(viewer).parent / "connections.json").read_text()
