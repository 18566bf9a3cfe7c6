"""The system's `ssh` as what connects: commands, files, sessions and the tunnel through it, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.asking import Said, run_asking
from tests.support.processes import living, names_of, words_of
from tests.support.questions import Person, know, person_at, prompts
from tests.support.remote import accept, connect, start, stop
from tests.support.rogue import run_rogue
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer, tunnel_folders
from tests.support.sshd import make_key, run_sshd
from tests.support.waiting import eventually, eventually_nothing

FORCED = {"RUNICORN_CONNECTOR": "ssh"}


@pytest.fixture
def by_ssh(server: Server, tmp_path: Path) -> Iterator[Viewer]:
    """A viewer that connects by ssh only; made after the server, so that it ends before it."""
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", FORCED) as viewer:
        yield viewer


@pytest.fixture
def me(tmp_path: Path) -> Iterator[Person]:
    """Somebody at a viewer that connects by ssh only."""
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", FORCED) as viewer, person_at(viewer) as person:
        yield person


def connect_all(viewer: Viewer, body: dict[str, Any]) -> httpx.Response:
    """Connect, accepting each host key that is asked about, and return the last answer."""
    while (answer := connect(viewer, body)).status_code == 409:
        accept(viewer, answer)
    return answer


def children_of(viewer: Viewer) -> list[psutil.Process]:
    return psutil.Process(viewer.process.pid).children(recursive=True)


def test_a_session_runs_through_ssh_from_the_connect_to_its_stop(server: Server, by_ssh: Viewer) -> None:
    before = tunnel_folders()
    found = connect_all(by_ssh, server.login()).json()
    assert found["connector"] == "ssh"
    environments = by_ssh.get("/api/remote/conda-envs", connection_id=found["connection_id"]).json()
    assert "ml" in [each["name"] for each in environments["envs"]]
    listed = by_ssh.get("/api/remote/fs/list", connection_id=found["connection_id"], path="~").json()
    assert listed["path"] == str(server.account.home)
    session = start(by_ssh, server.login(remote_root=str(server.runs)))
    assert (session["tunnelBackend"], session["connector"], session["fallbacks"]) == ("openssh", "ssh", [])
    health = httpx.get(f"{session['url']}/api/health").json()
    assert (health["session_id"], health["remote"]["connector"]) == (session["sessionId"], "ssh")
    for _ in range(3):
        assert httpx.get(f"{session['url']}/api/runs").json()["runs"] == []
    # The tunnel logs in no second time.
    assert server.sshd.log.count("Accepted publickey") == 1
    assert (
        "connects by ssh: RUNICORN_CONNECTOR says so"
        in by_ssh.get(f"/api/remote/viewer/diagnostics/{session['sessionId']}").text
    )
    children = children_of(by_ssh)
    assert children
    stop(by_ssh, session)
    by_ssh.post("/api/remote/disconnect", server.target())
    eventually_nothing(lambda: [each for each in children if each.is_running()], 5)
    eventually_nothing(server.traces, 5)
    eventually_nothing(server.sshd_children, 5)
    eventually_nothing(lambda: tunnel_folders() - before, 5)


def test_a_viewer_that_is_killed_leaves_no_ssh_and_no_files(server: Server, tmp_path: Path) -> None:
    before = tunnel_folders()
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {**FORCED, "RUNICORN_SESSION_GRACE_SECS": "1"}) as viewer:
        connect_all(viewer, server.login())
        session = start(viewer, server.login(remote_root=str(server.runs)))
        assert session["connector"] == "ssh"
        children = children_of(viewer)
        assert len(tunnel_folders() - before) == 1
        viewer.kill()
    eventually_nothing(lambda: [each for each in children if each.is_running()], 8)
    eventually_nothing(lambda: tunnel_folders() - before, 5)
    eventually_nothing(server.traces, 15)


def test_a_session_comes_back_by_ssh_after_its_link_was_cut(server: Server, by_ssh: Viewer) -> None:
    connect_all(by_ssh, server.login())
    session = start(by_ssh, server.login(remote_root=str(server.runs)))
    server.kill_sshd_children()
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    eventually(lambda: by_ssh.get(status).json()["reconnects"] >= 1, 60, "a reconnect")
    eventually(lambda: by_ssh.get(status).json()["status"] == "running", 60, "the session")
    assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
    stop(by_ssh, session)


@pytest.mark.parametrize("backend", ["asyncssh", "paramiko"])
def test_another_tunnel_is_refused_with_the_reason(server: Server, tmp_path: Path, backend: str) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {**FORCED, "RUNICORN_TUNNEL": backend}) as viewer:
        connect_all(viewer, server.login())
        answer = viewer.post("/api/remote/viewer/start", server.login(remote_root=str(server.runs)))
        assert answer.json()["code"] == "TUNNEL_FAILED"
        assert "the connection is made by ssh, which carries the tunnel as well" in answer.json()["detail"]
    eventually_nothing(server.traces, 5)


def test_a_server_that_forbids_forwarding_says_so(server: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_sshd(options={"AllowTcpForwarding": "no"}) as closed:
        closed.authorize(server.account.username, server.key.with_suffix(".pub"))
        body = {**server.login(), "port": closed.port}
        with run_viewer(tmp_path / "root", tmp_path / "home", FORCED) as viewer:
            connect_all(viewer, body)
            wanted = {**body, "remote_root": str(server.runs)}
            answer = viewer.post("/api/remote/viewer/start", {**wanted, "mode": "viewer"})
            assert answer.json()["code"] == "FORWARDING_FORBIDDEN", answer.text
            session = start(viewer, {**wanted, "mode": "auto"})
            assert session["mode"] == "agent"
            stop(viewer, session)
    eventually_nothing(server.traces, 5)


# --- host keys ------------------------------------------------------------------------------------------------------


def test_an_unknown_key_is_asked_about_whole_and_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_rogue() as rogue, run_viewer(tmp_path / "root", tmp_path / "home", FORCED) as viewer:
        body = {"host": "127.0.0.1", "port": rogue.port, "username": "me", "password": "secret"}
        answer = connect(viewer, body)
        assert answer.status_code == 409, answer.text
        shown = answer.json()["detail"]["host_key"]
        assert (shown["public_key"], shown["reason"]) == (rogue.keys[0], "unknown")
        assert rogue.logins == []


def test_a_changed_key_of_another_type_is_shown_beside_the_known_one(server: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", FORCED) as viewer, run_sshd() as first:
        port = first.port
        accept(viewer, connect(viewer, {**server.login(), "port": port}))
        known = first.host_key()
        for suffix in ("", ".pub"):
            (first.folder / f"host_ed25519{suffix}").unlink()
        make_key(first.folder / "host_ed25519", "ecdsa")
        first.restart()
        shown = connect(viewer, {**server.login(), "port": port}).json()["detail"]["host_key"]
        assert (shown["reason"], shown["key_type"]) == ("changed", "ecdsa-sha2-nistp256")
        assert [each["public_key"] for each in shown["expected_keys"]] == [known]
        assert "Postponed publickey" not in first.log
        assert "Failed" not in first.log


def test_a_key_that_the_persons_own_file_holds_is_told_as_known_there(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    own = folder / "known_hosts"
    own.write_text(f"[127.0.0.1]:{server.sshd.port} {server.sshd.host_key()}\n")
    (folder / "config").write_text(f"Host *\n UserKnownHostsFile {own}\n")
    with run_viewer(tmp_path / "root", tmp_path / "home", FORCED) as viewer:
        shown = connect(viewer, server.login()).json()["detail"]["host_key"]
        assert shown["known_in"] == str(own)


# --- logins ---------------------------------------------------------------------------------------------------------


def test_a_right_password_logs_in_and_a_wrong_one_is_one_failed_login(server: Server, by_ssh: Viewer) -> None:
    body = {**server.body(), "use_agent": False}
    failed = server.sshd.log.count("Failed password")
    answer = connect_all(by_ssh, {**body, "password": "wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_FAILED"), answer.text
    assert server.sshd.log.count("Failed password") == failed + 1
    assert connect(by_ssh, {**body, "password": server.account.password}).json()["connector"] == "ssh"
    assert server.sshd.log.count("Failed password") == failed + 1


def test_what_was_given_is_in_no_command_line_environment_or_file(server: Server, by_ssh: Viewer) -> None:
    before = tunnel_folders()
    password = server.account.password
    assert password
    body = {**server.body(), "use_agent": False, "password": password}
    assert connect_all(by_ssh, body).json()["connector"] == "ssh"
    children = children_of(by_ssh)
    assert "ssh" in names_of(children)
    told = words_of(children)
    (folder,) = tunnel_folders() - before
    kept = [path.read_text() for path in folder.iterdir() if path.is_file()]
    assert len(kept) >= 3
    assert password not in "\n".join([*told, *kept])


def test_a_password_that_is_refused_at_a_prompt_is_not_sent_once_more(me: Person) -> None:
    with run_asking(["Password: "], takes_password=True) as server:
        body = know(me.viewer, server.port)
        answer = connect(me.viewer, {**body, "password": "wrong"})
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_FAILED"), answer.text
        assert (server.failures, server.sent) == (1, [])


def test_each_question_of_a_server_is_asked_in_its_words_and_answered_by_the_person(me: Person) -> None:
    said = Said(["Verification code: "], instructions="Look at your phone.")
    with run_asking(["Password: "], said) as server:
        body = know(me.viewer, server.port)
        waiting = me.connect({**body, "password": server.password})
        question = me.question()
        assert (question["hop"], prompts(question)) == ("127.0.0.1", ["Verification code:"])
        assert "Look at your phone." in question["instructions"]
        me.answer(question, server.codes[0])
        assert waiting.result().status_code == 200, waiting.result().text
        assert server.typed == [("Password: ", server.password), ("Verification code: ", "246810")]
        assert server.failures == 0


def test_a_question_that_nobody_is_there_for_is_told_and_no_empty_answer_is_sent(me: Person) -> None:
    with run_asking(["Verification code: "]) as server:
        body = know(me.viewer, server.port)
        answer = connect(me.viewer, {**body, "password": "x"})
        assert (answer.status_code, answer.json()["code"]) == (401, "INTERACTION_REQUIRED"), answer.text
        assert "Verification code" in answer.json()["detail"]
        assert (server.typed, server.failures) == ([], 0)


def test_a_question_that_is_cancelled_sends_nothing(me: Person) -> None:
    with run_asking(["Verification code: "]) as server:
        waiting = me.connect(know(me.viewer, server.port))
        me.cancel(me.question())
        assert waiting.result().json()["code"] == "QUESTION_CANCELLED"
        assert (server.typed, server.failures) == ([], 0)
        eventually_nothing(lambda: [each for each in children_of(me.viewer) if each.is_running()], 5)


def test_a_question_whose_ssh_has_gone_is_withdrawn(me: Person) -> None:
    with run_asking(["Verification code: "]) as server:
        waiting = me.connect(know(me.viewer, server.port))
        me.question()
        (asking,) = living(children_of(me.viewer), lambda each: each.name() == "ssh")
        asking.kill()
        assert waiting.result().json()["code"] == "CONNECTION_CLOSED", waiting.result().text
        assert me.questions() == []
        assert (server.typed, server.failures) == ([], 0)


@pytest.mark.parametrize("jumps", [[], ["gate"]], ids=["itself", "behind another"])
def test_a_server_that_hangs_up_while_a_person_thinks_takes_its_question_back(
    jumps: list[str], me: Person, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "home" / ".ssh").mkdir()
    (tmp_path / "home" / ".ssh" / "config").write_text(
        f"Host gate\n HostName 127.0.0.1\n Port {server.sshd.port}\n IdentityFile {server.key}\n"
        f" User {server.account.username}\n"
    )
    assert connect_all(me.viewer, {"host": "gate", "username": server.account.username}).status_code == 200
    with run_asking(["Verification code: "], patience_secs=2) as asking:
        waiting = me.connect({**know(me.viewer, asking.port), "jumps": jumps})
        me.question()
        answer = waiting.result(15)
        assert answer.json()["code"] == "CONNECTION_CLOSED", answer.text
        assert "waited for an answer" in answer.json()["detail"]
        assert me.questions() == []


def test_whoever_has_nothing_to_log_in_with_is_told_so(server: Server, by_ssh: Viewer) -> None:
    answer = connect_all(by_ssh, {**server.body(), "use_agent": False})
    assert (answer.status_code, answer.json()["code"]) == (401, "NO_CREDENTIALS"), answer.text
    assert "It takes: publickey" in answer.json()["detail"]


def test_an_expired_password_is_changed_with_two_that_are_alike(me: Person) -> None:
    with run_asking(takes_password=True, expired=True) as server:
        old = server.password
        waiting = me.connect({**know(me.viewer, server.port), "password": old})
        question = me.question()
        assert prompts(question) == ["New password:", "New password again:"]
        me.answer(question, "another one", "another one")
        assert waiting.result().status_code == 200, waiting.result().text
        assert server.changes == [(old, "another one")]


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_a_named_key_file_logs_in_with_its_passphrase(
    server: Server, by_ssh: Viewer, tmp_path: Path, passphrase: str
) -> None:
    key = make_key(tmp_path / "id_own", "ed25519", passphrase)
    server.sshd.authorize(server.account.username, key.with_suffix(".pub"))
    body = {**server.body(), "private_key_path": str(key), "use_agent": False}
    if passphrase:
        assert connect(by_ssh, body).json()["code"] == "PASSPHRASE_REQUIRED"
        assert connect(by_ssh, {**body, "passphrase": "no"}).json()["code"] == "PASSPHRASE_WRONG"
    assert connect_all(by_ssh, {**body, "passphrase": passphrase or None}).status_code == 200


def test_the_passphrase_of_a_key_of_the_config_is_asked_for(server: Server, by_ssh: Viewer, tmp_path: Path) -> None:
    key = make_key(tmp_path / "id_of_config", "ed25519", "open sesame")
    server.sshd.authorize(server.account.username, key.with_suffix(".pub"))
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir()
    (folder / "config").write_text(f"Host *\n IdentityFile {key}\n")
    body = {**server.body(), "use_agent": False}
    connect_all(by_ssh, body)
    with person_at(by_ssh) as person:
        waiting = person.connect(body)
        question = person.question()
        assert prompts(question) == [f"Passphrase of the key {key}:"]
        person.answer(question, "open sesame")
        assert waiting.result().status_code == 200, waiting.result().text


def test_a_login_that_is_given_up_sends_no_answer_and_leaves_no_ssh(me: Person) -> None:
    with run_asking(["Verification code: "]) as server:
        body = know(me.viewer, server.port)
        waiting = me.connect({**body, "attempt": "an-attempt-1"})
        me.question()
        children = children_of(me.viewer)
        me.viewer.post("/api/remote/attempts/give-up", {"attempt": "an-attempt-1"})
        assert waiting.result().json()["code"] == "CONNECT_CANCELLED"
        eventually_nothing(lambda: [each for each in children if each.is_running()], 5)
        assert (server.typed, server.failures) == ([], 0)
