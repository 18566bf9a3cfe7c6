"""A run by its source and its id: the local root is the source that is meant where none is named."""

import json

import pytest

import runicorn as rn


@pytest.fixture
def run(root):
    with rn.init(root=root, name="mine") as opened:
        opened.log({"loss": 1.5})
        yield opened


def test_a_run_is_found_with_and_without_its_source(viewer, run):
    assert viewer.get(f"/api/runs/local:{run.id}")["name"] == viewer.get(f"/api/runs/{run.id}")["name"] == "mine"
    assert viewer.get(f"/api/runs/local:{run.id}/console")["size"] >= 0
    body = viewer.get("/api/series", run=[f"local:{run.id}", "elsewhere:x"], metric="loss")
    assert [(each["run"], each["y"]) for each in body["series"]] == [(f"local:{run.id}", [1.5])]
    assert body["missing"] == ["elsewhere:x"]


@pytest.mark.parametrize("path", ["", "/console", "/events", "/files/run.json"])
def test_a_source_that_is_not_there_has_no_runs(viewer, run, path):
    answer = viewer.http.get(f"/api/runs/elsewhere:{run.id}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")
    assert viewer.http.get("/api/series", params={"run": "elsewhere:x", "metric": "loss"}).status_code == 404


def test_a_live_stream_calls_a_run_as_it_was_asked_for(viewer, run):
    params = {"run": [f"local:{run.id}", "elsewhere:x"]}
    with viewer.http.stream("GET", "/api/live", params=params, timeout=15) as answer:
        told = {}
        event = None
        for line in answer.iter_lines():
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                told.setdefault(event, json.loads(line[6:]))
            if "following" in told and "points" not in told and line == "":
                run.log({"loss": 2.5})
            if "points" in told:
                break
    assert told["following"]["missing"] == ["elsewhere:x"]
    assert told["runs"]["source"] == "local"
    assert (told["points"]["run"], told["points"]["file"]) == (f"local:{run.id}", "metrics.bin")


def test_notes_are_written_by_address(viewer, run):
    assert viewer.http.patch(f"/api/runs/local:{run.id}", json={"name": "renamed"}).json()["name"] == "renamed"
    assert viewer.get(f"/api/runs/{run.id}")["name"] == "renamed"
