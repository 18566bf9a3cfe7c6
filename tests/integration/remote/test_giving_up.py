"""Giving up an attempt ends that attempt and nothing else; what was given up never comes up later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.link import Link, run_link
from tests.support.remote import connect, login_by, start, stop, viewer_that_knows
from tests.support.server import Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually, eventually_nothing

ONE, OTHER = "window-one-0001", "window-two-0002"
Post = Callable[[str, dict[str, Any]], "Future[httpx.Response]"]


@pytest.fixture
def link(server: Server) -> Iterator[Link]:
    with run_link(server.sshd.port) as link:
        yield link


@pytest.fixture
def known(server: Server, link: Link, tmp_path: Path) -> Iterator[Viewer]:
    with viewer_that_knows(server, link, tmp_path) as viewer:
        yield viewer


@pytest.fixture
def post(known: Viewer) -> Iterator[Post]:
    """Send a request that takes long, in a thread: post(path, body)."""
    with ThreadPoolExecutor(8) as pool:
        yield lambda path, body: pool.submit(httpx.post, f"{known.url}{path}", json=body, timeout=60)


def give_up(viewer: Viewer, attempt: str) -> bool:
    return bool(viewer.post("/api/remote/attempts/give-up", {"attempt": attempt}).json()["ok"])


def connections(viewer: Viewer) -> list[str]:
    return [each["key"] for each in viewer.get("/api/remote/sessions").json()["sessions"]]


def stage_of(viewer: Viewer, server: Server, link: Link) -> str:
    """Return the stage that the attempt to reach the server is in."""
    for each in viewer.get("/api/remote/status").json()["progress"]:
        if each["connectionId"].endswith(f":{link.port}"):
            return next((stage["name"] for stage in each["stages"] if stage["state"] == "running"), "")
    return ""


def wait_for_stage(viewer: Viewer, server: Server, link: Link, *names: str) -> None:
    eventually(lambda: stage_of(viewer, server, link) in names, what=f"stage {names}")


def logins(server: Server) -> int:
    return server.sshd.log.count("Accepted ")


def assert_nothing_comes_up(viewer: Viewer, server: Server, link: Link, logins_before: int) -> None:
    """Let everything through that was held up, and require that it leads to no connection and no login."""
    link.resume()
    link.rtt_secs = 0.0
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        assert connections(viewer) == []
        time.sleep(0.05)
    assert logins(server) == logins_before
    eventually(lambda: not link.pairs, what="connections through the link")


def answered(future: Future[httpx.Response]) -> tuple[int, str | None]:
    answer = future.result(timeout=20)
    return answer.status_code, answer.json().get("code")


def test_disconnect_ends_a_connect_that_is_under_way(known: Viewer, server: Server, link: Link, post: Post) -> None:
    before = logins(server)
    link.stall()
    connecting = post("/api/remote/connect", login_by(server, link))
    wait_for_stage(known, server, link, "host_key", "login")
    assert known.post("/api/remote/disconnect", login_by(server, link)).json() == {
        "ok": True,
        "message": "Connection removed",
    }
    assert answered(connecting) == (500, "CONNECT_CANCELLED")
    assert_nothing_comes_up(known, server, link, before)
    # And a new one is a new one.
    assert connect(known, login_by(server, link)).status_code == 200


def test_a_connect_that_is_given_up_sends_no_credential_afterwards(
    known: Viewer, server: Server, link: Link, post: Post
) -> None:
    before = logins(server)
    link.stall()
    connecting = post("/api/remote/connect", login_by(server, link, ONE))
    wait_for_stage(known, server, link, "host_key", "login")
    assert give_up(known, ONE)
    assert answered(connecting) == (500, "CONNECT_CANCELLED")
    assert_nothing_comes_up(known, server, link, before)


@pytest.mark.parametrize("rtt_secs", [0.2, 0.6])
def test_whenever_it_is_given_up_nothing_is_left(
    rtt_secs: float, known: Viewer, server: Server, link: Link, post: Post
) -> None:
    """At each stage once: before the key exchange, in it, while logging in."""
    link.rtt_secs = rtt_secs
    for number, name in enumerate(("tcp", "host_key", "login")):
        attempt = f"at-the-stage-{number}"
        connecting = post("/api/remote/connect", login_by(server, link, attempt))
        wait_for_stage(known, server, link, name, *(("host_key",) if name == "tcp" else ()))
        give_up(known, attempt)
        assert answered(connecting)[0] in (200, 500)
        eventually(lambda: not connections(known), what=f"no connection after {name}")
    link.rtt_secs = 0.0
    eventually(lambda: not link.pairs, what="connections through the link")


def test_what_two_windows_wait_for_goes_on_until_the_last_gives_up(
    known: Viewer, server: Server, link: Link, post: Post
) -> None:
    link.stall()
    one = post("/api/remote/connect", login_by(server, link, ONE))
    other = post("/api/remote/connect", login_by(server, link, OTHER))
    wait_for_stage(known, server, link, "host_key")
    give_up(known, ONE)  # which may arrive before it, see below
    assert answered(one) == (500, "CONNECT_CANCELLED")
    assert not other.done()
    link.resume()
    assert answered(other) == (200, None)
    # The one that is left made the connection, so it can take it back; a client that takes nothing back keeps it.
    assert give_up(known, OTHER)
    assert connections(known) == []


def test_a_connection_that_somebody_else_uses_stays(known: Viewer, server: Server, link: Link) -> None:
    assert connect(known, login_by(server, link, ONE)).status_code == 200
    assert connect(known, login_by(server, link)).status_code == 200  # by the document, without an attempt
    give_up(known, ONE)
    assert len(connections(known)) == 1


def test_giving_up_another_attempt_leaves_a_session_that_is_reconnecting(
    known: Viewer, server: Server, link: Link, post: Post
) -> None:
    session = start(known, login_by(server, link, OTHER))
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    link.down()
    eventually(lambda: known.get(status).json()["status"] == "reconnecting", 20)
    link.stall()
    link.accept()
    connecting = post("/api/remote/connect", login_by(server, link, ONE))
    wait_for_stage(known, server, link, "host_key", "tcp")
    give_up(known, ONE)
    assert answered(connecting) == (500, "CONNECT_CANCELLED")
    assert known.get(status).json()["status"] == "reconnecting"
    link.resume()
    eventually(lambda: known.get(status).json()["status"] == "running", 40)
    assert known.get(status).json()["remotePid"] == session["remotePid"]
    assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
    assert not give_up(known, OTHER)  # it has come to its page: nothing of it is under way
    assert known.get(status).json()["status"] == "running"
    stop(known, session)


def test_a_start_that_is_given_up_leaves_nothing_and_another_windows_start_stays(
    known: Viewer, server: Server, link: Link, post: Post
) -> None:
    assert connect(known, login_by(server, link, ONE)).status_code == 200
    link.rtt_secs = 0.3
    other = post("/api/remote/viewer/start", login_by(server, link, OTHER))
    eventually(lambda: known.get("/api/remote/viewer/sessions").json()["sessions"], what="a session that starts")
    one = post("/api/remote/viewer/start", login_by(server, link, ONE))
    give_up(known, ONE)
    assert answered(one) == (500, "CONNECT_CANCELLED")
    assert answered(other) == (200, None)
    (session,) = known.get("/api/remote/viewer/sessions").json()["sessions"]
    assert session["status"] == "running"
    stop(known, session)
    eventually_nothing(server.processes, 5)

    link.rtt_secs = 1.0  # the tunnel's own login takes seconds
    again = post("/api/remote/viewer/start", login_by(server, link, "window-three-3"))
    eventually(server.processes, what="a viewer on the server")
    assert give_up(known, "window-three-3")
    assert answered(again) == (500, "CONNECT_CANCELLED")
    link.rtt_secs = 0.0
    eventually_nothing(server.traces, 5)


def test_what_is_given_up_before_it_arrives_does_not_begin(known: Viewer, server: Server, link: Link) -> None:
    """A page sends both at once, and they may overtake one another."""
    assert not give_up(known, ONE)
    answer = connect(known, login_by(server, link, ONE))
    assert (answer.status_code, answer.json()["code"]) == (500, "CONNECT_CANCELLED")
    assert connections(known) == []


@pytest.mark.parametrize("attempt", ["", "short", "with blanks in it", "x" * 65, 7, None, ["window-one-0001"], "ä" * 9])
def test_what_is_no_id_of_an_attempt_is_refused(attempt: Any, known: Viewer) -> None:
    answer = known.post("/api/remote/attempts/give-up", {"attempt": attempt})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


def test_stopping_a_session_while_it_logs_in_again_makes_no_connection(
    known: Viewer, server: Server, link: Link
) -> None:
    session = start(known, login_by(server, link))
    link.down()
    status = f"/api/remote/viewer/status/{session['sessionId']}"
    eventually(lambda: known.get(status).json()["status"] == "reconnecting", 20)
    link.stall()
    link.accept()
    wait_for_stage(known, server, link, "host_key")
    before = logins(server)
    assert stop(known, session).json()["ok"] is True
    assert_nothing_comes_up(known, server, link, before)
    for process in server.processes().values():  # no link was there to end it by; its grace period would
        process.kill()
