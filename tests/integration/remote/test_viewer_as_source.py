"""A session whose page a viewer over there serves: its runs are among those of this machine, read beside that viewer.

Where nothing can be read beside it, the session is what it was before, and its place says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.link import run_link
from tests.support.remote import accept, connect, login_by, start, stop, viewer_that_knows
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually, eventually_nothing

import runicorn as rn
from runicorn.viewer.guests import source_id

COMES_SECS, COMES_BACK_SECS = 10, 30


@pytest.fixture
def started(connected: Viewer, server: Server) -> tuple[Viewer, dict[str, Any]]:
    """A viewer with a run of its own, and a session of a server on which a run grows."""
    server.train()
    return connected, start(connected, server.login(remote_root=str(server.runs)))


def names(viewer: Viewer) -> set[str]:
    return {run["name"] for run in viewer.get("/api/runs").json()["runs"]}


def places(viewer: Viewer) -> list[dict[str, Any]]:
    """Return all sources but this machine's."""
    found: list[dict[str, Any]] = viewer.get("/api/runs").json()["sources"]
    return [each for each in found if each["id"] != "local"]


def ready(viewer: Viewer) -> dict[str, Any] | None:
    """Return the only host's source, once its runs are here."""
    return next((each for each in places(viewer) if each["state"] == "ready" and each["runs"]), None)


def away(viewer: Viewer) -> dict[str, Any] | None:
    return next((each for each in places(viewer) if each["state"] == "away" and each["error"]), None)


def agents(server: Server) -> list[psutil.Process]:
    """Return what reads there, without the shells that wait for it."""
    return [each for words, each in server.processes().items() if words.startswith("python") and "-IBuc" in words]


def last_step(viewer: Viewer, run: str) -> int:
    (series,) = viewer.get("/api/series", run=run, metric="train/loss").json()["series"]
    return int(series["x"][-1])


def test_its_runs_are_among_those_of_this_machine_with_its_host(
    started: tuple[Viewer, dict[str, Any]], server: Server, tmp_path: Path
) -> None:
    viewer, session = started
    with rn.init(root=tmp_path / "local-root", name="mine") as run:
        for step in range(3):
            run.log({"train/loss": step})
    place = eventually(lambda: ready(viewer), COMES_SECS, "the host's runs")
    reached_by = f"{server.account.username}@127.0.0.1:{server.sshd.port}"
    assert place["id"] == source_id(reached_by, str(server.runs))
    assert (place["host"], place["root"], place["mode"]) == ("127.0.0.1", str(server.runs), "viewer")
    assert (place["session_id"], place["error"]) == (session["sessionId"], None)
    (theirs,) = viewer.get("/api/runs", q="host:127.0.0.1").json()["runs"]
    assert (theirs["name"], theirs["source"], theirs["place"]) == ("on-the-server", place["id"], "127.0.0.1")
    assert theirs["id"].startswith(f"{place['id']}:")
    assert names(viewer) == {"mine", "on-the-server"}

    # A chart of both in one answer, which grows.
    answer = viewer.get("/api/series", run=[run.id, theirs["id"]], metric="train/loss").json()
    assert [each["run"] for each in answer["series"]] == [run.id, theirs["id"]]
    assert answer["series"][0]["y"] == [0, 1, 2]
    seen = int(answer["series"][1]["x"][-1])
    eventually(lambda: last_step(viewer, theirs["id"]) > seen + 20, what="further points")

    # The session's own page is its viewer's over there, and that is what goes on when what reads beside it ends.
    assert session["tunnelBackend"] != "agent"
    health = httpx.get(f"{session['url']}/api/health").json()
    assert (health["session_id"], health["pid"]) == (session["sessionId"], session["remotePid"])
    (agent,) = agents(server)
    agent.kill()
    eventually(lambda: [each for each in agents(server) if each.pid != agent.pid], COMES_BACK_SECS, "another reader")
    eventually(lambda: ready(viewer), COMES_SECS, "the host's runs")
    now = viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()
    assert (now["status"], now["remotePid"], now["reconnects"]) == ("running", session["remotePid"], 0)


def test_it_goes_with_the_session_and_leaves_nothing_over_there(
    started: tuple[Viewer, dict[str, Any]], server: Server
) -> None:
    viewer, session = started
    eventually(lambda: ready(viewer), COMES_SECS, "the host's runs")
    assert len(agents(server)) == 1
    assert stop(viewer, session).json()["ok"] is True
    assert (places(viewer), names(viewer)) == ([], set())
    eventually_nothing(server.traces, 2)
    assert viewer.get("/api/remote/status").json()["connections"][0]["connected"] is True


def test_a_session_that_is_stopped_at_once_leaves_no_reader(connected: Viewer, server: Server) -> None:
    for _ in range(3):
        session = start(connected, server.login(remote_root=str(server.runs)))
        assert stop(connected, session).json()["ok"] is True
        eventually_nothing(server.traces, 3)
        assert places(connected) == []


def test_it_comes_back_with_the_link(server: Server, tmp_path: Path) -> None:
    server.train()
    with run_link(server.sshd.port) as link, viewer_that_knows(server, link, tmp_path) as viewer:
        session = start(viewer, login_by(server, link))
        before = eventually(lambda: ready(viewer), COMES_SECS, "the host's runs")
        (theirs,) = viewer.get("/api/runs").json()["runs"]
        seen = last_step(viewer, theirs["id"])
        link.down()
        told = eventually(lambda: away(viewer), COMES_BACK_SECS, "the place to be away")
        assert (told["id"], told["runs"]) == (before["id"], 1)
        assert told["as_of"] is not None
        assert names(viewer) == {"on-the-server"}
        link.accept()
        eventually(lambda: ready(viewer), COMES_BACK_SECS, "the place to be back")
        eventually(lambda: last_step(viewer, theirs["id"]) > seen + 20, what="what came in between")
        now = viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()
        assert (now["status"], now["reconnects"], now["remotePid"]) == ("running", 1, session["remotePid"])
        eventually(lambda: len(agents(server)) == 1, COMES_SECS, "one reader only")
        assert stop(viewer, session).json()["ok"] is True
        eventually_nothing(server.traces, 3)


# --- where nothing can be read beside the viewer --------------------------------------------------------------------


@contextmanager
def viewer_of(server: Server, folder: Path) -> Iterator[Viewer]:
    (folder / "home").mkdir()
    with run_viewer(folder / "root", folder / "home") as viewer:
        accept(viewer, connect(viewer, server.login()))
        yield viewer


def test_where_the_connection_has_no_room_the_session_works_and_the_place_says_why(
    server_account: Any, tmp_path: Path
) -> None:
    with (
        run_server(server_account, tmp_path, options={"MaxSessions": "1"}) as server,
        viewer_of(server, tmp_path) as viewer,
    ):
        server.train()
        session = start(viewer, server.login(remote_root=str(server.runs)))
        told = eventually(lambda: away(viewer), COMES_SECS, "what is wrong with the place")
        assert "MaxSessions" in told["error"]
        assert (told["session_id"], told["runs"], told["as_of"]) == (session["sessionId"], 0, None)
        assert agents(server) == []
        (run,) = eventually(lambda: httpx.get(f"{session['url']}/api/runs").json()["runs"], what="its own page")
        assert run["name"] == "on-the-server"
        now = viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()
        assert (now["status"], now["error"], now["reconnects"]) == ("running", None, 0)
        assert stop(viewer, session).json()["ok"] is True
        assert places(viewer) == []
        eventually_nothing(server.traces, 3)


def test_a_root_that_is_taken_away_costs_the_place_only(started: tuple[Viewer, dict[str, Any]], server: Server) -> None:
    viewer, session = started
    eventually(lambda: ready(viewer), COMES_SECS, "the host's runs")
    server.runs.chmod(0)
    try:
        told = eventually(lambda: away(viewer), COMES_BACK_SECS, "what is wrong with the place")
        assert told["error"]
        now = viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()
        assert (now["status"], now["reconnects"]) == ("running", 0)
    finally:
        server.runs.chmod(0o755)
    eventually(lambda: ready(viewer), COMES_BACK_SECS, "the host's runs")
