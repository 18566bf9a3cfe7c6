"""What a password is typed into while logging in: one prompt that asks for it, once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import Account, make_account
from tests.support.asking import Asking, run_asking
from tests.support.remote import accept, connect
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import Sshd, run_sshd

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only it may set a password and use PAM")


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    home = tmp_path_factory.mktemp("home")
    with run_viewer(home / "root", home) as viewer:
        yield viewer


def log_in(viewer: Viewer, port: int, password: str, username: str = "me") -> Any:
    body = {"host": "127.0.0.1", "port": port, "username": username, "password": password}
    answer = connect(viewer, body)
    if answer.status_code == 409:
        accept(viewer, answer)
        answer = connect(viewer, body)
    return answer


def asked_in_vain(viewer: Viewer, asking: Asking) -> str:
    """Log in with the right password where that is not enough; return what the person is told."""
    answer = log_in(viewer, asking.port, asking.password)
    assert (answer.status_code, answer.json()["code"]) == (401, "INTERACTION_REQUIRED"), answer.text
    assert asking.logins == 0
    assert asking.password not in answer.text
    return str(answer.json()["detail"])


def test_a_new_password_is_not_made_of_the_old_one(viewer: Viewer) -> None:
    with run_asking(["New password: ", "Retype new password: "]) as asking:
        assert "Retype" in asked_in_vain(viewer, asking)
        assert asking.typed == []


def test_an_expired_password_is_typed_once_and_never_into_its_change(viewer: Viewer) -> None:
    with run_asking(["Password: "], ["Current password: "], ["New password: "], ["Retype: "]) as asking:
        assert "Current password" in asked_in_vain(viewer, asking)
        assert asking.typed == [("Password: ", asking.password)]


@pytest.mark.parametrize("prompt", ["Passcode: ", "Verification code: ", "One-time password: "])
def test_a_code_is_never_answered_with_the_password(prompt: str, viewer: Viewer) -> None:
    with run_asking([prompt]) as asking:
        assert prompt.strip() in asked_in_vain(viewer, asking)
        assert asking.typed == []
    with run_asking(["Password: "], [prompt], takes_password=True) as asking:
        assert prompt.strip() in asked_in_vain(viewer, asking)
        assert asking.typed == [("Password: ", asking.password)]
        assert asking.sent == []  # nor is it sent once more in another way


def test_a_wrong_password_counts_once_on_the_server(viewer: Viewer) -> None:
    with run_asking(["Password: "], takes_password=True) as asking:
        answer = log_in(viewer, asking.port, "canary-wrong")
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_FAILED")
        assert asking.typed + [("sent", each) for each in asking.sent] == [("Password: ", "canary-wrong")]
        assert asking.failures == 1


def test_a_server_that_asks_again_is_not_answered_again(viewer: Viewer) -> None:
    with run_asking(["Password: "], ["Password: "]) as asking:
        answer = log_in(viewer, asking.port, asking.password)
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_FAILED")
        assert asking.typed == [("Password: ", asking.password)]


def test_an_empty_request_at_the_end_is_answered_with_nothing(viewer: Viewer) -> None:
    with run_asking(["Password: "], []) as asking:
        assert log_in(viewer, asking.port, asking.password).status_code == 200
        assert asking.logins == 1


def test_a_password_that_is_only_sent_still_logs_in(viewer: Viewer) -> None:
    with run_asking(takes_password=True) as asking:
        assert log_in(viewer, asking.port, asking.password).status_code == 200
        assert asking.sent == [asking.password]


def test_the_tunnels_own_login_types_it_into_no_code_either(tmp_path: Path) -> None:
    """AsyncSSH by itself answers any single prompt that has "password" or "passcode" in it."""
    from runicorn.remote.names.way import direct
    from runicorn.remote.ssh.interface import Login, TunnelRequest
    from runicorn.remote.ssh.tunnels import asyncssh
    from runicorn.remote.trust.known_hosts import Entry, parse_public_key
    from runicorn.remote.trust.target import Secret, Target

    class Connected:
        """What a tunnel asks of the connection that it logs in beside."""

        before = None

        def __init__(self, target: Target, login: Login) -> None:
            self.target, self.login = target, login
            self.hop = direct(target).last

    for prompts in (["Passcode: "], ["New password: "]):
        with run_asking(prompts) as asking:
            target = Target.make("127.0.0.1", asking.port, "me")
            key = parse_public_key(host_key_of(asking.port))
            login = Login(password=Secret(asking.password), by_prompts=True)
            request = TunnelRequest(
                Connected(target, login),  # type: ignore[arg-type]
                1,
                (Entry("", target.known_hosts_host, key),),
                None,
                lambda text: None,
            )
            with pytest.raises(Exception, match=r"(?i)permission|log|auth"):
                asyncssh.open_tunnel(request)
            assert asking.typed == []


def host_key_of(port: int) -> str:
    scan = subprocess.run(
        ["ssh-keyscan", "-p", str(port), "-t", "ed25519", "127.0.0.1"], capture_output=True, text=True, check=True
    )
    return scan.stdout.partition(" ")[2].strip()


@pytest.fixture
def pam() -> Iterator[tuple[Sshd, Account]]:
    """A real server that asks by PAM, and takes passwords that are sent."""
    with make_account() as account, run_sshd(options={"UsePAM": "yes", "KbdInteractiveAuthentication": "yes"}) as sshd:
        yield sshd, account


@needs_root
def test_a_real_server_counts_one_failed_login_for_one_wrong_password(
    viewer: Viewer, pam: tuple[Sshd, Account]
) -> None:
    sshd, account = pam
    answer = log_in(viewer, sshd.port, "canary-wrong", account.username)
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_FAILED")
    refused = [line for line in sshd.log.splitlines() if line.startswith("Failed ") and "none" not in line]
    assert len(refused) == 1, sshd.log
    assert account.password
    assert log_in(viewer, sshd.port, account.password, account.username).status_code == 200


@needs_root
def test_a_real_server_that_wants_a_new_password_keeps_the_old_one(viewer: Viewer, pam: tuple[Sshd, Account]) -> None:
    sshd, account = pam
    assert account.password
    subprocess.run(["chage", "-d", "0", account.username], check=True)
    answer = log_in(viewer, sshd.port, account.password, account.username)
    assert (answer.status_code, answer.json()["code"]) == (401, "INTERACTION_REQUIRED"), answer.text
    subprocess.run(["chage", "-d", "2026-01-01", account.username], check=True)
    assert log_in(viewer, sshd.port, account.password, account.username).status_code == 200
