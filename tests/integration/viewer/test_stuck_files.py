"""A file that does not answer costs its own run an error, and nobody else anything."""

import os
import threading
import time

import pytest

import runicorn as rn
from runicorn.storage.files import LocalFiles

pytestmark = pytest.mark.waits

# What is waited for at most, twice, with room for a busy machine; a hang would be without end.
LIMIT_SECS = 15.0


@pytest.fixture
def runs(root):
    made = []
    for number in range(6):
        with rn.init(root=root, name=f"run {number}") as run:
            run.log({"loss": number})
        made.append(run)
    return made


@pytest.fixture
def stuck(monkeypatch):
    """Return what makes calls on a path hang, as on a dead mount, until it is called without one."""
    answers = threading.Event()
    places = []

    def hanging(name):
        real = getattr(LocalFiles, name)

        def call(self, path, *rest):
            if any(place in path for place in places) and not answers.is_set():
                answers.wait(120)
            return real(self, path, *rest)

        monkeypatch.setattr(LocalFiles, name, call)

    for name in ("list", "stat", "read"):
        hanging(name)

    def hang(place=None):
        if place is None:
            answers.set()
        else:
            places.append(place)

    yield hang
    answers.set()


def in_time(viewer, path, **params):
    started = time.monotonic()
    answer = viewer.http.get(path, params=params)
    assert time.monotonic() - started < LIMIT_SECS
    return answer


@pytest.mark.parametrize("part", ["", "/run.json", "/metrics.bin"])
def test_one_run_that_does_not_answer_stops_no_other(viewer, runs, stuck, part):
    bad, good = runs[2], runs[3]
    stuck(f"{bad.id}{part}")
    listed = {each["id"]: each for each in in_time(viewer, "/api/runs").json()["runs"]}
    assert good.id in listed
    if part != "/metrics.bin":
        assert "does not answer" in listed[bad.id]["error"] if bad.id in listed else True
    body = in_time(viewer, "/api/series", run=[run.id for run in runs], metric="loss").json()
    shown = {each["run"] for each in body["series"]}
    assert shown >= {run.id for run in runs} - {bad.id}
    if part == "/metrics.bin":
        assert [each["run"] for each in body["unreadable"]] == [bad.id]
    assert in_time(viewer, f"/api/runs/{good.id}").json()["metrics"][0]["last"] == 3
    assert in_time(viewer, f"/api/runs/{good.id}/console").status_code == 200
    answer = in_time(viewer, f"/api/runs/{bad.id}")
    if part != "/run.json":
        assert (answer.status_code, answer.json()["code"]) == (503, "RUN_UNREADABLE")
    stuck()
    ends_at = time.monotonic() + LIMIT_SECS
    while True:  # the threads that hung come back one after the other
        listed = {each["id"]: each for each in viewer.get("/api/runs")["runs"]}
        found = listed.get(bad.id, {"error": "not there"})
        series = viewer.http.get("/api/series", params={"run": bad.id, "metric": "loss"}).json().get("series")
        if found["error"] is None and series and series[0]["count"] == 1:
            break
        assert time.monotonic() < ends_at, (found, series)
        time.sleep(0.1)
    assert found["state"] == "finished"


def test_a_root_that_does_not_answer_is_said_and_what_is_known_stays(viewer, runs, stuck):
    assert len(viewer.get("/api/runs")["runs"]) == 6
    stuck("runs")
    body = in_time(viewer, "/api/runs").json()
    assert len(body["runs"]) == 6
    assert "does not answer" in body["problem"]
    assert viewer.get("/api/health")["status"] == "ok"
    stuck()
    ends_at = time.monotonic() + LIMIT_SECS
    while viewer.get("/api/runs")["problem"] is not None:
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def test_forty_requests_for_a_run_that_does_not_answer_leave_threads_for_the_others(viewer, runs, stuck):
    stuck(runs[0].id)
    threads = [threading.Thread(target=in_time, args=(viewer, f"/api/runs/{runs[0].id}")) for _ in range(40)]
    for thread in threads:
        thread.start()
    assert in_time(viewer, f"/api/runs/{runs[1].id}").status_code == 200
    for thread in threads:
        thread.join()
    assert viewer.server.app.state.viewer.local.source.files.stuck <= 8


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFOs in folders")
@pytest.mark.parametrize(
    "name", ["run.json", "status.json", "metrics.bin", "metrics.keys", "events.jsonl", "notes.json"]
)
def test_a_pipe_in_the_place_of_a_file_is_an_error_of_its_run(viewer, runs, name):
    (runs[0].dir / name).unlink(missing_ok=True)
    os.mkfifo(runs[0].dir / name)
    assert len(in_time(viewer, "/api/runs").json()["runs"]) == 6
    for path in (f"/api/runs/{runs[0].id}", f"/api/runs/{runs[0].id}/events", f"/api/runs/{runs[0].id}/files/{name}"):
        assert in_time(viewer, path).status_code in (200, 404, 503)
    body = in_time(viewer, "/api/series", run=[run.id for run in runs], metric="loss").json()
    assert {each["run"] for each in body["series"]} >= {run.id for run in runs[1:]}
