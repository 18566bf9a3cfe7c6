"""TensorBoard logs on a server are watched from here like runs of our own, and stay as they are there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.event_files import event, scalar, write_events
from tests.support.remote import start, stop
from tests.support.server import Server
from tests.support.serving import Viewer
from tests.support.waiting import eventually, eventually_nothing

NAME = "events.out.tfevents.1700000000.gpu7"


@pytest.fixture
def own_traces(server: Server) -> Iterator[None]:
    """The cache on the server, in the user's own folder, is what remains; it goes after the test."""
    yield
    shutil.rmtree(server.account.home / ".cache", ignore_errors=True)


def write(server: Server, points: int) -> None:
    write_events(server.runs / "exp" / "a" / NAME, [event(scalar("loss", 1.0), step=step) for step in range(points)])
    server.account.give(server.runs)


def runs(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/runs").json()["runs"]
    return found


def count(url: str, run_id: str) -> int:
    query = {"run": run_id, "metric": "loss"}
    return int(httpx.get(f"{url}/api/series", params=query).json()["series"][0]["count"])


@pytest.mark.usefixtures("own_traces")
def test_event_files_on_a_server_are_live_runs_here(connected: Viewer, server: Server) -> None:
    write(server, 10)
    session = start(connected, server.login(remote_root=str(server.runs)))
    url = session["url"]
    eventually(lambda: runs(url), what="the list of runs")
    (run,) = runs(url)
    assert (run["name"], run["project"], run["state"]) == ("a", "exp", "running")
    eventually(lambda: count(url, run["id"]) == 10, what="the points")
    write(server, 25)
    eventually(lambda: count(url, run["id"]) == 25, what="the new points")
    assert stop(connected, session).status_code == 200
    assert sorted(path.name for path in server.runs.rglob("*")) == ["a", NAME, "exp"]
    eventually_nothing(server.processes, 10)


def test_a_home_that_cannot_be_written_hides_no_log(connected: Viewer, server: Server) -> None:
    write(server, 5)
    home = server.account.home
    before = home.stat().st_mode
    home.chmod(0o500)
    (home / ".cache").touch()  # made by root: a folder of that name cannot be made
    try:
        session = start(connected, server.login(remote_root=str(server.runs)))
        eventually(lambda: [run["name"] for run in runs(session["url"])], what="the run")
        assert httpx.get(f"{session['url']}/api/runs").json()["problem"] is None
        assert stop(connected, session).json()["ok"] is True
    finally:
        (home / ".cache").unlink()
        home.chmod(before)
    eventually_nothing(server.traces, 3)
