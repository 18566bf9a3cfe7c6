"""A viewer shows a folder of TensorBoard logs as runs, live, and leaves it as it is."""

import time

import pytest
from tests.support.event_files import event, image, png, summary_writer, write_events

from runicorn.settings import Settings

LIMIT_SECS = 20
SOON_SECS = 2.0


@pytest.fixture
def logs(tmp_path):
    return tmp_path / "logs"


@pytest.fixture
def viewer(serve, tmp_path, logs):
    logs.mkdir()
    with serve(Settings(root=logs, home=tmp_path / "home", port=0)) as running:
        yield running


def until(condition, limit_secs=LIMIT_SECS):
    ends_at = time.monotonic() + limit_secs
    while not (found := condition()):
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.02)
    return found


def listed(viewer, **params):
    return {run["name"]: run for run in viewer.get("/api/runs", **params)["runs"]}


def the_run(viewer, name="run1"):
    return until(lambda: listed(viewer).get(name))


def series(viewer, run, metric):
    (found,) = viewer.get("/api/series", run=run["id"], metric=metric)["series"]
    return found


def test_a_script_that_writes_with_tensorboardx_is_watched_as_it_writes(viewer, logs):
    with summary_writer(logs / "exp" / "run1") as writer:
        writer.add_hparams({"lr": 0.5, "opt": "adam"}, {"acc": 0.25})
        for step in range(100):
            writer.add_scalar("loss", 1 / (step + 1), step, walltime=1_700_000_000.125 + step)
        writer.add_text("note", "first **words**", 7)
        writer.add_histogram("weights", [1.0, 2.0, 2.0, 5.0], 3)
        writer.flush()
        run = the_run(viewer)
        assert (run["project"], run["state"], run["error"]) == ("exp", "running", None)
        until(lambda: series(viewer, run, "loss")["count"] == 100)
        assert series(viewer, run, "loss")["x"] == list(range(100))
        assert the_run(viewer)["config"] == {"lr": 0.5, "opt": "adam"}
        started = time.monotonic()
        writer.add_scalar("loss", 42.0, 100)
        writer.flush()
        until(lambda: series(viewer, run, "loss")["count"] == 101)
        assert time.monotonic() - started < SOON_SECS
    events = viewer.get(f"/api/runs/{run['id']}/events")["events"]
    assert {(e["type"], e["key"], e["step"]) for e in events} == {("text", "note", 7), ("histogram", "weights", 3)}
    assert until(lambda: the_run(viewer)["summary"].get("loss") == 42.0)


def test_live_sends_new_points(viewer, logs):
    with summary_writer(logs / "run1") as writer:
        writer.add_scalar("loss", 1.0, 0)
        writer.flush()
        run = the_run(viewer)
        # From this answer on: a stream without a cursor begins where the files end when it is opened, which is a moment
        # after its first line.
        until(lambda: series(viewer, run, "loss")["count"] == 1)
        cursor = viewer.get("/api/series", run=run["id"], metric="loss")["cursor"]
        with viewer.http.stream("GET", "/api/live", params={"run": run["id"], "cursor": cursor}) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 1000"
            writer.add_scalar("loss", 2.0, 1)
            writer.flush()
            text = ""
            while '"step":[1]' not in text:
                text = next(lines)
            assert '"value":[2.0]' in text


def test_pictures_come_out_of_the_event_file(viewer, logs):
    picture = png(8, 6)
    write_events(logs / "run1" / "events.out.tfevents.1.h", [event(image("in", picture, 8, 6), step=3)])
    run = the_run(viewer)
    (logged,) = viewer.get(f"/api/runs/{run['id']}/events")["events"]
    path = logged["items"][0]["file"]
    whole = viewer.http.get(f"/api/runs/{run['id']}/files/{path}")
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, picture, "image/png")
    part = viewer.http.get(f"/api/runs/{run['id']}/files/{path}", headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, picture[2:6])
    details = viewer.get(f"/api/runs/{run['id']}")
    assert details["media"] == [path]
    assert "mirror.json" not in [file["path"] for file in details["files"]]


def test_a_range_beyond_the_event_file_is_no_file(viewer, logs):
    write_events(logs / "run1" / "events.out.tfevents.1.h", [event(image("in", png(2, 2), 2, 2))])
    run = the_run(viewer)
    for name in ("media/in_0_0-0-999999.png", "media/in_0_7-0-4.png", "media/in_0_0-99999999999999999999-4.png"):
        viewer.get(f"/api/runs/{run['id']}/files/{name}", 404)


def test_notes_of_a_run_outlive_the_viewer(serve, tmp_path, logs):
    write_events(logs / "run1" / "events.out.tfevents.1.h", [event(image("in", png(2, 2), 2, 2))])
    settings = Settings(root=logs, home=tmp_path / "home", port=0)
    with serve(settings) as viewer:
        run = the_run(viewer)
        changes = {"name": "renamed", "tags": ["good"], "note": "why", "archived": True}
        assert viewer.http.patch(f"/api/runs/{run['id']}", json=changes).status_code == 200
    with serve(settings) as viewer:
        run = the_run(viewer, "renamed")
        assert (run["tags"], run["note"], run["archived"]) == (["good"], "why", True)
        assert viewer.http.delete(f"/api/runs/{run['id']}").status_code == 200
        assert listed(viewer) == {}
        assert set(listed(viewer, deleted=True)) == {"renamed"}
    assert sorted(path.name for path in logs.rglob("*")) == ["events.out.tfevents.1.h", "run1"]


def test_a_logdir_stays_as_it_is(viewer, logs):
    assert viewer.get("/api/runs")["runs"] == []
    assert list(logs.iterdir()) == []


def test_a_root_that_is_not_there_becomes_a_storage_root(serve, tmp_path):
    with serve(Settings(root=tmp_path / "new", home=tmp_path / "home", port=0)) as viewer:
        assert viewer.get("/api/runs")["runs"] == []
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["runicorn.json", "runs"]
