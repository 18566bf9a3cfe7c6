"""Every session has a log: from its first moment, across reconnects, and after it failed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.link import run_link
from tests.support.remote import accept, connect, start, stop
from tests.support.server import ENVIRONMENT, Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually

from runicorn.remote.telling.log import LINES_KEPT

STAGES = ("resolve", "tcp", "host_key", "login", "environments", "start", "tunnel", "ready")

# Runs in the remote viewer: when told to, says more than any window and pipe holds, and then that it is through.
LOUD = """
import os, sys, threading, time

def shout():
    while not os.path.exists({begin!r}):
        time.sleep(0.05)
    for number in range(80_000):
        os.write(2, b"line %d %s\\n" % (number, b"x" * 100))
    os.write(1, b"and on standard output\\n")
    os.write(2, b"\\x1b[31mthe last words\\n")

if "viewer" in sys.orig_argv:
    threading.Thread(target=shout, daemon=True).start()
"""
SHOUTED = 80_000


def log_of(viewer: Viewer, session_id: str, after: int = 0) -> dict[str, Any]:
    answer = viewer.get(f"/api/remote/viewer/log/{session_id}", after=after)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["session_id"] == session_id
    return body


def text_of(viewer: Viewer, session_id: str) -> str:
    return "\n".join(line["text"] for line in log_of(viewer, session_id)["lines"])


@pytest.fixture
def loud(server: Server, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An environment whose viewer shouts as soon as a file is there: its name, and the file."""
    begin = tmp_path / "begin"
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    environment = server.account.home / "venvs" / "loud"
    shutil.copytree(server.python.parents[1], environment, symlinks=True)
    try:
        (site,) = environment.glob("lib/python3*/site-packages")
        (site / "loud.py").write_text(LOUD.format(begin=str(begin)))
        (site / "loud.pth").write_text("import loud\n")
        yield environment.name, begin
    finally:
        shutil.rmtree(environment)


def test_the_log_begins_before_the_connection_and_tells_each_stage_with_its_time(
    connected_with: Callable[..., Viewer], server: Server
) -> None:
    viewer = connected_with(RUNICORN_TUNNEL="openssh")
    assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"] is True
    before = time.time()
    session = start(viewer, server.login(remote_root=str(server.runs)))
    log = log_of(viewer, session["sessionId"])
    texts = [line["text"] for line in log["lines"]]
    assert texts[0].startswith(f"session {session['sessionId']} on {session['connectionId']}: root {server.runs}")
    told = [text for text in texts if " done in " in text]
    assert [text.split(" done in ")[0] for text in told] == list(STAGES)
    assert all(" ms: " in text for text in told)
    times = [line["at"] / 1000 for line in log["lines"]]
    assert before - 1 <= times[0] <= times[-1] <= time.time()
    assert session["logNext"] <= log["next"] == len(texts)

    assert log_of(viewer, session["sessionId"], log["next"])["lines"] == []
    stop(viewer, session)
    news = [line["text"] for line in log_of(viewer, session["sessionId"], log["next"])["lines"]]
    assert news[0] == "the session is stopping"
    assert news[-1] == "the session is stopped"
    assert any("the viewer ended with status 0" in text for text in news)


def test_a_session_on_a_connection_that_is_there_tells_how_that_came_about(connected: Viewer, server: Server) -> None:
    first = start(connected, server.login(remote_root=str(server.runs)))
    second = start(connected, server.login(remote_root=str(server.account.home)))
    for session in (first, second):
        text = text_of(connected, session["sessionId"])
        for stage in STAGES:
            assert text.count(f"{stage} done in ") == 1, stage
    assert second["sessionId"] not in text_of(connected, first["sessionId"])


def test_the_remote_viewer_is_heard_after_its_start_and_never_waits_for_a_reader(
    connected: Viewer, server: Server, loud: tuple[str, Path]
) -> None:
    environment, begin = loud
    session = start(connected, server.login(remote_root=str(server.runs), conda_env=environment))
    before = log_of(connected, session["sessionId"])["next"]
    begin.touch()
    eventually(lambda: "the last words" in text_of(connected, session["sessionId"]), 30, "its last words")
    log = log_of(connected, session["sessionId"])
    texts = [line["text"] for line in log["lines"]]
    assert log["next"] >= before + SHOUTED
    assert len(texts) == LINES_KEPT
    assert "server: \\x1b[31mthe last words" in texts
    assert "server: and on standard output" in texts
    assert f"server: line {SHOUTED - 1} {'x' * 100}" in texts
    assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
    (progress,) = connected.get("/api/remote/status").json()["progress"]
    assert "the last words" not in "".join(progress["log"])  # it would be sent to every page again and again


def test_a_start_that_failed_keeps_its_log(connected: Viewer, server: Server) -> None:
    answer = connected.post("/api/remote/viewer/start", server.login(remote_root="/no/such/folder"))
    assert answer.json()["code"] == "REMOTE_ROOT_MISSING"
    (session,) = connected.get("/api/remote/viewer/sessions", ended=True).json()["sessions"]
    text = text_of(connected, session["sessionId"])
    assert "login done in" in text
    assert "start failed in" in text
    assert "REMOTE_ROOT_MISSING: The folder /no/such/folder does not exist on the server." in text
    assert answer.json()["hint"] in text
    assert text.splitlines()[-1] == session["error"]["hint"]


def test_a_start_that_could_not_connect_keeps_its_log(server: Server, viewer: Viewer) -> None:
    answer = viewer.post("/api/remote/viewer/start", server.login(remote_root=str(server.runs)))
    assert answer.status_code == 409
    (session,) = viewer.get("/api/remote/viewer/sessions", ended=True).json()["sessions"]
    text = text_of(viewer, session["sessionId"])
    assert "host_key failed in" in text
    assert text.count("HOST_KEY_CONFIRMATION_REQUIRED: ") == 1


def test_a_lost_link_is_told_with_its_cause_each_attempt_and_what_came_back(server: Server, viewer: Viewer) -> None:
    with run_link(server.sshd.port) as link:
        body = server.login(remote_root=str(server.runs)) | {"port": link.port}
        accept(viewer, connect(viewer, body))
        session = start(viewer, body)
        before = log_of(viewer, session["sessionId"])["next"]
        link.down()

        def news() -> str:
            return "\n".join(line["text"] for line in log_of(viewer, session["sessionId"], before)["lines"])

        eventually(lambda: news().count("CONNECTION_REFUSED: ") >= 2, 20, "two attempts")
        link.accept()
        eventually(lambda: "the session is running again, after reconnect 1" in news(), 20, "the link")
        text = news()
        stop(viewer, session)
    assert "ssh: " in text  # which says in its own words that it lost the server
    assert "the link to the server is lost: the SSH connection ended" in text
    assert "attempt 1 follows in 0." in text
    assert "attempt 3 follows in " in text
    assert "tcp failed in " in text
    assert f"remote viewer process {session['remotePid']}, port {session['remotePort']}" in text
    assert text.count("login done in ") == 1


def test_the_log_of_an_unknown_session_is_404(viewer: Viewer) -> None:
    answer = viewer.get("/api/remote/viewer/log/feedbeef")
    assert (answer.status_code, answer.json()["code"]) == (404, "SESSION_NOT_FOUND")


def test_the_stream_tells_that_there_are_new_lines(connected: Viewer, server: Server) -> None:
    with connected.client.stream("GET", "/api/live") as stream:
        session = start(connected, server.login(remote_root=str(server.runs), conda_env=ENVIRONMENT))
        wanted = f'"logNext":{log_of(connected, session["sessionId"])["next"]}'
        assert any(wanted in line for line in stream.iter_lines())
