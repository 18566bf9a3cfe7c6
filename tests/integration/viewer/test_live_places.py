"""Where a live stream is: short ids of events, other viewers, files that were replaced."""

import json
import time

import pytest
from tests.support.live_events import TIMEOUT_SECS, stream

import runicorn as rn


@pytest.fixture
def run(root):
    with rn.init(root=root) as opened:
        yield opened


@pytest.fixture
def many(root):
    """A run that is recorded, and 199 that rest, each with its files."""
    made = []
    for number in range(199):
        folder = root / "runs" / f"20240101-{number:06d}-abcdef"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
        (folder / "status.json").write_text('{"state": "finished"}')
        for name in ("metrics.bin", "system.bin", "console.log", "events.jsonl"):
            (folder / name).write_bytes(b"RNS1" * 8)
        made.append(folder.name)
    with rn.init(root=root) as opened:
        yield opened, [opened.id, *made]


def raw_events(lines):
    """Yield each event with its size in bytes, its id and its data."""
    size, seen, event = 0, None, None
    for line in lines:
        size += len(line) + 1
        if line.startswith("id: "):
            seen = line[4:]
        elif line.startswith("event: "):
            event = line[7:]
        elif line.startswith("data: "):
            yield size, seen, event, json.loads(line[6:])
            size = 0


def test_an_event_of_one_point_is_small_however_many_runs_are_followed(viewer, many):
    run, ids = many
    cursor = viewer.get("/api/series", run=ids, metric="loss", points=2)["cursor"]
    params = {"run": ids, "cursor": cursor}
    with viewer.http.stream("GET", "/api/live", params=params, timeout=TIMEOUT_SECS) as answer:
        time.sleep(0.3)
        run.log({"loss": 1.0})
        size = next(size for size, _, event, _ in raw_events(answer.iter_lines()) if event == "points")
    assert size < 400


def test_a_short_id_stands_for_all_places_of_its_stream(viewer, many):
    run, ids = many
    seen, last_id = [], None
    for number in range(6):
        with stream(viewer, last_id, run=ids) as events:
            if number == 0:
                events.until("runs")
            for each in range(3):
                run.log({"loss": 3 * number + each})
            while len(seen) < 3 * number + 1:  # leaves while there is more on its way
                seen += events.until("points")["metrics"].get("loss", {"value": []})["value"]
            last_id = events.id
        if number % 2:
            run.log({"other": number})
    with stream(viewer, last_id, run=ids) as events:
        while len(seen) < 18:
            seen += events.until("points")["metrics"].get("loss", {"value": []})["value"]
    assert seen == list(range(18))
    assert last_id.startswith("~")


def test_who_comes_back_to_another_viewer_is_told_so_and_goes_on_from_the_cursor(viewer, many):
    run, ids = many
    run.log({"loss": 0})
    cursor = viewer.get("/api/series", run=ids, metric="loss", points=2)["cursor"]
    run.log({"loss": 1})
    with stream(viewer, "~0123456789abcdef.7", run=ids, cursor=cursor) as events:
        assert events.until("again") == {}
        assert events.until("points")["metrics"]["loss"]["value"] == [1]
    with stream(viewer, "~0123456789abcdef.7", run=ids) as events:
        events.until("again")
        events.until("runs")
        run.log({"loss": 2})
        assert events.until("points")["metrics"]["loss"]["value"] == [2]


def test_a_file_that_was_replaced_is_told_with_all_that_is_in_it(viewer, run):
    for value in range(10):
        run.log({"loss": value})
    with stream(viewer, run=run.id) as events:
        events.until("runs")
        time.sleep(0.3)
        data = (run.dir / "metrics.bin").read_bytes()
        (run.dir / "metrics.bin").write_bytes(data[32:] + data[:64])
        assert events.until("replaced") == {"run": run.id, "file": "metrics.bin"}
        assert events.until("points")["metrics"]["loss"]["value"] == [*range(1, 10), 0, 1]
