"""A server that takes its time with a login is waited for: it is slow, and has refused nobody."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import Account
from tests.support.asking import run_asking
from tests.support.pam import pam_service
from tests.support.questions import know
from tests.support.remote import ACCEPT_FIELDS, connect, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer
from tests.support.waiting import eventually

from runicorn.errors import ConnectionTimeoutError, HostKeyConfirmationError
from runicorn.remote.asking.question import Asked
from runicorn.remote.names.way import direct
from runicorn.remote.ssh import paramiko
from runicorn.remote.ssh.paramiko import connection
from runicorn.remote.telling.progress import Progress
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Credentials, Secret, Target

SLOW = "waiting for the server: it checks the login"
MINUTE_SECS = 60


def login_stage(viewer: Viewer, port: int) -> dict[str, Any]:
    progress = viewer.get("/api/remote/status").json()["progress"]
    (mine,) = [each for each in progress if each["connectionId"].endswith(f":{port}")]
    return next(stage for stage in mine["stages"] if stage["name"] == "login")


def accept_key(target: Target, keys: HostKeyFile) -> None:
    with pytest.raises(HostKeyConfirmationError) as unknown:
        paramiko.connect(target, direct(target), Credentials(), keys, Progress(), keys.path.parent)
    keys.accept(*(unknown.value.payload[name] for name in ACCEPT_FIELDS))


@pytest.mark.parametrize("sent", [False, True], ids=["prompt", "sent"])
def test_one_that_never_ends_is_a_timeout_and_no_refusal(
    sent: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "AUTH_TIMEOUT_SECS", 1.0)
    requests = [] if sent else [["Password: "]]
    with run_asking(*requests, takes_password=sent, checks_secs=30) as asking:
        target = Target.make("127.0.0.1", asking.port, "me")
        keys, progress = HostKeyFile(tmp_path / "known_hosts"), Progress()
        credentials = Credentials(password=Secret(asking.password), use_agent=False)
        accept_key(target, keys)
        with pytest.raises(ConnectionTimeoutError, match="did not answer the login within 1 s"):
            paramiko.connect(target, direct(target), credentials, keys, progress, tmp_path)
        assert asking.failures == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="needs Linux: TCP_USER_TIMEOUT")
def test_the_system_looks_whether_the_server_is_there_while_it_is_waited_for(tmp_path: Path) -> None:
    """And no longer: what a link may be silent for afterwards is for the watch over a session to say."""
    looked: list[tuple[int, int]] = []
    opened: list[Any] = []

    def look() -> None:
        sock = opened[-1].sock
        looked.append(
            (
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            )
        )

    class Typist:
        def ask(self, asked: Asked, still_there: Callable[[], bool]) -> list[Secret]:
            look()
            return [Secret("246810")]

    with run_asking(["Verification code: "]) as asking:
        target = Target.make("127.0.0.1", asking.port, "me")
        keys = HostKeyFile(tmp_path / "known_hosts")
        accept_key(target, keys)
        made = paramiko.connect(
            target,
            direct(target),
            Credentials(use_agent=False),
            keys,
            Progress(),
            tmp_path,
            opened.append,
            asker=Typist(),
        )
        opened.append(made.transport)
        look()
        made.close()
    assert looked == [(1, 20_000), (0, 0)]


@pytest.mark.survival
def test_a_login_of_a_minute_is_waited_for(viewer: Viewer) -> None:
    with run_asking(["Password: "], checks_secs=MINUTE_SECS) as asking:
        body = {**know(viewer, asking.port), "password": asking.password}
        viewer.client.timeout = 2 * MINUTE_SECS
        assert connect(viewer, body).status_code == 200
        assert login_stage(viewer, asking.port)["secs"] > MINUTE_SECS - 1


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """While this file is there, PAM takes a minute for a login."""
    return tmp_path / "slow"


@pytest.fixture
def directory(server_account: Account, tmp_path: Path, slow: Path) -> Iterator[Server]:
    """A server that asks a directory about passwords."""
    script = tmp_path / "ask-the-directory"
    script.write_text(f"#!/bin/sh\n[ ! -e {slow} ] || sleep {MINUTE_SECS}\n")
    script.chmod(0o755)
    options = {"UsePAM": "yes", "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no"}
    lines = ("auth required pam_unix.so", f"auth required pam_exec.so quiet {script}")
    with (
        pam_service(*lines) as service,
        run_server(server_account, tmp_path, options=options, service=service) as server,
    ):
        yield server


@pytest.mark.survival
@pytest.mark.timeout(300)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only it may set up PAM")
def test_a_slow_login_ends_no_reconnect(directory: Server, slow: Path, viewer: Viewer) -> None:
    server = directory
    know(viewer, server.sshd.port, server.account.username)
    body = server.body(password=server.account.password, use_agent=False, remote_root=str(server.runs))
    session = start(viewer, body)
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    slow.touch()
    server.kill_sshd_children()
    eventually(lambda: viewer.get(status).json()["status"] == "reconnecting", 20)
    eventually(lambda: login_stage(viewer, server.sshd.port)["detail"] == SLOW, 20)
    failed = [line for line in server.sshd.log.splitlines() if line.startswith("Failed ")]
    eventually(lambda: login_stage(viewer, server.sshd.port)["state"] == "done", 2 * MINUTE_SECS)
    slow.unlink()
    eventually(lambda: viewer.get(status).json()["status"] == "running", MINUTE_SECS, "the session")
    back = viewer.get(status).json()
    assert (back["remotePid"], back["localPort"], back["needsPerson"]) == (
        session["remotePid"],
        session["localPort"],
        False,
    )
    assert [line for line in server.sshd.log.splitlines() if line.startswith("Failed ")] == failed
    stop(viewer, session)
