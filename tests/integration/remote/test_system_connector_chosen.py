"""What a person's ssh config says makes the system's `ssh` connect: tickets, tokens, security keys, a live master."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.agent import add_key, run_agent
from tests.support.commands import run
from tests.support.questions import person_at, prompts
from tests.support.realm import run_realm
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import Sshd, make_key, run_sshd
from tests.support.tokens import PIN, SK_DUMMY, make_security_key, make_token
from tests.support.waiting import eventually, eventually_nothing


@dataclass
class Laptop:
    """A person with a home and an ssh config, who looks at a server that has runs."""

    server: Server
    home: Path

    def config(self, *lines: str, sshd: Sshd | None = None, host: str = "127.0.0.1") -> None:
        """Write the config: what `gpu` is, and these lines for it."""
        port = (sshd or self.server.sshd).port
        known = [f"HostName {host}", f"Port {port}", f"User {self.server.account.username}", *lines]
        (self.home / ".ssh").mkdir(exist_ok=True)
        (self.home / ".ssh" / "config").write_text("Host gpu\n" + "".join(f" {line}\n" for line in known))

    def body(self, **more: Any) -> dict[str, Any]:
        return {"host": "gpu", "username": self.server.account.username, "use_agent": False, **more}

    @contextlib.contextmanager
    def viewer(self, **environ: str) -> Iterator[Viewer]:
        with run_viewer(self.home / "root", self.home, environ) as viewer:
            yield viewer


@pytest.fixture
def laptop(server: Server, tmp_path: Path) -> Laptop:
    (tmp_path / "home").mkdir()
    return Laptop(server, tmp_path / "home")


def connect_all(viewer: Viewer, body: dict[str, Any]) -> httpx.Response:
    while (answer := connect(viewer, body)).status_code == 409:
        accept(viewer, answer)
    return answer


def see_runs(viewer: Viewer, laptop: Laptop, **wanted: str) -> dict[str, Any]:
    """Start a session by ssh, look at its runs, and return it."""
    session = start(viewer, laptop.body(remote_root=str(laptop.server.runs), **wanted))
    assert session["connector"] == "ssh"
    assert httpx.get(f"{session['url']}/api/runs").json()["runs"] == []
    return session


def test_nothing_special_in_the_config_stays_with_paramiko(laptop: Laptop) -> None:
    laptop.config(f"IdentityFile {laptop.server.key}", "GSSAPIAuthentication yes")
    with laptop.viewer(KRB5CCNAME=f"FILE:{laptop.home}/no-tickets") as viewer:
        assert connect_all(viewer, laptop.body()).json()["connector"] == "paramiko"
        session = start(viewer, laptop.body(remote_root=str(laptop.server.runs)))
        assert session["connector"] == "paramiko"
        stop(viewer, session)


def test_a_kerberos_ticket_logs_in_and_without_one_nothing_is_tried(
    laptop: Laptop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "realm").mkdir()
    with run_realm(tmp_path / "realm") as realm, contextlib.ExitStack() as stack:
        with monkeypatch.context() as patch:
            for name, value in realm.server_environ.items():
                patch.setenv(name, value)
            options = {"GSSAPIAuthentication": "yes", "GSSAPIStrictAcceptorCheck": "no"}
            sshd = stack.enter_context(run_sshd(options={**options, "PasswordAuthentication": "no"}))
        username = laptop.server.account.username
        password = realm.add(username)
        laptop.config("GSSAPIAuthentication yes", sshd=sshd, host="localhost")
        viewer = stack.enter_context(laptop.viewer(**realm.environ))
        answer = connect_all(viewer, laptop.body())
        assert answer.json()["code"] in ("NO_CREDENTIALS", "AUTH_FAILED"), answer.text
        realm.log_in(username, password)
        answer = connect_all(viewer, laptop.body())
        assert answer.json().get("connector") == "ssh", answer.text
        reason = "your ssh config has GSSAPIAuthentication for localhost, and you have a ticket"
        assert answer.json()["connector_reason"] == reason
        assert "Accepted gssapi-with-mic" in sshd.log
        assert sshd.log.count("Accepted ") == 1
        session = see_runs(viewer, laptop)
        assert session["connectorReason"] == reason
        stop(viewer, session)
        assert sshd.log.count("Accepted ") == 1


def test_a_security_key_of_the_config_logs_in(laptop: Laptop, tmp_path: Path) -> None:
    key = make_security_key(tmp_path / "id_sk")
    laptop.server.sshd.authorize(laptop.server.account.username, key.with_suffix(".pub"))
    laptop.config(f"IdentityFile {key}", f"SecurityKeyProvider {SK_DUMMY}")
    with laptop.viewer() as viewer:
        answer = connect_all(viewer, laptop.body())
        assert answer.json().get("connector") == "ssh", answer.text
        log = "\n".join(viewer.get("/api/remote/status").json()["progress"][0]["log"])
        assert f"connects by ssh: your ssh config has the security key {key}" in log
        stop(viewer, see_runs(viewer, laptop))


def test_a_security_key_that_is_named_by_its_file_logs_in(laptop: Laptop, tmp_path: Path) -> None:
    key = make_security_key(tmp_path / "id_sk")
    laptop.server.sshd.authorize(laptop.server.account.username, key.with_suffix(".pub"))
    laptop.config(f"SecurityKeyProvider {SK_DUMMY}")
    with laptop.viewer() as viewer:
        answer = connect_all(viewer, laptop.body(private_key_path=str(key)))
        assert answer.json().get("connector") == "ssh", answer.text


def test_a_security_key_is_left_to_ssh_only_while_the_agent_does_not_hold_it(laptop: Laptop, tmp_path: Path) -> None:
    key = make_security_key(tmp_path / "id_sk")
    laptop.server.sshd.authorize(laptop.server.account.username, key.with_suffix(".pub"))
    laptop.config(f"IdentityFile {key}", f"SecurityKeyProvider {SK_DUMMY}")
    with run_agent(tmp_path / "agent", make_key(tmp_path / "id_other")) as agent, laptop.viewer(**agent) as viewer:
        body = laptop.body(use_agent=True)
        answer = connect_all(viewer, body)
        assert answer.json().get("connector") == "ssh", answer.text
        viewer.post("/api/remote/disconnect", body)
        add_key(agent, key, "-S", str(SK_DUMMY))
        answer = connect_all(viewer, body)
        assert answer.json().get("connector") == "paramiko", answer.text


def test_a_token_is_asked_for_by_its_pin(laptop: Laptop, tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    token = make_token(tmp_path / "token")
    laptop.server.sshd.authorize(laptop.server.account.username, token.public_key)
    laptop.config(f"PKCS11Provider {token.provider}", "IdentityFile none")
    with laptop.viewer(**token.environ) as viewer, person_at(viewer) as person:
        answer = connect_all(viewer, laptop.body())
        assert (answer.json()["code"], "PIN" in answer.json()["detail"]) == ("INTERACTION_REQUIRED", True), answer.text
        waiting = person.connect(laptop.body())
        question = person.question()
        assert prompts(question) == ["Enter PIN for 'mine':"]
        person.answer(question, PIN)
        answer = waiting.result()
        assert answer.json().get("connector") == "ssh", answer.text
        stop(viewer, see_runs(viewer, laptop))


# --- a connection that the person has open --------------------------------------------------------------------------


@contextlib.contextmanager
def own_master(laptop: Laptop, sshd: Sshd) -> Iterator[subprocess.Popen[bytes]]:
    """Have the person connected by their own ssh, with a ControlPath of their config."""
    control = laptop.home / "cm"
    laptop.config(f"ControlPath {control}", f"IdentityFile {laptop.server.key}", sshd=sshd)
    words = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-M", "-N", "gpu"]
    config = str(laptop.home / ".ssh" / "config")
    process = subprocess.Popen(["ssh", "-F", config, *words], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(control.exists, 10, "the master")
        yield process
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def sshd(laptop: Laptop) -> Iterator[Sshd]:
    with run_sshd() as running:
        running.authorize(laptop.server.account.username, laptop.server.key.with_suffix(".pub"))
        yield running


def test_a_connection_of_the_persons_own_is_used_without_a_login_and_stays_theirs(laptop: Laptop, sshd: Sshd) -> None:
    with own_master(laptop, sshd) as master, laptop.viewer() as viewer:
        answer = connect(viewer, laptop.body())
        assert (answer.status_code, answer.json().get("connector")) == (200, "ssh"), answer.text
        for mode, backend in (("agent", None), ("viewer", "openssh")):
            session = see_runs(viewer, laptop, mode=mode)
            assert (session["mode"], session["tunnelBackend"]) == (mode, backend)
            why = f"it goes through the connection that you have open, {laptop.home / 'cm'}"
            assert session["connectorReason"] == why
            assert sshd.log.count("Accepted publickey") == 1
            stop(viewer, session)
        viewer.post("/api/remote/disconnect", laptop.body())
        assert master.poll() is None
        assert subprocess.run(["ssh", "-S", str(laptop.home / "cm"), "-O", "check", "x"], check=False).returncode == 0


def test_doctor_looks_through_the_open_connection_and_logs_in_nowhere(laptop: Laptop, sshd: Sshd) -> None:
    with own_master(laptop, sshd) as master:
        words = ["doctor", f"{laptop.server.account.username}@gpu", "--root", str(laptop.server.runs), "--json"]
        examined = json.loads(run(*words, home=laptop.home).stdout)
        assert [step for step in examined["steps"] if step["state"] != "ok"] == []
        said = {step["name"]: step["detail"] for step in examined["steps"]}
        assert said["name"].endswith(f"; it goes through the connection that you have open, {laptop.home / 'cm'}")
        assert said["login"] == "none: your own ssh is logged in"
        assert said["forwarding_openssh"].endswith(" and back")
        assert sshd.log.count("Accepted publickey") == 1
        assert master.poll() is None


def test_after_the_persons_own_connection_has_ended_a_session_comes_back_by_a_login(laptop: Laptop, sshd: Sshd) -> None:
    with own_master(laptop, sshd) as master, laptop.viewer() as viewer:
        session = start(viewer, laptop.body(remote_root=str(laptop.server.runs)))
        assert session["connector"] == "ssh"
        master.terminate()
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        # Nobody has accepted this server's key here: that person's own ssh had.
        eventually(lambda: (viewer.get(status).json()["error"] or {}).get("code"), 30, "an error")
        assert viewer.get(status).json()["error"]["code"] == "HOST_KEY_CONFIRMATION_REQUIRED"
        answer = connect_all(viewer, laptop.body())
        assert answer.json()["connector"] == "paramiko", answer.text
        eventually(lambda: viewer.get(status).json()["status"] == "running", 30, "the session")
        back = viewer.get(status).json()
        assert (back["connector"], back["connectorReason"]) == ("paramiko", None)
        stop(viewer, session)


def test_a_full_connection_of_the_persons_own_says_so(laptop: Laptop) -> None:
    with run_sshd(options={"MaxSessions": "1"}) as sshd:
        sshd.authorize(laptop.server.account.username, laptop.server.key.with_suffix(".pub"))
        with own_master(laptop, sshd), laptop.viewer() as viewer:
            holding = ["ssh", "-S", str(laptop.home / "cm"), "x", "echo in; cat"]
            with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
                assert held.stdout
                assert held.stdout.readline() == b"in\n"
                found = connect(viewer, laptop.body()).json()
                answer = viewer.get("/api/remote/conda-envs", connection_id=found["connection_id"])
                held.communicate()
            assert answer.json()["code"] == "SESSION_LIMIT", answer.text


def test_a_connection_of_another_user_is_not_taken_for_this_ones(laptop: Laptop, sshd: Sshd) -> None:
    with own_master(laptop, sshd), laptop.viewer() as viewer:
        answer = connect_all(viewer, {**laptop.body(), "username": "somebody"})
        assert answer.status_code == 401, answer.text
        eventually_nothing(lambda: viewer.get("/api/remote/status").json()["connections"], 1)
