"""A server on which nothing of ours is installed: an agent reads it, and its page is served on this side."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from tests.integration.remote.test_sessions import last_step, nothing_of_ours_here
from tests.support.accounts import Account
from tests.support.drawn_sweeps import write_run
from tests.support.event_files import event, image, png, scalar, write_events
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server, somebody_training
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually, eventually_nothing

from runicorn.storage import layout
from runicorn.storage.compaction import pack_run

# Where to go on with a live stream, and how far a clock is from its own: what only the viewer that answers knows.
ITS_OWN = re.compile(rb'"cursor":"[^"]*"|"clock_ahead_secs":(null|-?\d+)')
DATA = Path(__file__).parents[2] / "data"
EVENT_FILE, LATER_FILE = "events.out.tfevents.1700000000.gpu7", "events.out.tfevents.1700000001.gpu7"


def agents(server: Server) -> list[psutil.Process]:
    """Return the agents, without the shells that look for a Python."""
    return [each for words, each in server.processes().items() if "-IBuc" in words and not each.children()]


def seen_growing(url: str) -> int:
    first = eventually(lambda: last_step(url) + 1) - 1
    eventually(lambda: last_step(url) > first + 20, 15, what="the run's last step")
    return last_step(url)


def is_running(viewer: Viewer, session: dict[str, Any]) -> bool:
    return bool(viewer.get(f"/api/remote/viewer/status/{session['sessionId']}").json()["status"] == "running")


@pytest.mark.parametrize("connector", ["paramiko", "ssh"])
def test_a_live_run_grows_where_only_files_can_be_read(connector: str, files_only: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_CONNECTOR": connector}) as viewer:
        accept(viewer, connect(viewer, files_only.login()))
        session = start(viewer, files_only.login(remote_root=f"/{files_only.runs.name}"))
        assert (session["mode"], session["remotePort"], session["tunnelBackend"]) == ("sftp", 0, None)
        assert [each["backend"] for each in session["fallbacks"]] == ["agent", "viewer"]
        assert "This service allows sftp connections only" in session["fallbacks"][0]["reason"]
        before = seen_growing(session["url"])
        files_only.kill_sshd_children()
        eventually(lambda: not is_running(viewer, session), 20, "the loss of the link")
        eventually(lambda: is_running(viewer, session), 20, "the session")
        assert seen_growing(session["url"]) > before
        stop(viewer, session)
        viewer.post("/api/remote/disconnect", files_only.target())
        eventually_nothing(files_only.sshd_children, 5)
        eventually(lambda: nothing_of_ours_here(viewer), 5, "nothing left on this side")


@pytest.mark.parametrize("connector", ["paramiko", "ssh"])
def test_a_live_run_grows_where_nothing_is_installed_and_stopping_leaves_nothing(
    connector: str, growing: Server, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home", {"RUNICORN_CONNECTOR": connector}) as viewer:
        accept(viewer, connect(viewer, growing.login()))
        session = start(viewer, growing.login(remote_root=str(growing.runs)))
        assert (session["mode"], session["remotePort"], session["tunnelBackend"]) == ("agent", 0, None)
        assert (session["status"], session["isActive"], session["error"]) == ("running", True, None)
        assert session["fallbacks"] == []
        seen_growing(session["url"])
        health = httpx.get(f"{session['url']}/api/health").json()
        assert (health["session_id"], health["root"]) == (session["sessionId"], str(growing.runs))
        assert (health["remote"]["mode"], health["remote"]["tunnel"]) == ("agent", "agent")
        assert health["remote"]["rtt_ms"] > 0
        assert httpx.get(session["url"]).text.startswith("<!doctype html>")
        assert growing.listening_ports() == set()
        assert {words for words in growing.traces() if not words.startswith("process")} == set()

        stop(viewer, session)
        eventually_nothing(growing.traces, 2)
        viewer.post("/api/remote/disconnect", growing.target())
        eventually(lambda: nothing_of_ours_here(viewer), 5, "nothing left on this side")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{session['url']}/api/health")


def test_where_a_viewer_is_installed_either_can_be_asked_for(connected: Viewer, server: Server) -> None:
    for mode, told in (("auto", "agent"), ("agent", "agent"), ("sftp", "sftp"), ("viewer", "viewer")):
        session = start(connected, server.login(remote_root=str(server.runs), mode=mode))
        assert (session["mode"], session["fallbacks"]) == (told, [])
        assert (session["remotePort"] == 0) == (told != "viewer")
    sessions = connected.get("/api/remote/viewer/sessions").json()["sessions"]
    assert sorted(each["mode"] for each in sessions) == ["agent", "sftp", "viewer"]
    for session in sessions:
        stop(connected, session)


def test_a_viewer_that_was_asked_for_and_is_not_there_is_an_error(bare: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, bare.login()))
    body = bare.login(remote_root=str(bare.runs))
    for more in ({"mode": "viewer"}, {"conda_env": "ml"}):
        answer = viewer.post("/api/remote/viewer/start", {**body, **more})
        assert answer.json()["code"] in ("ENVIRONMENT_NOT_FOUND", "RUNICORN_MISSING"), answer.text
    answer = viewer.post("/api/remote/viewer/start", {**body, "mode": "teleport"})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    ("root", "code"),
    [
        ("{home}/not-there", "REMOTE_ROOT_MISSING"),
        ("/etc/passwd", "REMOTE_ROOT_MISSING"),
        ("/root", "REMOTE_ROOT_UNREADABLE"),
    ],
)
def test_a_root_that_cannot_be_read_is_told_and_leaves_nothing(
    root: str, code: str, bare: Server, viewer: Viewer
) -> None:
    accept(viewer, connect(viewer, bare.login()))
    answer = viewer.post(
        "/api/remote/viewer/start", bare.login(remote_root=root.format(home=bare.account.home), mode="agent")
    )
    assert answer.json()["code"] == code, answer.text
    eventually_nothing(bare.processes, 5)


def test_the_answers_are_those_of_an_installed_viewer(connected: Viewer, server: Server) -> None:
    server.train(steps=400, pause_secs=0).wait()
    by_viewer, by_agent, by_sftp = (
        start(connected, server.login(remote_root=str(server.runs), mode=mode))["url"]
        for mode in ("viewer", "agent", "sftp")
    )
    (run,) = httpx.get(f"{by_viewer}/api/runs").json()["runs"]
    paths = [
        "/api/runs",
        f"/api/runs/{run['id']}",
        f"/api/series?run={run['id']}&metric=train/loss&metric=acc&points=100",
        f"/api/runs/{run['id']}/console",
        f"/api/runs/{run['id']}/events",
        f"/api/runs/{run['id']}/files/run.json",
        "/api/artifacts",
        "/",
    ]
    for path in paths:
        theirs = httpx.get(by_viewer + path)
        for ours in (httpx.get(by_agent + path), httpx.get(by_sftp + path)):
            assert ours.status_code == theirs.status_code == 200, path
            assert comparable(ours) == comparable(theirs), path
    lines = {"runs": [run["id"]], "charts": [{"metric": "train/loss", "runs": [0]}], "points": 100}
    for path, body in (("/api/lines", lines), ("/api/metrics", {"runs": [run["id"]]})):
        *ours, theirs = (httpx.post(url + path, json=body) for url in (by_agent, by_sftp, by_viewer))
        assert [(each.status_code, each.content) for each in ours] == [(200, theirs.content)] * 2, path


def test_long_charts_are_those_of_an_installed_viewer(connected: Viewer, server: Server) -> None:
    steps, noise = np.arange(300_000), np.random.default_rng(1)
    losses = noise.normal(size=300_000)
    losses[noise.random(300_000) < 0.001] = np.nan
    write_run(server.runs, "20261120-000000-000000", {"loss": (steps, losses), "lr": (steps, 1 / (steps + 1))}, {})
    server.account.give(server.runs)
    urls = [
        start(connected, server.login(remote_root=str(server.runs), mode=mode))["url"]
        for mode in ("viewer", "agent", "sftp")
    ]
    asked = {"runs": ["20261120-000000-000000"], "points": 400}
    for metric in ("loss", "lr"):
        for window in ({}, {"low": 1000.0, "high": 1500.0}, {"low": 7.0, "high": 250_000.0}):
            body = {**asked, "charts": [{"metric": metric, "runs": [0]}], **window}
            theirs, *ours = (httpx.post(f"{url}/api/lines", json=body, timeout=30) for url in urls)
            assert theirs.status_code == 200, theirs.text
            assert [each.content for each in ours] == [theirs.content] * 2
    theirs, *ours = (httpx.get(f"{url}/api/runs/20261120-000000-000000") for url in urls)
    assert [comparable(each) for each in ours] == [comparable(theirs)] * 2


@pytest.fixture
def logs_of_others(server: Server) -> Iterator[Server]:
    """Event files with pictures, and what Lightning, W&B and MLflow wrote, beside a run of ours that is packed. Their
    times are whole seconds.
    """
    server.train(steps=400, pause_secs=0).wait()
    for run in (server.runs / "runs").iterdir():
        pack_run(run)
        assert (run / f"{layout.METRICS_FILE}{layout.PACKED_SUFFIX}").exists()
    logs = server.runs / "logs"
    write_events(logs / EVENT_FILE, [event(scalar("loss", 1 / (step + 1)), step=step) for step in range(300)])
    write_events(logs / LATER_FILE, [event(image("samples", png(6, 4), 6, 4), step=299)])
    table = logs / "lightning_logs" / "version_0" / "metrics.csv"
    table.parent.mkdir(parents=True)
    table.write_text("step,loss\n" + "".join(f"{step},{1 / (step + 1)}\n" for step in range(300)))
    table.with_name("hparams.yaml").write_text("lr: 0.1\noptimizer:\n  name: adam\n")
    shutil.copytree(DATA / "foreign" / "wandb" / "wandb", logs / "wandb")
    shutil.copytree(DATA / "mlruns", logs / "mlruns")
    with contextlib.closing(sqlite3.connect(logs / "mlflow.db")) as database, database:
        database.executescript((DATA / "mlflow.sql").read_text(encoding="utf-8"))
        database.execute("UPDATE runs SET name = 'in a database'")
        database.execute("DELETE FROM tags WHERE key = 'mlflow.runName'")
    for path in logs.rglob("*"):
        os.utime(path, (1_700_000_100, 1_700_000_100))
    server.account.give(server.runs)
    yield server
    # An installed viewer keeps what it reads of them there.
    shutil.rmtree(server.account.home / ".cache", ignore_errors=True)


# By the name of its run: a metric of each log, and how many points it has.
OF_OTHERS = {
    "logs": ("loss", 300),
    "version_0": ("loss", 300),
    "long run": ("lr", 90),
    "first": ("train/loss", 21),
    "in a database": ("train/loss", 21),
}


def test_logs_of_others_and_packed_runs_are_shown_as_by_a_viewer(connected: Viewer, logs_of_others: Server) -> None:
    by_viewer, by_agent, by_sftp = (
        start(connected, logs_of_others.login(remote_root=str(logs_of_others.runs), mode=mode))["url"]
        for mode in ("viewer", "agent", "sftp")
    )

    for mode, url in {"viewer": by_viewer, "agent": by_agent, "sftp": by_sftp}.items():
        eventually_nothing(lambda by=mode, url=url: [(name, by) for name in OF_OTHERS.keys() - run_ids(url).keys()], 20)
        ids = run_ids(url)
        for name, (metric, count) in OF_OTHERS.items():
            eventually(lambda url=url, run=ids[name], m=metric, n=count: points(url, run, m) == n, 10, name)
        for name in ("logs", "long run"):
            eventually(lambda url=url, run=ids[name]: httpx.get(f"{url}/api/runs/{run}/events").json()["events"])
        eventually(lambda url=url, run=ids["long run"]: state_of(url, run) == "finished")
    found = run_ids(by_viewer)
    (packed,) = (run for name, run in found.items() if name not in OF_OTHERS)
    paths = [
        "/api/runs",
        f"/api/runs/{packed}",
        f"/api/series?run={packed}&metric=train/loss&metric=acc&points=100",
        f"/api/runs/{found['long run']}/console",
        *(f"/api/series?run={found[name]}&metric={metric}&points=100" for name, (metric, _) in OF_OTHERS.items()),
    ]
    for name in ("logs", "long run"):
        paths.append(f"/api/runs/{found[name]}/events")
        shown = httpx.get(f"{by_viewer}/api/runs/{found[name]}/events").json()["events"]
        paths += [f"/api/runs/{found[name]}/files/{item['file']}" for each in shown for item in each["items"]]
    for path in paths:
        theirs = httpx.get(by_viewer + path)
        for ours in (httpx.get(by_agent + path), httpx.get(by_sftp + path)):
            assert ours.status_code == theirs.status_code == 200, path
            assert comparable(ours) == comparable(theirs), path
    logs = logs_of_others.runs / "logs"
    with (logs / "lightning_logs" / "version_0" / "metrics.csv").open("a") as file:
        file.writelines(f"{step},{1 / (step + 1)}\n" for step in range(300, 500))
    write_events(logs / EVENT_FILE, [event(scalar("loss", 1 / (step + 1)), step=step) for step in range(500)])
    with next(logs.rglob("train/loss")).open("a") as file:
        file.writelines(f"{1_700_000_500_000 + step} 0.5 {step}\n" for step in range(100))
    with contextlib.closing(sqlite3.connect(logs / "mlflow.db")) as database, database:
        (row,) = database.execute("SELECT run_uuid FROM runs").fetchone()
        for step in range(100):
            database.execute(
                f"INSERT INTO metrics VALUES('train/loss', 0.5, {1_700_000_500_000 + step}, '{row}', {step}, 0)"
            )
    for url in (by_agent, by_sftp):
        for name, count in {"logs": 500, "version_0": 500, "first": 121, "in a database": 121}.items():
            metric = OF_OTHERS[name][0]
            eventually(lambda url=url, run=found[name], m=metric, n=count: points(url, run, m) == n, 20, name)
    assert not list(logs_of_others.runs.rglob("mirror.json"))
    assert not [path for path in logs.iterdir() if path.name.startswith("mlflow.db-")]


# What a server is forced to run that lets commands through, but none that would become an agent.
WITHOUT_AGENT = (
    'case "$SSH_ORIGINAL_COMMAND" in *-IBuc*) exit 97;; *sftp*) exec /usr/lib/openssh/sftp-server;; '
    '*) exec sh -c "$SSH_ORIGINAL_COMMAND";; esac'
)


@pytest.mark.parametrize("mode", ["agent", "sftp"])
def test_a_server_that_forbids_forwarding_is_read_without(mode: str, server_account: Account, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    options = {"AllowTcpForwarding": "no"} | ({"ForceCommand": WITHOUT_AGENT} if mode == "sftp" else {})
    with (
        run_server(server_account, tmp_path, options=options) as closed,
        somebody_training(closed),
        run_viewer(tmp_path / "root", tmp_path / "home") as viewer,
    ):
        accept(viewer, connect(viewer, closed.login()))
        session = start(viewer, closed.login(remote_root=str(closed.runs), mode="auto"))
        assert session["mode"] == mode
        passed_over = {each["backend"]: each["reason"] for each in session["fallbacks"]}
        assert set(passed_over) == {"agent": set(), "sftp": {"agent", "viewer"}}[mode]
        assert mode == "agent" or "forbids TCP forwarding" in passed_over["viewer"]
        before = seen_growing(session["url"])
        closed.kill_sshd_children()
        eventually(lambda: not is_running(viewer, session), 20, "the loss of the link")
        eventually(lambda: is_running(viewer, session), 20, "the session")
        assert seen_growing(session["url"]) > before
        stop(viewer, session)
        eventually_nothing(closed.traces, 5)


@pytest.mark.parametrize("mode", ["agent", "sftp"])
def test_what_a_person_notes_is_written_over_there(mode: str, connected: Viewer, logs_of_others: Server) -> None:
    session = start(connected, logs_of_others.login(remote_root=str(logs_of_others.runs), mode=mode))
    url = session["url"]
    eventually(lambda: len(run_ids(url)) == len(OF_OTHERS) + 1, 10, "all runs")
    before = {path for path in logs_of_others.runs.rglob("*") if path.is_file()}
    for run in httpx.get(f"{url}/api/runs").json()["runs"]:
        change = {"note": "größer 😀", "tags": ["best"]}
        answer = httpx.patch(f"{url}/api/runs/{run['id']}", json=change)
        assert answer.status_code == 200, answer.text
        assert {key: answer.json()[key] for key in change} == change
    (notes,) = {path for path in logs_of_others.runs.rglob("*") if path.is_file()} - before
    assert notes.name == layout.NOTES_FILE
    assert json.loads(notes.read_bytes()) == change
    assert notes.stat().st_uid == logs_of_others.account.uid
    notes.parent.chmod(0o555)
    answer = httpx.patch(f"{url}/api/runs/{notes.parent.name}", json={"note": "lost"})
    assert (answer.status_code, answer.json()["code"]) == (500, "STORAGE_ERROR"), answer.text
    notes.parent.chmod(0o755)
    assert json.loads(notes.read_bytes()) == change
    stop(connected, session)


def points(url: str, run: str, metric: str) -> int:
    metrics = httpx.get(f"{url}/api/runs/{run}").json()["metrics"]
    return next((int(each["count"]) for each in metrics if each["name"] == metric), 0)


def run_ids(url: str) -> dict[str, str]:
    return {each["name"]: each["id"] for each in httpx.get(f"{url}/api/runs").json()["runs"]}


def state_of(url: str, run: str) -> str:
    return str(httpx.get(f"{url}/api/runs/{run}").json()["state"])


def comparable(answer: httpx.Response) -> bytes:
    """Return an answer without what only its viewer knows, and with times of files as SFTP tells them."""
    return re.sub(rb'"mtime":(\d+)[0-9.]*', rb'"mtime":\1', ITS_OWN.sub(b"", answer.content))


def test_a_link_that_is_cut_comes_back_on_the_same_address(growing: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, growing.login()))
    session = start(viewer, growing.login(remote_root=str(growing.runs)))
    before = seen_growing(session["url"])
    growing.kill_sshd_children()
    eventually(lambda: not is_running(viewer, session), 20, "the loss of the link")
    eventually(lambda: is_running(viewer, session), 20, "the session")
    assert seen_growing(session["url"]) > before
    assert len(agents(growing)) == 1
    stop(viewer, session)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSTOP])
def test_an_agent_that_ends_or_hangs_is_replaced(ending: signal.Signals, growing: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, growing.login()))
    session = start(viewer, growing.login(remote_root=str(growing.runs)))
    (agent,) = agents(growing)
    agent.send_signal(ending)
    eventually(lambda: not is_running(viewer, session), 30, "the loss of the agent")
    eventually(lambda: is_running(viewer, session), 30, "the session")
    seen_growing(session["url"])
    if agent.is_running():
        agent.send_signal(signal.SIGCONT)
    stop(viewer, session)


def test_a_root_that_goes_and_comes_back_is_waited_for(growing: Server, viewer: Viewer) -> None:
    accept(viewer, connect(viewer, growing.login()))
    session = start(viewer, growing.login(remote_root=str(growing.runs)))
    seen_growing(session["url"])
    aside = growing.runs.with_name("aside")
    growing.runs.rename(aside)
    try:
        eventually(lambda: httpx.get(f"{session['url']}/api/runs").json()["runs"] == [], 10, "no run")
    finally:
        aside.rename(growing.runs)
    seen_growing(session["url"])
    stop(viewer, session)


def test_a_viewer_that_is_killed_leaves_no_agent_and_the_next_one_takes_the_session_back(
    growing: Server, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        accept(viewer, connect(viewer, growing.login()))
        session = start(viewer, growing.login(remote_root=str(growing.runs)))
        viewer.process.kill()
        viewer.process.wait()
    eventually_nothing(growing.traces, 10)
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        eventually(lambda: viewer.get("/api/remote/viewer/sessions").json()["sessions"][0]["status"] == "running", 20)
        (again,) = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
        assert (again["sessionId"], again["url"], again["mode"]) == (session["sessionId"], session["url"], "agent")
        seen_growing(again["url"])
        stop(viewer, again)
    eventually_nothing(growing.traces, 5)
