"""Runs of a host that is not connected are shown as they were seen last, also by the next viewer, until somebody lets
go of them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import Account
from tests.support.opened_roots import ONLY_SFTP
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually

import runicorn as rn

SECS = 15


@pytest.fixture(params=["agent", "sftp"])
def host(request: pytest.FixtureRequest, bare_account: Account, tmp_path: Path) -> Iterator[Server]:
    """A server with three runs on which nothing is installed, where commands run or SFTP alone does."""
    with run_server(bare_account, tmp_path, options=ONLY_SFTP if request.param == "sftp" else {}) as server:
        record(server, "one", "two", "three")
        yield server


def record(server: Server, *names: str) -> None:
    for name in names:
        with rn.init(name=name, root=server.runs, config={"lr": 0.1}) as run:
            run.log({"loss": 0.5})
    server.account.give(server.runs)


@contextmanager
def viewer_of(tmp_path: Path) -> Iterator[Viewer]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    with run_viewer(tmp_path / "local-root", home) as viewer:
        yield viewer


def open_session(viewer: Viewer, server: Server) -> dict[str, Any]:
    answer = connect(viewer, server.login())
    if answer.status_code == 409:
        accept(viewer, answer)
    return start(viewer, server.login(remote_root=str(server.runs)))


def listed(viewer: Viewer) -> dict[str, dict[str, Any]]:
    return {run["name"]: run for run in viewer.get("/api/runs").json()["runs"]}


def place(viewer: Viewer) -> dict[str, Any] | None:
    """Return the only host's source."""
    found = [each for each in viewer.get("/api/runs").json()["sources"] if each["id"] != "local"]
    assert len(found) <= 1
    return found[0] if found else None


def standing(viewer: Viewer) -> tuple[str, int] | None:
    found = place(viewer)
    return found and (found["state"], found["runs"])


def test_the_next_viewer_shows_them_with_their_age_and_what_became_of_them_once_connected(
    host: Server, tmp_path: Path
) -> None:
    with viewer_of(tmp_path) as first:
        session = open_session(first, host)
        eventually(lambda: standing(first) == ("ready", 3), SECS)
        before = listed(first)
        live = place(first)
    assert live
    seen_at = time.time()
    record(host, "four")
    (gone,) = (path for path in (host.runs / "runs").iterdir() if '"two"' in (path / "run.json").read_text())
    shutil.rmtree(gone)

    with viewer_of(tmp_path) as second:
        absent = eventually(lambda: place(second), SECS)
        reached_by = f"{host.account.username}@127.0.0.1:{host.sshd.port}"
        assert (absent["id"], absent["state"], absent["runs"]) == (live["id"], "away", 3)
        assert (absent["session_id"], absent["connection_id"]) == (None, reached_by)
        assert absent["error"] == "The host is not connected."
        age = seen_at - datetime.fromisoformat(absent["as_of"].replace("Z", "+00:00")).timestamp()
        assert -1 < age < 30
        now = listed(second)
        for what in ("id", "summary", "state"):
            assert {name: run[what] for name, run in now.items()} == {name: run[what] for name, run in before.items()}
        one = now["one"]["id"]
        for path in (f"/api/runs/{one}", f"/api/runs/{one}/console", f"/api/runs/{one}/files/run.json"):
            answer = second.get(path)
            assert answer.status_code in (500, 503), answer.text
            assert "not connected" in answer.json()["detail"]
        with rn.init(name="mine", root=tmp_path / "local-root") as mine:
            mine.log({"loss": 1.0})
        chart = second.get("/api/series", run=[mine.id, one], metric="loss").json()
        assert [each["run"] for each in chart["series"]] == [mine.id]
        assert "not connected" in str(chart["unreadable"])
        assert second.get("/api/runs", q="host:127.0.0.1 and config.lr = 0.1").json()["total"] == 3

        session = open_session(second, host)
        eventually(lambda: standing(second) == ("ready", 3), SECS)
        assert set(listed(second)) == {"one", "three", "four", "mine"}
        assert listed(second)["one"]["id"] == one
        assert len(second.get("/api/series", run=one, metric="loss").json()["series"]) == 1

        # Whoever ends the session has seen enough of it.
        stop(second, session)
        assert (place(second), set(listed(second))) == (None, {"mine"})
    with viewer_of(tmp_path) as third:
        time.sleep(1)
        assert (place(third), set(listed(third))) == (None, {"mine"})


def test_they_can_be_let_go_of_without_connecting(host: Server, tmp_path: Path) -> None:
    with viewer_of(tmp_path) as first:
        open_session(first, host)
        eventually(lambda: standing(first) == ("ready", 3), SECS)
        source = place(first)
        assert source
        refused = first.client.delete(f"/api/sources/{source['id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, "SOURCE_CONNECTED")
    with viewer_of(tmp_path) as second:
        eventually(lambda: standing(second) == ("away", 3), SECS)
        answer = second.client.delete(f"/api/sources/{source['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (place(second), listed(second)) == (None, {})
        for unknown in (source["id"], "local", "x" * 3000):
            answer = second.client.delete(f"/api/sources/{unknown}")
            assert (answer.status_code, answer.json()["code"]) == (404, "SOURCE_NOT_FOUND")
    with viewer_of(tmp_path) as third:
        time.sleep(1)
        assert place(third) is None
    assert len(list((host.runs / "runs").iterdir())) == 3


def test_a_viewer_that_is_killed_leaves_them_as_well(bare: Server, tmp_path: Path) -> None:
    record(bare, "one", "two")
    with viewer_of(tmp_path) as first:
        open_session(first, bare)
        eventually(lambda: standing(first) == ("ready", 2), SECS)
        time.sleep(3)  # the list is saved by whoever asks for it a little later
        assert len(listed(first)) == 2
        first.kill()
    bare.kill_sshd_children()
    (tmp_path / "home" / "runicorn" / "sessions.json").unlink(missing_ok=True)
    with viewer_of(tmp_path) as second:
        eventually(lambda: standing(second) == ("away", 2), SECS)
        assert set(listed(second)) == {"one", "two"}


def test_a_host_that_is_down_at_the_start_keeps_its_rows_and_a_live_stream_goes_on(
    bare: Server, tmp_path: Path
) -> None:
    record(bare, "one")
    with viewer_of(tmp_path) as first:
        open_session(first, bare)
        eventually(lambda: standing(first) == ("ready", 1), SECS)
    bare.sshd.stop()
    with viewer_of(tmp_path) as second:
        eventually(lambda: standing(second) == ("away", 1), SECS)
        answer = connect(second, bare.login())
        assert answer.status_code == 500
        assert standing(second) == ("away", 1)
        run = listed(second)["one"]["id"]
        began = time.monotonic()
        with second.client.stream("GET", f"/api/live?run={run}&metric=loss") as stream:
            seen = b""
            for piece in stream.iter_bytes():
                seen += piece
                if b"event: sources" in seen or time.monotonic() - began > 5:
                    break
        assert b'"state":"away"' in seen.replace(b" ", b"")
        with rn.init(name="mine", root=tmp_path / "local-root") as mine:
            mine.log({"loss": 1.0})
        eventually(lambda: set(listed(second)) == {"one", "mine"}, SECS)
