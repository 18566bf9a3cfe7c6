"""Every fault, by every tunnel and by what only reads: the session comes back by itself, and afterwards nothing is
left of it anywhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.accounts import Account
from tests.support.leaks import Holdings, holdings, require_equal
from tests.support.link import Link, run_link
from tests.support.other_servers import SFTP_SERVER
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.tunnels import BACKENDS
from tests.support.waiting import eventually, eventually_nothing

pytestmark = pytest.mark.survival

NOTICE_SECS = 20.0
RETURN_SECS = 40.0
GRACE_SECS = 120
# What reads a root without a viewer there, and without a tunnel.
READERS = ("agent", "sftp")


@pytest.fixture
def server(server_account: Account, tmp_path: Path) -> Iterator[Server]:
    """A server whose SFTP is a process of its own, which can be killed."""
    with run_server(server_account, tmp_path, options={"Subsystem": f"sftp {SFTP_SERVER}"}) as running:
        yield running


@dataclass
class Party:
    """A viewer over a link of its own, with a running session. way: which tunnel leads to a viewer over there, or which
    of READERS there is instead. before: what was held without it.
    """

    way: str
    viewer: Viewer
    link: Link
    home: Path
    session: dict[str, Any]
    before: Holdings

    def now(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.viewer.get(f"/api/remote/viewer/status/{self.session['sessionId']}").json()
        return answer

    def is_adopted(self) -> bool:
        """Whether the same viewer answers over there as at first; what only reads is started anew each time."""
        return bool(self.now()["remotePid"] == self.session["remotePid"])

    def far_processes(self, server: Server) -> list[psutil.Process]:
        """Return what reads the root over there."""
        if self.way != "sftp":
            return [psutil.Process(self.now()["remotePid"])]
        return [each for words, each in server.processes().items() if words.startswith(SFTP_SERVER)]

    def is_back(self) -> bool:
        """Whether the session runs again, after a break, and its page answers at the same address."""
        now = self.now()
        return (
            now["status"] == "running"
            and now["reconnects"] > self.session["reconnects"]
            and now["localPort"] == self.session["localPort"]
            and self.health().get("session_id") == self.session["sessionId"]
        )

    def health(self) -> dict[str, Any]:
        with contextlib.suppress(httpx.HTTPError):
            answer: dict[str, Any] = httpx.get(f"{self.session['url']}/api/health", timeout=5).json()
            return answer
        return {}


def login(server: Server, link: Link) -> dict[str, Any]:
    return {**server.login(), "port": link.port}


@contextlib.contextmanager
def run_parties(server: Server, folder: Path, root: Path | None = None) -> Iterator[list[Party]]:
    """Run one session for each way, and at the end stop them and require that nothing is left."""
    with contextlib.ExitStack() as stack:
        prepared = []
        for way in (*BACKENDS, *READERS):
            link = stack.enter_context(run_link(server.sshd.port))
            home = folder / way
            home.mkdir()
            environ = {"RUNICORN_SESSION_GRACE_SECS": str(GRACE_SECS)}
            body = {**login(server, link), "remote_root": str(root or server.runs), "mode": "viewer"}
            if way in READERS:
                body["mode"] = way
            else:
                environ["RUNICORN_TUNNEL"] = way
            viewer = stack.enter_context(run_viewer(home / "root", home, environ))
            accept(viewer, connect(viewer, body))
            once = start(viewer, body)
            httpx.get(f"{once['url']}/api/health")
            stop(viewer, once)  # what is loaded and made once is there now, such as the web framework's thread
            prepared.append((way, viewer, link, home, body))
        # A server that was left alone for a moment: only connections, no viewer.
        eventually_nothing(server.processes, 5)
        calm = [(settled(viewer, server, home), *rest) for rest in prepared for _, viewer, _, home, _ in [rest]]
        parties = [
            Party(way, viewer, link, home, start(viewer, body), before)
            for before, way, viewer, link, home, body in calm
        ]
        yield parties
        for party in parties:
            assert stop(party.viewer, party.session).json()["ok"] is True, party.way
        for party in parties:
            require_equal(party.before, party.viewer, server, party.home)


def settled(viewer: Viewer, server: Server, home: Path) -> Holdings:
    """Return what is held once that has stopped changing: threads of the last stop end a moment after it."""
    last: Holdings | None = None

    def calm() -> Holdings | None:
        nonlocal last
        previous, last = last, holdings(viewer, server, home)
        return last if last == previous else None

    found: Holdings = eventually(calm, 10)
    return found


def kill_far_processes(server: Server, parties: list[Party]) -> None:
    for party in parties:
        for process in party.far_processes(server):
            process.kill()


def restart_sshd(server: Server, parties: list[Party]) -> None:
    server.sshd.restart()


def cut(server: Server, parties: list[Party]) -> None:
    for party in parties:
        party.link.cut()


def half_close(server: Server, parties: list[Party]) -> None:
    for party in parties:
        party.link.half_close()


def stall_for_a_minute(server: Server, parties: list[Party]) -> None:
    for party in parties:
        party.link.stall()
    wait_until_missed(parties)
    with pytest.raises(AssertionError):  # and it stays away for as long as the network does
        eventually(lambda: any(party.is_back() for party in parties), 60 - NOTICE_SECS)
    for party in parties:
        party.link.resume()


def take_the_link_down(server: Server, parties: list[Party]) -> None:
    for party in parties:
        party.link.down()
    wait_until_missed(parties)
    for party in parties:
        answer = httpx.get(f"{party.session['url']}/api/runs", timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (503, "LINK_DOWN"), party.way
        assert answer.headers["Retry-After"]
    for party in parties:
        party.link.accept()


def stop_and_continue_far_processes(server: Server, parties: list[Party]) -> None:
    processes = [process for party in parties for process in party.far_processes(server)]
    for process in processes:
        process.suspend()
    try:
        wait_until_missed(parties)
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def wait_until_missed(parties: list[Party]) -> None:
    for party in parties:
        eventually(lambda party=party: party.now()["status"] == "reconnecting", NOTICE_SECS, party.way)


# The fault, and whether the same remote viewer is found again afterwards: only one that died is started anew.
FAULTS: dict[str, tuple[Callable[[Server, list[Party]], None], bool]] = {
    "kill -9 of what reads over there": (kill_far_processes, False),
    "kill -9 of the sshd children": (lambda server, parties: server.kill_sshd_children(), True),
    "restart of sshd": (restart_sshd, True),
    "a reset": (cut, True),
    "a half-closed link": (half_close, True),
    "a stall of 60 s": (stall_for_a_minute, True),
    "link down": (take_the_link_down, True),
    "SIGSTOP and SIGCONT of what reads over there": (stop_and_continue_far_processes, True),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FAULTS)
def test_the_session_comes_back_on_its_address_and_leaves_nothing(name: str, server: Server, tmp_path: Path) -> None:
    fault, adopted = FAULTS[name]
    with run_parties(server, tmp_path) as parties:
        fault(server, parties)
        for party in parties:
            eventually(party.is_back, RETURN_SECS, f"{party.way} back")
            if party.way not in READERS:
                assert party.is_adopted() is adopted, party.way
        assert len(server.listening_ports()) == len(BACKENDS)  # one viewer each, not a second one beside it
        for party in parties:
            # SFTP has a second channel, which is opened behind the first answers.
            count = 2 if party.way == "sftp" else 1
            eventually(lambda party=party, count=count: len(party.far_processes(server)) == count, 10, party.way)


def test_a_stopped_local_viewer_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT of the viewer itself, as a laptop that sleeps and wakes while the network changed."""
    with run_parties(server, tmp_path) as parties:
        for party in parties:
            os.kill(party.viewer.process.pid, signal.SIGSTOP)
            party.link.cut()
            os.kill(party.viewer.process.pid, signal.SIGCONT)
        for party in parties:
            eventually(party.is_back, RETURN_SECS, f"{party.way} back")
            assert party.way in READERS or party.is_adopted(), party.way


def test_stopping_when_the_network_has_just_come_back_ends_the_viewer_on_the_server(
    server: Server, tmp_path: Path
) -> None:
    with run_link(server.sshd.port) as link, run_viewer(tmp_path / "root", tmp_path) as viewer:
        body = {**login(server, link), "remote_root": str(server.runs)}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        link.down()
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        eventually(lambda: viewer.get(status).json()["error"], NOTICE_SECS, "a failed attempt")
        link.accept()
        assert stop(viewer, session).json()["ok"] is True
        eventually_nothing(server.traces, 3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_stopping_while_the_link_is_silent_frees_this_side_now_and_the_other_by_itself(
    backend: str, server: Server, tmp_path: Path
) -> None:
    environ = {"RUNICORN_TUNNEL": backend, "RUNICORN_SESSION_GRACE_SECS": "1"}
    with run_link(server.sshd.port) as link, run_viewer(tmp_path / "root", tmp_path, environ) as viewer:
        body = {**login(server, link), "remote_root": str(server.runs)}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        link.stall()
        assert stop(viewer, session).json()["ok"] is True
        assert viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()["status"] == "stopped"
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{session['url']}/api/health")
        assert viewer.post("/api/remote/disconnect", body).json()["ok"] is True
        link.resume()
        eventually_nothing(server.traces, 6)


# --- trouble on the server's disk -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(server: Server) -> Iterator[Path]:
    """A storage root on a disk of its own, of a megabyte."""
    folder = server.account.home / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("needs the right to mount a tmpfs")
    server.account.give(folder)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def test_a_full_disk_on_the_server_ends_no_session(server: Server, small_disk: Path, tmp_path: Path) -> None:
    with run_parties(server, tmp_path, small_disk) as parties:
        with (small_disk / "filler").open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65536))
        for party in parties:
            assert httpx.get(f"{party.session['url']}/api/runs").json()["runs"] == []
        cut(server, parties)
        for party in parties:
            eventually(party.is_back, RETURN_SECS, f"{party.way} back")
        kill_far_processes(server, parties)
        for party in parties:
            eventually(lambda party=party: party.now()["reconnects"] == 2, RETURN_SECS, f"{party.way} back again")
        (small_disk / "filler").unlink()


def test_a_deleted_root_is_told_and_comes_back_with_the_folder(server: Server, tmp_path: Path) -> None:
    root = server.runs / "root"
    root.mkdir()
    server.account.give(root)
    with run_parties(server, tmp_path, root) as parties:
        shutil.rmtree(root)
        for party in parties:
            answer = httpx.get(f"{party.session['url']}/api/runs")
            assert answer.status_code < 500 or answer.json()["code"], party.way
            assert party.now()["status"] == "running"
        root.mkdir()
        server.account.give(root)
        for party in parties:
            assert httpx.get(f"{party.session['url']}/api/runs").json()["runs"] == []


# --- the local viewer dies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_killed_viewer_is_followed_by_one_that_takes_its_sessions_back(
    backend: str, server: Server, tmp_path: Path
) -> None:
    grace = "never" if backend == "paramiko" else str(GRACE_SECS)
    environ = {"RUNICORN_TUNNEL": backend, "RUNICORN_SESSION_GRACE_SECS": grace}
    body = server.login(remote_root=str(server.runs))
    with run_viewer(tmp_path / "root", tmp_path, environ) as first:
        accept(first, connect(first, body))
        session = start(first, body)
        children = psutil.Process(first.process.pid).children(recursive=True)
        first.kill()
    eventually_nothing(lambda: [each for each in children if each.is_running() and each.status() != "zombie"], 5)
    with run_viewer(tmp_path / "root", tmp_path, environ) as second:
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        eventually(lambda: second.get(status).json()["status"] == "running", RETURN_SECS, "the session")
        again = second.get(status).json()
        for name in ("localPort", "remotePid", "remotePort", "startedAt", "url", "connectionId"):
            assert again[name] == session[name], name
        assert httpx.get(f"{session['url']}/api/health").json()["remote"]["tunnel"] == backend
        assert start(second, body)["sessionId"] == session["sessionId"]  # and it is the session for that request
        assert stop(second, session).json()["ok"] is True
        eventually_nothing(server.traces, 3)


def test_a_session_that_needs_a_password_waits_for_the_person(server: Server, tmp_path: Path) -> None:
    environ = {"RUNICORN_TUNNEL": "asyncssh"}
    body = server.body(password=server.account.password, use_agent=False, remote_root=str(server.runs))
    with run_viewer(tmp_path / "root", tmp_path, environ) as first:
        accept(first, connect(first, body))
        session = start(first, body)
        first.kill()
    assert server.account.password not in (tmp_path / "runicorn" / "sessions.json").read_text()
    logins = server.sshd.log.count("Failed password")
    with run_viewer(tmp_path / "root", tmp_path, environ) as second:
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        eventually(lambda: second.get(status).json()["error"], 10)
        waiting = second.get(status).json()
        assert (waiting["status"], waiting["error"]["code"]) == ("reconnecting", "NO_CREDENTIALS")
        assert httpx.get(f"{session['url']}/api/health").json()["code"] == "LINK_DOWN"
        assert connect(second, body).status_code == 200
        eventually(lambda: second.get(status).json()["status"] == "running", RETURN_SECS, "the session")
        assert second.get(status).json()["remotePid"] == session["remotePid"]
        assert server.sshd.log.count("Failed password") == logins
        stop(second, session)


def test_a_login_that_is_rejected_while_taking_back_is_not_repeated_by_looking(server: Server, tmp_path: Path) -> None:
    body = server.login(remote_root=str(server.runs))
    with run_viewer(tmp_path / "root", tmp_path) as first:
        accept(first, connect(first, body))
        session = start(first, body)
        first.kill()
    keys = server.sshd.folder / "keys" / server.account.username
    accepted = keys.read_text()
    keys.write_text("")
    with run_viewer(tmp_path / "root", tmp_path) as second:
        status = f"/api/remote/viewer/status/{session['sessionId']}"
        eventually(lambda: second.get(status).json()["error"], 10)
        assert second.get(status).json()["error"]["code"] == "AUTH_FAILED"
        attempts = server.sshd.log.count("Connection from")
        for _ in range(5):
            assert httpx.get(f"{session['url']}/api/health").json()["code"] == "LINK_DOWN"
            assert second.post("/api/remote/viewer/retry", {"session_id": session["sessionId"]}).json()["ok"] is True
        time.sleep(2.5)  # what they would have begun is under way by now
        log = f"/api/remote/viewer/log/{session['sessionId']}"
        assert server.sshd.log.count("Connection from") == attempts, second.get(log).json()
        refused = server.sshd.log.count("Failed publickey")
        keys.write_text(accepted)
        assert connect(second, body).status_code == 200
        eventually(lambda: second.get(status).json()["status"] == "running", RETURN_SECS, "the session")
        # One for the person's connection, one for each tunnel that was tried; on a slow machine that may be a second.
        tried = 1 + len(second.get(status).json()["fallbacks"])
        assert server.sshd.log.count("Connection from") == attempts + 1 + tried, second.get(log).json()
        assert server.sshd.log.count("Failed publickey") == refused
        stop(second, session)


def test_what_has_ended_meanwhile_is_not_listed(server: Server, tmp_path: Path) -> None:
    body = server.login(remote_root=str(server.runs))
    with run_viewer(tmp_path / "root", tmp_path, {"RUNICORN_SESSION_GRACE_SECS": "0"}) as first:
        accept(first, connect(first, body))
        start(first, body)
        first.kill()
    eventually_nothing(server.traces, 6)
    with run_viewer(tmp_path / "root", tmp_path) as second:
        eventually(lambda: second.get("/api/remote/viewer/sessions").json()["sessions"] == [], 15)
        assert (tmp_path / "runicorn" / "sessions.json").read_text() == "[]"


def test_two_viewers_of_one_person_keep_out_of_each_others_sessions(server: Server, tmp_path: Path) -> None:
    body = server.login(remote_root=str(server.runs))
    with (
        run_viewer(tmp_path / "root", tmp_path) as one,
        run_viewer(tmp_path / "root", tmp_path) as other,
    ):
        accept(one, connect(one, body))
        mine, theirs = start(one, body), start(other, body)
        assert mine["remotePid"] != theirs["remotePid"]
        assert stop(one, mine).json()["ok"] is True
        assert httpx.get(f"{theirs['url']}/api/health").json()["session_id"] == theirs["sessionId"]
        with run_viewer(tmp_path / "root", tmp_path) as third:  # the owner lives, so nothing is taken over
            assert third.get("/api/remote/viewer/sessions").json()["sessions"] == []
        assert httpx.get(f"{theirs['url']}/api/health").json()["session_id"] == theirs["sessionId"]
        assert stop(other, theirs).json()["ok"] is True


def test_an_innocent_process_with_the_same_number_and_port_survives(server: Server, tmp_path: Path) -> None:
    """The remote viewer dies while nobody looks, and its process number and port are somebody else's afterwards."""
    body = server.login(remote_root=str(server.runs))
    with run_viewer(tmp_path / "root", tmp_path) as first:
        accept(first, connect(first, body))
        session = start(first, body)
        first.kill()
    os.kill(session["remotePid"], signal.SIGKILL)
    eventually_nothing(server.processes, 3)
    words = [str(server.python), "-m", "http.server", "--bind", "127.0.0.1", str(session["remotePort"])]
    innocent = subprocess.Popen(words, user=server.account.uid, stderr=subprocess.DEVNULL, cwd=server.runs)
    server.children.append(innocent)
    record = tmp_path / "runicorn" / "sessions.json"
    record.write_text(record.read_text().replace(f'"pid": {session["remotePid"]}', f'"pid": {innocent.pid}'))
    with run_viewer(tmp_path / "root", tmp_path) as second:
        eventually(lambda: second.get("/api/remote/viewer/sessions").json()["sessions"] == [], 15)
    assert innocent.poll() is None
