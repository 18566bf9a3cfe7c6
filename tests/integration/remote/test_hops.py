"""The way to a server leads through others, as the person's ssh config says, or as they say by hand."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.agent import run_agent, run_asking_agent
from tests.support.commands import run
from tests.support.processes import living
from tests.support.questions import person_at, prompts
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.sshd import Sshd, make_key, run_sshd
from tests.support.waiting import eventually, eventually_nothing

from runicorn.errors import SshConfigError
from runicorn.remote.link.resolving import Resolver
from runicorn.remote.names import asking

NAMES = ("login", "inner", "gpu")
by_each_connector = pytest.mark.parametrize("connector", ["paramiko", "ssh"])


@dataclass
class Chain:
    """Three servers, of which a person with this home knows the names. The last one has runs."""

    server: Server
    sshds: dict[str, Sshd]
    home: Path

    def config(self, text: str) -> None:
        """Write the person's config; {login}, {inner} and {gpu} stand for how each is reached by itself."""
        places = {
            name: f"Host {name}\n HostName 127.0.0.1\n Port {sshd.port}\n User {self.server.account.username}\n"
            f" IdentityFile {self.server.key}"
            for name, sshd in self.sshds.items()
        }
        (self.home / ".ssh").mkdir(exist_ok=True)
        (self.home / ".ssh" / "config").write_text(text.format(**places))

    def body(self, name: str = "gpu", **more: Any) -> dict[str, Any]:
        user = self.server.account.username
        return {"host": name, "username": user, "use_agent": False, "mode": "viewer", **more}

    def hops(self, *names: str) -> list[dict[str, Any]]:
        username = self.server.account.username
        return [{"host": "127.0.0.1", "port": self.sshds[name].port, "username": username} for name in names]

    def logins(self, name: str) -> int:
        return self.sshds[name].log.count("Accepted publickey")


@pytest.fixture
def chain(server: Server, tmp_path: Path) -> Iterator[Chain]:
    with contextlib.ExitStack() as stack:
        sshds = {name: stack.enter_context(run_sshd()) for name in NAMES[:-1]}
        for sshd in sshds.values():
            sshd.authorize(server.account.username, server.key.with_suffix(".pub"))
        (tmp_path / "home").mkdir()
        yield Chain(server, {**sshds, "gpu": server.sshd}, tmp_path / "home")


@contextlib.contextmanager
def viewing(chain: Chain, **environ: str) -> Iterator[Viewer]:
    with run_viewer(chain.home / "root", chain.home, environ) as viewer:
        yield viewer


def connect_and_accept(viewer: Viewer, body: dict[str, Any]) -> None:
    """Connect, accepting the key of each hop as it is asked about."""
    answer, _ = accept_all(viewer, body)
    assert answer.status_code == 200, answer.text


def accept_all(viewer: Viewer, body: dict[str, Any]) -> tuple[httpx.Response, list[int]]:
    """Accept the key of each hop as it is asked about; return what came then, and the ports in that order."""
    asked = []
    while (answer := connect(viewer, body)).status_code == 409:
        asked.append(answer.json()["detail"]["host_key"]["port"])
        accept(viewer, answer)
    return answer, asked


@pytest.mark.parametrize(
    "config",
    [
        "{login}\n{inner}\n ProxyJump login\n{gpu}\n ProxyJump inner\n",
        "{login}\n{inner}\n{gpu}\n ProxyJump login,inner\n",
        "{login}\n{inner}\n ProxyJump nowhere\n{gpu}\n ProxyJump login,inner\n",
    ],
    ids=["each by the one before", "a list", "a list over what the second one says"],
)
@by_each_connector
def test_a_name_is_reached_through_two_others(chain: Chain, config: str, connector: str) -> None:
    chain.config(config)
    with viewing(chain, RUNICORN_CONNECTOR=connector) as viewer:
        answer, asked = accept_all(viewer, chain.body())
        assert answer.status_code == 200, answer.text
        assert answer.json()["connector"] == connector
        assert asked == [chain.sshds[name].port for name in NAMES]
        found = answer.json()
        assert found["connection_id"] == f"{chain.server.account.username}@gpu:22"
        assert found["hops"] == chain.hops(*NAMES)
        assert found["resolved_by"] == "ssh -G"
        session = start(viewer, chain.body(remote_root=str(chain.server.runs)))
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        stop(viewer, session)


def test_jumps_by_hand_go_before_what_the_config_says(chain: Chain) -> None:
    chain.config("{login}\n{inner}\n{gpu}\n ProxyJump nowhere\n")
    with viewing(chain) as viewer:
        answer, _ = accept_all(viewer, chain.body(jumps=["login", "inner"]))
        assert answer.json()["hops"] == chain.hops(*NAMES)
    with viewing(chain) as viewer:
        assert connect(viewer, chain.body(jumps=[])).json()["hops"] == chain.hops("gpu")


def test_a_hop_that_is_connected_is_gone_through_without_a_further_login(chain: Chain) -> None:
    chain.config("{login}\n{inner}\n ProxyJump login\n{gpu}\n ProxyJump inner\n")
    with viewing(chain) as viewer:
        for name in ("inner", "gpu"):
            connect_and_accept(viewer, chain.body(name))
        assert [chain.logins(name) for name in NAMES] == [2, 1, 1]  # once more after each key that is new
        # What goes through it ends, and it stays.
        assert viewer.post("/api/remote/disconnect", chain.body("gpu")).json()["ok"]
        inner = chain.body("inner")
        asked = {"connection_id": f"{inner['username']}@inner:22", "path": "~"}
        assert viewer.get("/api/remote/fs/list", **asked).status_code == 200
        # With it, what goes through it ends; that comes back by logins of its own.
        session = start(viewer, chain.body(remote_root=str(chain.server.runs), mode="agent"))
        before = chain.logins("gpu")
        assert viewer.post("/api/remote/disconnect", inner).json()["ok"]
        eventually(lambda: chain.logins("gpu") == before + 1, 60)
        eventually(lambda: viewer.get("/api/remote/status").json()["viewer_sessions"][0]["status"] == "running", 30)
        assert [chain.logins(name) for name in NAMES[:-1]] == [3, 2]
        stop(viewer, session)


@pytest.mark.parametrize("backend", ["openssh", "asyncssh", "paramiko"])
def test_every_tunnel_leads_through_the_hops_and_leaves_nothing(chain: Chain, backend: str) -> None:
    chain.config("{login}\n{inner}\n ProxyJump login\n{gpu}\n ProxyJump inner\n")
    with viewing(chain, RUNICORN_TUNNEL=backend) as viewer:
        connect_and_accept(viewer, chain.body())
        session = start(viewer, chain.body(remote_root=str(chain.server.runs)))
        assert session["tunnelBackend"] == backend
        for _ in range(3):
            assert httpx.get(f"{session['url']}/api/runs").json()["runs"] == []
        children = psutil.Process(viewer.process.pid).children(recursive=True)
        stop(viewer, session)
        viewer.post("/api/remote/disconnect", chain.body())
        eventually_nothing(lambda: [each for each in children if each.is_running()], 5)
        eventually_nothing(chain.server.traces, 5)
        eventually_nothing(chain.server.sshd_children, 5)


@by_each_connector
@pytest.mark.parametrize("at", NAMES)
def test_a_changed_key_of_any_hop_stops_there(chain: Chain, at: str, connector: str) -> None:
    chain.config("{login}\n{inner}\n ProxyJump login\n{gpu}\n ProxyJump inner\n")
    with viewing(chain, RUNICORN_CONNECTOR=connector) as viewer:
        connect_and_accept(viewer, chain.body())
        viewer.post("/api/remote/disconnect", chain.body())
        before = {name: chain.logins(name) for name in NAMES}
        changed = chain.sshds[at]
        for suffix in ("", ".pub"):
            (changed.folder / f"host_ed25519{suffix}").unlink()
        make_key(changed.folder / "host_ed25519")
        changed.restart()
        answer = connect(viewer, chain.body())
        assert answer.status_code == 409, answer.text
        host_key = answer.json()["detail"]["host_key"]
        assert (host_key["port"], host_key["reason"]) == (changed.port, "changed")
        passed = NAMES[: NAMES.index(at)]
        # Whoever lies before it is logged in to once more; it, and what lies behind it, gets no credential.
        assert {name: chain.logins(name) - before[name] for name in passed} == dict.fromkeys(passed, 1)
        assert chain.logins(at) == before[at]


@by_each_connector
def test_a_jump_that_forbids_to_go_on_says_so(chain: Chain, connector: str) -> None:
    with run_sshd(options={"AllowTcpForwarding": "no"}) as closed:
        closed.authorize(chain.server.account.username, chain.server.key.with_suffix(".pub"))
        chain.sshds["login"] = closed
        chain.config("{login}\n{gpu}\n ProxyJump login\n")
        with viewing(chain, RUNICORN_CONNECTOR=connector) as viewer:
            answer, _ = accept_all(viewer, chain.body())
            assert answer.json()["code"] == "JUMP_FORBIDDEN", answer.text


@by_each_connector
def test_a_jump_that_reaches_nobody_says_so(chain: Chain, connector: str) -> None:
    chain.config("{login}\nHost gpu\n HostName 127.0.0.1\n Port 1\n ProxyJump login\n")
    with viewing(chain, RUNICORN_CONNECTOR=connector) as viewer:
        answer, _ = accept_all(viewer, chain.body())
        assert answer.json()["code"] == "HOST_UNREACHABLE", answer.text
        assert "127.0.0.1 cannot reach 127.0.0.1 port 1" in answer.json()["detail"]


def test_a_config_that_hangs_is_given_up_and_nothing_of_it_is_left(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TIMEOUT_SECS", 1.0)
    chain.config(f'Match exec "sleep 321 # {chain.home}"\n User x\n')
    resolver = Resolver(chain.home, None)
    with pytest.raises(SshConfigError, match="did not say within 1 s what gpu means"):
        resolver.meant("gpu")
    eventually_nothing(lambda: [p for p in psutil.process_iter(["cmdline"]) if "321" in (p.info["cmdline"] or [])], 3)


def test_a_config_that_leads_in_a_circle_says_so(chain: Chain) -> None:
    chain.config("{login}\n{inner}\nHost *\n ProxyJump login\n")
    with viewing(chain) as viewer:
        answer = connect(viewer, chain.body("inner"))
        assert (answer.status_code, answer.json()["code"]) == (400, "SSH_CONFIG_INVALID"), answer.text


def test_a_session_comes_back_through_a_jump_that_was_restarted(chain: Chain) -> None:
    chain.config("{login}\n{gpu}\n ProxyJump login\n")
    with viewing(chain) as viewer:
        connect_and_accept(viewer, chain.body())
        session = start(viewer, chain.body(remote_root=str(chain.server.runs)))
        chain.sshds["login"].restart()
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        eventually(lambda: viewer.get(status).json()["reconnects"] >= 1, 60, "a reconnect")
        eventually(lambda: viewer.get(status).json()["status"] == "running", 60, "the session")
        stop(viewer, session)


# --- a command on the way -------------------------------------------------------------------------------------------


CARRIER = """
import os, socket, sys, threading
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := sock.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    sock.sendall(data)
"""


@pytest.mark.parametrize("backend", ["openssh", "asyncssh", "paramiko"])
def test_a_proxy_command_carries_every_tunnel_and_ends_with_it(chain: Chain, backend: str, tmp_path: Path) -> None:
    script = tmp_path / "carrier.py"
    script.write_text(CARRIER)
    chain.config(f"{{gpu}}\n ProxyCommand {sys.executable} {script} %h %p\n")
    with viewing(chain, RUNICORN_TUNNEL=backend) as viewer:
        answer, _ = accept_all(viewer, chain.body())
        assert answer.status_code == 200, answer.text
        session = start(viewer, chain.body(remote_root=str(chain.server.runs)))
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        assert session["tunnelBackend"] == backend
        children = psutil.Process(viewer.process.pid).children(recursive=True)
        commands = living(children, lambda each: str(script) in each.cmdline())
        assert len(commands) == (1 if backend == "paramiko" else 2)  # who logs in a second time needs a second one
        stop(viewer, session)
        viewer.post("/api/remote/disconnect", chain.body())
        eventually_nothing(lambda: [each for each in commands if each.is_running()], 5)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo no such ticket >&2; exit 3", "no such ticket"),
        ("exec /nonexistent/program", "nonexistent"),
    ],
)
@by_each_connector
def test_a_proxy_command_that_fails_is_quoted(chain: Chain, command: str, said: str, connector: str) -> None:
    chain.config(f"{{gpu}}\n ProxyCommand /bin/sh -c '{command}'\n")
    with viewing(chain, RUNICORN_CONNECTOR=connector) as viewer:
        answer = connect(viewer, chain.body())
        assert answer.json()["code"] == "PROXY_COMMAND_FAILED", answer.text
        assert said in answer.json()["detail"]


# --- logins ---------------------------------------------------------------------------------------------------------


def test_a_certificate_opens_what_its_key_alone_does_not(chain: Chain, tmp_path: Path) -> None:
    authority, key = make_key(tmp_path / "authority"), make_key(tmp_path / "id_certified")
    username = chain.server.account.username
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", username, str(key.with_suffix(".pub"))], check=True
    )
    trusted = tmp_path / "authority.pub"
    trusted.chmod(0o644)
    with run_sshd(options={"TrustedUserCAKeys": str(trusted)}) as sshd:
        chain.sshds["login"] = sshd
        chain.config("")
        (chain.home / ".ssh" / "config").write_text(
            f"Host certified\n HostName 127.0.0.1\n Port {sshd.port}\n User {username}\n IdentityFile {key}\n"
        )
        with viewing(chain) as viewer:
            answer, _ = accept_all(viewer, chain.body("certified"))
            assert answer.status_code == 200, answer.text
            assert "Accepted certificate ID" in sshd.log or "Accepted publickey" in sshd.log


def test_a_hop_that_wants_a_password_is_asked_for_by_its_own_name(chain: Chain) -> None:
    with run_sshd(options={"PubkeyAuthentication": "no"}) as door:
        chain.sshds["login"] = door
        chain.config("{login}\n{gpu}\n ProxyJump login\n")
        with viewing(chain) as viewer, person_at(viewer) as person:
            for _ in range(2):  # both keys; the second one is behind the password
                waiting = person.connect(chain.body())
                if viewer.get("/api/remote/known-hosts/list").json()["entries"]:
                    question = person.question()
                    assert question["hop"] == "127.0.0.1"
                    assert prompts(question) == [f"Password for {chain.server.account.username}@127.0.0.1:"]
                    assert person.answer(question, chain.server.account.password).status_code == 200
                accept(viewer, waiting.result())
            waiting = person.connect(chain.body())
            person.answer(person.question(), chain.server.account.password)
            assert waiting.result().status_code == 200, waiting.result().text
            # Whoever logs in a second time would need a second answer: the tunnel stays inside the connection.
            session = start(viewer, chain.body(remote_root=str(chain.server.runs)))
            assert session["tunnelBackend"] in ("asyncssh", "paramiko")
            assert door.log.count("Accepted password") <= 4
            stop(viewer, session)


@by_each_connector
def test_doctor_goes_through_the_hops_however_they_are_named(chain: Chain, connector: str) -> None:
    chain.config("{login}\n{inner}\n ProxyJump login\n{gpu}\n ProxyJump inner\n")
    with viewing(chain) as viewer:
        connect_and_accept(viewer, chain.body())
    root = ("--batch", "--root", str(chain.server.runs))
    done = run("doctor", "gpu", *root, home=chain.home, RUNICORN_CONNECTOR=connector)
    assert "via 127.0.0.1 as" in done.stdout
    assert ("connects by ssh" in done.stdout) == (connector == "ssh")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("openssh", "asyncssh", "paramiko"):
        assert any(line.split()[:2] == ["ok", name] for line in done.stdout.splitlines()), done.stdout
    typed = f"ssh -J login,inner {chain.server.account.username}@gpu"
    listed = run("doctor", typed, "--json", *root, home=chain.home)
    assert '"ok": true' in listed.stdout, listed.stdout


def test_only_the_named_one_of_seven_agent_keys_is_shown(chain: Chain, tmp_path: Path) -> None:
    others = [make_key(tmp_path / f"other{number}") for number in range(7)]
    with run_agent(tmp_path / "agent", *others, chain.server.key) as agent:
        public = tmp_path / "named.pub"
        public.write_bytes(chain.server.key.with_suffix(".pub").read_bytes())
        chain.config("")
        (chain.home / ".ssh" / "config").write_text(
            f"Host gpu\n HostName 127.0.0.1\n Port {chain.server.sshd.port}\n IdentitiesOnly yes\n"
            f" IdentityFile {tmp_path / 'named'}\n IdentityAgent {tmp_path / 'agent'}\n"
        )
        with viewing(chain) as viewer:
            answer, _ = accept_all(viewer, chain.body(use_agent=True))
            assert answer.status_code == 200, answer.text
            assert agent
        assert chain.server.sshd.log.count("Failed publickey") == 0


def test_an_agent_that_asks_each_time_asks_once_a_hop(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    with run_asking_agent(tmp_path / "agent", chain.server.key) as (agent, asked):
        username = chain.server.account.username
        (chain.home / ".ssh").mkdir()
        (chain.home / ".ssh" / "config").write_text(
            f"Host login\n HostName 127.0.0.1\n Port {chain.sshds['login'].port}\n User {username}\n"
            f"Host gpu\n HostName 127.0.0.1\n Port {chain.server.sshd.port}\n User {username}\n ProxyJump login\n"
        )
        with viewing(chain, **agent) as viewer:
            for jumps, times in (([], 1), (None, 2)):
                asked.write_text("")
                body = chain.body(use_agent=True, jumps=jumps)
                answer, _ = accept_all(viewer, body)
                assert answer.status_code == 200, answer.text
                session = start(viewer, {**body, "remote_root": str(chain.server.runs)})
                assert asked.read_text().count("asked") == times
                assert session["tunnelBackend"] == "paramiko"
                assert "your agent would be asked once more" in session["fallbacks"][0]["reason"]
                stop(viewer, session)
                viewer.post("/api/remote/disconnect", body)


# --- the person's own known_hosts ------------------------------------------------------------------------------------


@dataclass
class Elsewhere:
    """A server with two host keys, and a person's known_hosts that their config names for it."""

    sshd: Sshd
    file: Path
    name: str

    def ask(self, viewer: Viewer, chain: Chain) -> httpx.Response:
        return connect(viewer, chain.body("there"))


@pytest.fixture
def elsewhere(chain: Chain, tmp_path: Path) -> Iterator[Elsewhere]:
    with run_sshd(host_keys=("ed25519", "rsa")) as sshd:
        file = tmp_path / "own_known_hosts"
        chain.config("")
        (chain.home / ".ssh" / "config").write_text(
            f"Host there\n HostName 127.0.0.1\n Port {sshd.port}\n UserKnownHostsFile {file}\n"
        )
        yield Elsewhere(sshd, file, f"[127.0.0.1]:{sshd.port}")


@pytest.mark.parametrize("hashed", [False, True])
def test_a_key_that_the_persons_own_file_holds_is_told_as_known_there_and_is_not_trusted(
    chain: Chain, elsewhere: Elsewhere, hashed: bool
) -> None:
    # It holds the RSA key only: that one is asked for, so that it can be recognized.
    elsewhere.file.write_text(f"{elsewhere.name} {elsewhere.sshd.host_key('rsa')}\n")
    if hashed:
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(elsewhere.file)], check=True, capture_output=True)
        assert elsewhere.name not in elsewhere.file.read_text()
    with viewing(chain) as viewer:
        answer = elsewhere.ask(viewer, chain)
        assert answer.status_code == 409, answer.text
        host_key = answer.json()["detail"]["host_key"]
        assert (host_key["reason"], host_key["key_type"]) == ("unknown", "ssh-rsa")
        assert host_key["known_in"] == str(elsewhere.file)
        accept(viewer, answer)
        assert elsewhere.ask(viewer, chain).status_code != 409


def test_another_key_in_the_persons_own_file_is_told(chain: Chain, elsewhere: Elsewhere, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    elsewhere.file.write_text(f"{elsewhere.name} {other}")
    with viewing(chain) as viewer:
        host_key = elsewhere.ask(viewer, chain).json()["detail"]["host_key"]
        assert host_key["contradicted_in"] == str(elsewhere.file)
        assert "known_in" not in host_key


def test_a_key_that_the_person_revoked_is_refused(chain: Chain, elsewhere: Elsewhere) -> None:
    elsewhere.file.write_text(f"@revoked * {elsewhere.sshd.host_key()}\n")
    with viewing(chain) as viewer:
        answer = elsewhere.ask(viewer, chain)
        assert (answer.status_code, answer.json()["code"]) == (403, "HOST_KEY_REVOKED"), answer.text
        assert str(elsewhere.file) in answer.json()["detail"]


@pytest.mark.parametrize("content", [None, b"\xff\x00garbage\n", b"| |1|x\n@revoked\n"])
def test_a_file_of_the_person_that_is_odd_or_missing_changes_nothing(
    chain: Chain, elsewhere: Elsewhere, content: bytes | None
) -> None:
    if content is not None:
        elsewhere.file.write_bytes(content)
    with viewing(chain) as viewer:
        host_key = elsewhere.ask(viewer, chain).json()["detail"]["host_key"]
        assert host_key["key_type"] == "ssh-ed25519"
        assert not {"known_in", "contradicted_in"} & set(host_key)


# --- what is shown before anything is sent ---------------------------------------------------------------------------


def test_what_was_typed_is_explained_and_nothing_is_sent(chain: Chain) -> None:
    chain.config("{login}\n{inner}\n ProxyJump login\n{gpu}\n ProxyJump inner\n")
    username = chain.server.account.username
    with viewing(chain) as viewer:
        assert viewer.get("/api/remote/names").json() == {"names": list(NAMES)}
        before = {name: chain.sshds[name].log for name in NAMES}  # whoever started them looked whether they listen
        meant = viewer.post("/api/remote/resolve", {"typed": "gpu"}).json()
        assert (meant["connection_id"], meant["hops"]) == (f"{username}@gpu:22", chain.hops(*NAMES))
        typed = f"ssh -J login -i {chain.server.key} {username}@gpu"
        meant = viewer.post("/api/remote/resolve", {"typed": typed}).json()
        assert meant["hops"] == chain.hops("login", "gpu")
        assert (meant["jumps"], meant["private_key_path"]) == (["login"], str(chain.server.key))
        wrong = viewer.post("/api/remote/resolve", {"typed": "ssh -F other gpu"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "INVALID_TARGET")
    assert before == {name: chain.sshds[name].log for name in NAMES}
