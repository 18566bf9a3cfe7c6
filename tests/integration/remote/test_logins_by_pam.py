"""Logins as sites set them up with PAM: codes of a one-time kind, expired passwords, accounts that lock."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.accounts import Account, make_account
from tests.support.pam import Authenticator, failed_logins, find_module, missing_for_codes, pam_service
from tests.support.questions import Person, know, person_at, prompts
from tests.support.remote import connect, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import make_key, run_sshd
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only it may set up PAM")
needs_codes = pytest.mark.skipif(bool(missing_for_codes()), reason=missing_for_codes() or "-")

ASKS = {
    "UsePAM": "yes",
    "KbdInteractiveAuthentication": "yes",
    "PasswordAuthentication": "no",
    "PubkeyAuthentication": "no",
}
CODES = ("auth requisite pam_unix.so", "auth required pam_google_authenticator.so")


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    home = tmp_path_factory.mktemp("home")
    with run_viewer(home / "root", home) as viewer:
        yield viewer


@pytest.fixture
def me(viewer: Viewer) -> Iterator[Person]:
    with person_at(viewer) as person:
        yield person


@pytest.fixture
def account() -> Iterator[Account]:
    with make_account() as account:
        yield account


def answer_next(person: Person, prompt: str, *answers: str) -> None:
    """Wait for the question with this prompt, and answer it."""
    question = eventually(
        lambda: next((each for each in person.questions() if prompt in prompts(each)[0]), None), 15, prompt
    )
    person.answer(question, *answers)


@needs_codes
def test_a_password_and_a_code_of_google_authenticator_log_in(me: Person, account: Account) -> None:
    assert account.password
    app = Authenticator(account)
    with pam_service(*CODES) as service, run_sshd(options=ASKS, service=service) as sshd:
        body = know(me.viewer, sshd.port, account.username)
        waiting = me.connect({**body, "password": account.password})
        question = me.question()
        (prompt,) = question["prompts"]
        assert (prompt["text"].endswith("Verification code:"), prompt["echo"]) == (True, False)
        me.answer(question, app.code())
        assert waiting.result(20).status_code == 200, sshd.log
        eventually(lambda: sshd.log.count("Accepted keyboard-interactive/pam") == 1)
        # A wrong code is refused, once.
        me.viewer.post("/api/remote/disconnect", body)
        waiting = me.connect({**body, "password": account.password})
        me.answer(me.question(), "000000")
        assert waiting.result(20).json()["code"] == "AUTH_FAILED"


@needs_codes
def test_a_key_and_then_a_code(me: Person, account: Account, tmp_path: Path) -> None:
    app, key = Authenticator(account), make_key(tmp_path / "id")
    options = {**ASKS, "PubkeyAuthentication": "yes", "AuthenticationMethods": "publickey,keyboard-interactive"}
    with (
        pam_service("auth required pam_google_authenticator.so") as service,
        run_sshd(options=options, service=service) as sshd,
    ):
        sshd.authorize(account.username, key.with_suffix(".pub"))
        body = {**know(me.viewer, sshd.port, account.username), "private_key_path": str(key)}
        waiting = me.connect(body)
        answer_next(me, "Verification code", app.code())
        assert waiting.result(20).status_code == 200, sshd.log


def test_an_expired_password_is_changed_and_the_new_one_is_kept(me: Person, account: Account) -> None:
    assert account.password
    subprocess.run(["chage", "-d", "0", account.username], check=True)
    new = f"Another-{account.password}-9"
    with pam_service() as service, run_sshd(options=ASKS, service=service) as sshd:
        body = know(me.viewer, sshd.port, account.username)
        waiting = me.connect({**body, "password": account.password})
        question = me.question()
        if "urrent" in prompts(question)[0]:
            me.answer(question, account.password)
        answer_next(me, "New password", new)
        answer_next(me, "new password", new)
        assert waiting.result(20).status_code == 200, sshd.log
        # The link comes back with the new one, and asks nobody.
        shadow = subprocess.run(["chage", "-l", account.username], capture_output=True, text=True, check=True).stdout
        assert "password must be changed" not in shadow
        assert me.questions() == []
        again = httpx.post(f"{me.viewer.url}/api/remote/connect", json={**body, "password": new}, timeout=30)
        assert again.status_code == 200


def test_one_wrong_password_is_one_failed_login_of_an_account_that_locks(
    me: Person, account: Account, tmp_path: Path
) -> None:
    if not find_module("pam_faillock.so"):
        pytest.skip("needs pam_faillock: apt-get install libpam-modules")
    lines = (
        f"auth requisite pam_faillock.so preauth dir={tmp_path} deny=3",
        "auth [success=1 default=ignore] pam_unix.so",
        f"auth [default=die] pam_faillock.so authfail dir={tmp_path} deny=3",
        "auth required pam_permit.so",
    )
    both = {**ASKS, "PasswordAuthentication": "yes"}
    with pam_service(*lines) as service, run_sshd(options=both, service=service) as sshd:
        body = know(me.viewer, sshd.port, account.username)
        given = httpx.post(f"{me.viewer.url}/api/remote/connect", json={**body, "password": "canary-wrong"}, timeout=30)
        assert given.json()["code"] == "AUTH_FAILED"
        assert failed_logins(tmp_path, account) == 1
        waiting = me.connect(body)
        answer_next(me, "Password", "canary-wrong")
        assert waiting.result(20).json()["code"] == "AUTH_FAILED"
        assert failed_logins(tmp_path, account) == 2
        assert account.password
        waiting = me.connect(body)
        answer_next(me, "Password", account.password)
        assert waiting.result(20).status_code == 200, sshd.log


def test_an_account_without_a_password_is_let_in(me: Person, account: Account) -> None:
    subprocess.run(["passwd", "-d", account.username], check=True, capture_output=True)
    options = {"PasswordAuthentication": "yes", "PermitEmptyPasswords": "yes"}
    with run_sshd(options=options) as sshd:
        body = know(me.viewer, sshd.port, account.username)
        assert connect(me.viewer, body).status_code == 200, sshd.log


@pytest.fixture
def guarded(server_account: Account, tmp_path: Path) -> Iterator[tuple[Server, Authenticator]]:
    """A server with an environment that asks for the password and a code."""
    app = Authenticator(server_account)
    try:
        with (
            pam_service(*CODES) as service,
            run_server(server_account, tmp_path, options=ASKS, service=service) as server,
        ):
            yield server, app
    finally:
        (server_account.home / ".google_authenticator").unlink()


@pytest.fixture
def asking_server(server_account: Account, tmp_path: Path) -> Iterator[Server]:
    """A server with an environment that asks for the password by prompts."""
    with pam_service() as service, run_server(server_account, tmp_path, options=ASKS, service=service) as server:
        yield server


def test_a_password_that_was_typed_serves_the_tunnel_and_brings_the_link_back(
    asking_server: Server, me: Person
) -> None:
    server = asking_server
    assert server.account.password
    body = {**know(me.viewer, server.sshd.port, server.account.username), "remote_root": str(server.runs)}
    body["mode"] = "viewer"
    waiting = me.post("/api/remote/viewer/start", {**body, "interactive": True})
    answer_next(me, "Password", server.account.password)
    session = waiting.result(60).json()["session"]
    assert session["tunnelBackend"] == "asyncssh"  # it logs in by itself, with what was typed once
    eventually(lambda: server.sshd.log.count("Accepted ") == 2)
    server.kill_sshd_children()
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    eventually(lambda: me.viewer.get(status).json()["reconnects"] == 1, 40, "the session")
    assert me.questions() == []
    back = me.viewer.get(status).json()
    assert (back["status"], back["localPort"], back["remotePid"]) == (
        "running",
        session["localPort"],
        session["remotePid"],
    )
    assert "Failed " not in server.sshd.log
    # It is forgotten with the connection.
    me.viewer.post("/api/remote/disconnect", body)
    refused = connect(me.viewer, body)
    assert (refused.status_code, refused.json()["code"]) == (401, "NO_CREDENTIALS")


@needs_codes
def test_after_a_drop_a_login_with_a_code_waits_for_a_person(guarded: tuple[Server, Authenticator], me: Person) -> None:
    server, app = guarded
    body = {**know(me.viewer, server.sshd.port, server.account.username), "password": server.account.password}
    more = {"remote_root": str(server.runs), "interactive": True, "mode": "viewer"}
    waiting = me.post("/api/remote/viewer/start", {**body, **more})
    answer_next(me, "Verification code", app.code())
    started = waiting.result(60)
    assert started.status_code == 200, started.text
    session = started.json()["session"]
    # No tunnel logs in once more: that would take another code.
    assert session["tunnelBackend"] == "paramiko"
    assert [each["backend"] for each in session["fallbacks"]] == ["openssh", "asyncssh"]
    assert all("takes a person" in each["reason"] for each in session["fallbacks"])
    eventually(lambda: server.sshd.log.count("Accepted ") == 1)

    status = f"/api/remote/viewer/status/{session['sessionId']}"
    tries = server.sshd.log.count("Connection from")
    server.kill_sshd_children()
    eventually(lambda: me.viewer.get(status).json()["needsPerson"], 20, "a session that waits")
    time.sleep(3)
    assert server.sshd.log.count("Connection from") == tries
    assert me.questions() == []
    assert me.viewer.get(status).json()["status"] == "reconnecting"
    # A person who cancels is waited for again; one who answers has the session back on its address.
    retry = {"session_id": session["sessionId"], "login": True, "interactive": True}
    me.viewer.post("/api/remote/viewer/retry", retry)
    me.cancel(me.question())
    eventually(lambda: me.viewer.get(status).json()["needsPerson"], 10)
    assert me.viewer.get(status).json()["error"]["code"] == "QUESTION_CANCELLED"
    me.viewer.post("/api/remote/viewer/retry", retry)
    answer_next(me, "Verification code", app.code())
    eventually(lambda: me.viewer.get(status).json()["status"] == "running", 40, "the session")
    back = me.viewer.get(status).json()
    assert (back["localPort"], back["remotePid"]) == (session["localPort"], session["remotePid"])
    stop(me.viewer, session)
