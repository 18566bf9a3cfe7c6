"""The stream of changes: soon, complete, resumable."""

import base64
import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from typing import ClassVar

import httpx
import pytest
from tests.support.fake_remote import FakeRemote
from tests.support.live_events import stream

import runicorn as rn


@pytest.fixture
def run(root):
    with rn.init(root=root) as opened:
        yield opened


def test_points_arrive_soon_after_they_are_logged(viewer, run):
    with stream(viewer, run=run.id) as events:
        events.until("runs")
        time.sleep(0.3)
        waited = []
        for value in range(5):
            logged_at = time.monotonic()
            run.log({"loss": value})
            data = events.until("points")
            waited.append(time.monotonic() - logged_at)
            assert data["run"] == run.id
            assert data["metrics"]["loss"]["value"] == [value]
        assert sorted(waited)[2] < 0.3


def test_odd_values_arrive_as_texts(viewer, run):
    with stream(viewer, run=run.id) as events:
        events.until("runs")
        run.log({"loss": math.nan, "up": math.inf})
        metrics = events.until("points")["metrics"]
    assert (metrics["loss"]["value"], metrics["up"]["value"]) == (["NaN"], ["Infinity"])


def test_output_arrives_with_its_place(viewer, run):
    with stream(viewer, run=run.id) as events:
        events.until("runs")
        (run.dir / "console.log").open("ab").write("première ".encode())
        assert events.until("console") == {"run": run.id, "from": 0, "to": 10, "text": "première "}


def test_a_series_and_the_stream_from_its_cursor_miss_and_double_nothing(viewer, run):
    stop = threading.Event()

    def work():
        step = 0
        while not stop.is_set():
            run.log({"loss": step, "acc": -step}, step=step)
            step += 1
            time.sleep(0.0005)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        time.sleep(0.2)
        body = viewer.get("/api/series", run=run.id, metric=["loss", "acc"], points=100_000)
        seen = {series["metric"]: list(series["x"]) for series in body["series"]}
        with stream(viewer, run=run.id, cursor=body["cursor"]) as events:
            while len(seen["loss"]) < 1000:
                for metric, columns in events.until("points")["metrics"].items():
                    seen[metric] += columns["step"]
    finally:
        stop.set()
        writer.join()
    assert seen["loss"] == list(range(len(seen["loss"])))
    assert seen["acc"] == list(range(len(seen["acc"])))


def test_reconnecting_anywhere_loses_and_doubles_nothing(viewer, run):
    """Cut the stream after every few events, while points and output keep coming."""
    stop = threading.Event()
    total = 4000

    def work():
        with (run.dir / "console.log").open("a") as console:
            for step in range(total):
                run.log({"loss": step}, step=step)
                console.write(f"line {step} é\n")
                console.flush()
                time.sleep(0.0003)
        stop.set()

    cursor = viewer.get("/api/series", run=run.id, metric="loss")["cursor"]
    writer = threading.Thread(target=work)
    writer.start()
    steps, text, at, connections = [], "", 0, 0
    deadline = time.monotonic() + 30
    try:
        while (len(steps) < total or not text.endswith(f"line {total - 1} é\n")) and time.monotonic() < deadline:
            connections += 1
            with stream(viewer, last_id=cursor, run=run.id) as events:
                for count, (event, data) in enumerate(events):
                    cursor = events.id
                    if event == "points":
                        steps += data["metrics"]["loss"]["step"]
                    elif event == "console":
                        assert data["from"] == at
                        text, at = text + data["text"], data["to"]
                    if count >= connections % 4 or len(steps) >= total:
                        break
    finally:
        writer.join()
    assert connections > 3
    assert steps == list(range(total))
    assert text == "".join(f"line {step} é\n" for step in range(total))


def test_a_backlog_comes_in_pieces(viewer, run):
    cursor = viewer.get("/api/series", run=run.id, metric="loss")["cursor"]
    for step in range(45_000):
        run.log({"loss": step})
    sizes, steps = [], []
    with stream(viewer, run=run.id, cursor=cursor) as events:
        while len(steps) < 45_000:
            piece = events.until("points")["metrics"]["loss"]["step"]
            sizes.append(len(piece))
            steps += piece
    assert steps == list(range(45_000))
    assert max(sizes) <= 20_000


def test_new_changed_and_removed_runs_are_told(viewer, root):
    with stream(viewer) as events:
        with rn.init(root=root, name="fresh") as run:
            assert events.until("runs")["runs"][0]["name"] == "fresh"
        finished = events.until("runs", lambda data: any(each["state"] == "finished" for each in data["runs"]))
        assert finished["runs"][0]["id"] == run.id
        viewer.http.delete(f"/api/runs/{run.id}")
        assert events.until("runs", lambda data: data["removed"])["removed"] == [run.id]
        viewer.http.post(f"/api/runs/{run.id}/restore")
        events.until("runs", lambda data: data["runs"])
        shutil.rmtree(run.dir)
        assert events.until("runs", lambda data: data["removed"])["removed"] == [run.id]


def test_what_changed_between_the_list_and_the_stream_is_told(viewer, root):
    viewer.get("/api/runs")
    with rn.init(root=root) as run:
        pass
    with stream(viewer) as events:
        assert [each["id"] for each in events.until("runs")["runs"]] == [run.id]


def test_a_run_that_was_taken_away_between_the_list_and_the_stream_is_told(viewer, root):
    with rn.init(root=root) as run:
        pass
    viewer.get("/api/runs")
    shutil.rmtree(run.dir)
    assert viewer.get("/api/runs")["runs"] == []  # another window has seen it first
    with stream(viewer) as events:
        assert events.until("runs")["removed"] == [run.id]


def test_changes_while_away_are_told_after_coming_back(viewer, root):
    with rn.init(root=root, name="first") as first, stream(viewer) as events:
        events.until("runs")
        last = events.id
    with rn.init(root=root, name="second") as second:
        pass
    with stream(viewer, last_id=last) as events:
        assert {each["id"] for each in events.until("runs")["runs"]} == {first.id, second.id}


def test_one_run_that_is_not_there_takes_no_curve_of_the_others_away(viewer, run):
    run.log({"loss": 1})
    body = viewer.get("/api/series", run=["gone", run.id, "../etc"], metric="loss")
    assert [each["run"] for each in body["series"]] == [run.id]
    assert body["missing"] == ["gone", "../etc"]
    with stream(viewer, run=["gone", run.id], cursor=body["cursor"]) as events:
        assert events.until("following")["missing"] == ["gone"]
    answer = viewer.http.get("/api/series", params={"run": ["gone", "lost"], "metric": "loss"})
    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")


def test_a_client_that_leaves_is_forgotten(viewer, run):
    streams = viewer.server.app.state.viewer.streams
    for _ in range(3):
        with stream(viewer, run=run.id) as events:
            events.until("runs")
    deadline = time.monotonic() + 5
    while streams.count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert streams.count == 0


@pytest.mark.parametrize("cursor", ["x", "e30", "WzEsMiwzLDRd", "A" * 500, "WyIiLDAsTmFOLHt9XQ", "z", "zAAAA"])
def test_a_cursor_from_elsewhere_is_refused(empty_viewer, cursor):
    answer = empty_viewer.http.get("/api/live", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_a_run_that_is_not_there_is_named_and_the_others_are_followed(viewer, run):
    with stream(viewer, run=["gone", run.id, "../etc"]) as events:
        assert events.until("following") == {"missing": ["gone", "../etc"], "left_out": []}
        run.log({"loss": 1})
        assert events.until("points")["run"] == run.id


def test_a_stream_of_runs_that_are_all_unknown_stays_open(viewer, root):
    """They may come yet: a client asks for what it knows, and is told what happens to it."""
    with stream(viewer, run="early") as events:
        assert events.until("following")["missing"] == ["early"]
        with rn.init(root=root, id="early") as run:
            run.log({"loss": 1}, step=7)
        assert events.until("following")["missing"] == []
        assert events.until("points")["metrics"]["loss"]["step"] == [7]


def test_a_run_that_appears_while_its_client_is_away_is_told_from_its_beginning(viewer, root):
    with stream(viewer, run="early") as events:
        events.until("following")
        last = events.id
    with rn.init(root=root, id="early") as run:
        run.log({"loss": 1}, step=7)
    with stream(viewer, last_id=last, run="early") as events:
        assert events.until("points")["metrics"]["loss"]["step"] == [7]


def test_a_run_that_is_taken_away_is_missing_until_one_of_its_name_comes(viewer, root):
    with rn.init(root=root, id="again") as run:
        run.log({"loss": 1}, step=1)
    with stream(viewer, run="again") as events:
        events.until("runs")
        shutil.rmtree(run.dir)
        assert events.until("following")["missing"] == ["again"]
        with rn.init(root=root, id="again") as run:
            run.log({"loss": 2}, step=2)
        assert events.until("points")["metrics"]["loss"]["step"] == [2]


def test_a_deleted_run_is_followed_on_and_named_as_removed(viewer, run):
    with stream(viewer, run=run.id) as events:
        events.until("runs")
        viewer.http.delete(f"/api/runs/{run.id}")
        assert events.until("runs", lambda data: data["removed"])["removed"] == [run.id]
        run.log({"loss": 1})
        assert events.until("points")["run"] == run.id


def test_of_more_than_a_thousand_runs_the_first_are_followed_and_the_others_named(viewer, run):
    ids = [run.id, *(f"none-{number}" for number in range(1200))]
    with stream(viewer, run=ids) as events:
        told = events.until("following")
        assert (told["missing"], told["left_out"]) == (ids[1:1000], ids[1000:])
        run.log({"loss": 1})
        assert events.until("points")["run"] == run.id


def test_the_cursor_of_many_runs_with_many_writers_fits_into_a_request(viewer, root):
    ids = [f"20261123-0930{number:02d}-{number:06x}" for number in range(100)]
    for run_id in ids:
        with rn.init(root=root, id=run_id, system_metrics=False) as run:
            run.log({"loss": 1})
        for rank in range(1, 16):
            shutil.copy(run.dir / "metrics.bin", run.dir / f"metrics.rank{rank}.bin")
            (run.dir / f"events.rank{rank}.jsonl").write_text("{}\n" * rank * 37)
    cursor = viewer.get("/api/series", run=ids, metric="loss")["cursor"]
    assert len(cursor) < 32_000
    with stream(viewer, run=ids, cursor=cursor) as events:
        events.until("runs")


def test_a_cursor_of_an_earlier_viewer_is_taken(viewer, run):
    content = json.dumps(["0" * 12, None, time.time(), {run.id: {}}])
    run.log({"loss": 1})
    with stream(viewer, run=run.id, cursor=base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")) as events:
        assert events.until("points")["metrics"]["loss"]["value"] == [1]


def test_who_is_far_behind_is_told_of_a_gap_and_goes_on_near_the_end(viewer, run):
    cursor = viewer.get("/api/series", run=run.id, metric="loss")["cursor"]
    lines = [f"line {number} é\n".encode() for number in range(60_000)]
    (run.dir / "console.log").write_bytes(b"".join(lines))
    (run.dir / "events.jsonl").write_bytes(b'{"type": "note"}\n' * 30_000)
    for step in range(5_000):
        run.log({"loss": step})
    sizes = {name: (run.dir / name).stat().st_size for name in ("console.log", "events.jsonl", "metrics.bin")}
    gaps, ends = {}, {}
    with stream(viewer, run=run.id, cursor=cursor, max_behind=65_536) as events:
        for event, data in events:
            if event == "gap":
                gaps[data["file"]] = (data["from"], data["to"])
            elif event == "console":
                assert data["text"].startswith("line ")  # not in the middle of one
                ends["console.log"] = (data["from"], data["to"])
            elif event == "events":
                assert {each["type"] for each in data["events"]} == {"note"}
                ends["events.jsonl"] = (data["from"], data["to"])
            assert event != "points"
            if len(ends) == 2 and len(gaps) == 3:
                break
        run.log({"loss": -1})
        assert events.until("points")["metrics"]["loss"]["value"] == [-1]
    assert gaps["metrics.bin"] == (0, sizes["metrics.bin"])
    for name, (start, end) in ends.items():
        assert gaps[name] == (0, start)
        assert (end, end - start <= 65_536) == (sizes[name], True)


def test_the_state_of_remote_sessions_comes_first_and_whenever_it_changes(root, serve):
    from runicorn.settings import Settings

    remote = FakeRemote()
    with (
        serve(Settings(root=root, home=root, port=0), remote=lambda _: remote) as viewer,
        stream(viewer) as events,
    ):
        assert next(iter(events)) == ("remote", {"connections": [], "viewer_sessions": [], "uptime": 0})
        time.sleep(1.0)
        remote.change({"connections": ["gpu"], "viewer_sessions": []})
        told = events.until("remote")  # the passing of time alone was no news
        assert told["connections"] == ["gpu"]
        assert told["uptime"] > 1
    assert remote.calls == ["start", "stop"]


class FakeSession:
    """A session as the viewer on a server knows it."""

    session_id = "0123456789abcdef"
    proof = "0" * 64
    pid = 4711
    started_at = 1795410494.5
    remote_info: ClassVar = {"host": "gpu-7"}

    def touch(self):
        pass

    def end(self):
        pass


async def keep_all(self, scope, receive, send):
    """Stand in for the gzip of old versions of Starlette, which keeps what is sent until there is more of it."""
    kept = []

    async def keep(message):
        kept.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            for each in kept:
                await send(each)

    await self.app(scope, receive, keep)


@pytest.mark.parametrize("old", [False, True], ids=["as installed", "old starlette"])
def test_compression_in_a_session_does_not_hold_events_back(root, serve, monkeypatch, old):
    """Over a tunnel answers are compressed; the stream must still send each event at once."""
    from starlette.middleware.gzip import GZipMiddleware

    from runicorn.settings import Settings

    if old:
        monkeypatch.setattr(GZipMiddleware, "__call__", keep_all)

    with rn.init(root=root) as run, serve(Settings(root=root, home=root, port=0), session=FakeSession()) as viewer:
        for step in range(500):
            run.log({"loss": step})
        series = viewer.http.get("/api/series", params={"run": run.id, "metric": "loss"})
        assert old or series.headers["content-encoding"] == "gzip"
        assert viewer.get("/api/health")["remote"] == {"host": "gpu-7"}
        with stream(viewer, run=run.id) as events:
            events.until("runs")
            started = time.monotonic()
            run.log({"loss": 1})
            events.until("points")
            assert time.monotonic() - started < 1.0


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_every_log_that_returned_before_a_kill_is_readable_at_once(root, viewer_process):
    """A viewer that runs already shows each of them, and the run as killed."""
    import subprocess

    _, line = viewer_process(root)
    url = line.split()[-1]
    code = """
import os, struct, sys
import runicorn as rn
run = rn.init(root=sys.argv[1])
os.write(1, run.id.encode().ljust(64))
for step in range(1_000_000):
    rn.log({"a": step, "b": -step, "c": 0.5}, step=step)
    os.write(1, struct.pack("<q", step))
"""
    script = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE)
    try:
        run_id = script.stdout.read(64).decode().strip()
        with httpx.Client(base_url=url, timeout=20) as client:
            ask = {"run": run_id, "metric": ["a", "b", "c"], "points": 100_000}
            returned = -1
            while returned < 5000:
                returned = int.from_bytes(script.stdout.read(8), "little")
                if returned % 1000 == 0:
                    assert client.get("/api/series", params=ask).json()["series"][0]["last_step"] >= returned
            script.send_signal(signal.SIGKILL)
            left = script.stdout.read()
            if left:
                returned += len(left) // 8
            series = client.get("/api/series", params=ask).json()["series"]
            for each in series:
                assert each["count"] in (returned + 1, returned + 2)  # the last call may not have told
                assert each["x"] == list(range(each["count"]))
            assert len({each["count"] for each in series}) == 1
            (run,) = client.get("/api/runs").json()["runs"]
            assert run["state"] == "killed"
            assert run["summary"]["a"] == series[0]["count"] - 1
            assert client.get(f"/api/runs/{run_id}").json()["skipped_records"] == 0
    finally:
        script.kill()
        script.communicate(timeout=20)
