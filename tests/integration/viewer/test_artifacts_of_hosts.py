"""Artifacts of this machine and of hosts as one list, by their addresses; who fails costs its own ones."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.waiting import eventually

import runicorn as rn
from runicorn.sources.folder import FolderSource
from runicorn.sources.host import AbsentHost
from runicorn.storage.files import LocalFiles
from runicorn.viewer.guests import Guests
from runicorn.viewer.source_state import DEADLINE_SECS


def log_artifact(root, text, *, name="model", **options):
    """Log a version of an artifact in a run of its own; return the run's id."""
    folder = root.parent / "bundles" / f"{root.name}-{text}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.txt").write_text(text)
    with rn.init(root=root, name=f"makes {text}", system_metrics=False) as run:
        run.log_artifact(folder, name=name, **options)
    return run.id


def told(viewer, **params):
    return viewer.get("/api/artifacts", **params)


def ids(viewer, **params):
    return [each["id"] for each in told(viewer, **params)["artifacts"]]


def test_artifacts_of_all_machines_are_one_list(place):
    viewer, host = place
    mine = log_artifact(viewer.root, "mine")
    hosts = [host("gpu-1"), host("gpu-2")]
    theirs = [log_artifact(each.root, f"on {each.name}", aliases=["best"]) for each in hosts]
    body = told(viewer)
    found = [
        (*(each[key] for key in ("id", "source", "place", "name")), each["latest"]["run"], each["latest"]["run_name"])
        for each in body["artifacts"]
    ]
    assert found == [
        ("model", "local", "", "model", mine, "makes mine"),
        *(
            (each.address("model"), each.id, each.name, "model", each.address(run), f"makes on {each.name}")
            for each, run in zip(hosts, theirs, strict=True)
        ),
    ]
    assert body["unread"] == []
    assert [each["aliases"] for each in body["artifacts"]] == [{"latest": "v0"}, *[{"best": "v0", "latest": "v0"}] * 2]
    assert ids(viewer, source="local") == ["model"]
    assert ids(viewer, source=hosts[1].id) == [hosts[1].address("model")]
    assert told(viewer, source=hosts[1].id)["unread"] == []
    assert viewer.get("/api/artifacts", 400, source="gpu-9")["code"] == "INVALID_REQUEST"
    # The run that a version names can be asked for by that.
    assert viewer.get(f"/api/runs/{found[1][4]}")["name"] == "makes on gpu-1"


def test_one_of_a_host_is_told_with_its_versions_and_files(place):
    viewer, host = place
    there = host("gpu-1")
    log_artifact(viewer.root, "mine")
    runs = [log_artifact(there.root, text, aliases=["best"]) for text in ("first", "second!")]
    address = there.address("model")
    found = viewer.get(f"/api/artifacts/{address}")
    assert (found["id"], found["source"], found["place"], found["name"]) == (address, there.id, "gpu-1", "model")
    assert [(each["version"], each["run"]) for each in found["versions"]] == [
        ("v1", there.address(runs[1])),
        ("v0", there.address(runs[0])),
    ]
    for version in ("v1", "best", "latest"):
        one = viewer.get(f"/api/artifacts/{address}/{version}")
        assert (one["id"], one["place"], one["version"], one["run"]) == (address, "gpu-1", "v1", there.address(runs[1]))
        assert one["run_name"] == "makes second!"
        assert [(file["path"], file["size"]) for file in one["files"]] == [("weights.txt", 7)]
    path = f"/api/artifacts/{address}/v1/files/weights.txt"
    assert viewer.http.get(path).text == "second!"
    part = viewer.http.get(path, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.text) == (206, "eco")
    assert viewer.http.head(path).headers["Content-Length"] == "7"
    assert viewer.http.get(path.replace(":", "%3A")).text == "second!"
    assert viewer.http.get("/api/artifacts/model/v0/files/weights.txt").text == "mine"


@pytest.mark.parametrize("path", ["", "/v0", "/v0/files/weights.txt"])
def test_a_source_that_is_not_there_is_no_artifact(place, path):
    viewer, host = place
    there = host("gpu-1")
    log_artifact(there.root, "theirs")
    assert viewer.get(f"/api/artifacts/{there.address('model')}")["name"] == "model"
    for address in ("gpu-9:model", ":model", f"{there.id}:x:model", f"model:{there.id}", there.address("nothing")):
        assert viewer.get(f"/api/artifacts/{address}{path}", 404)["code"] == "ARTIFACT_NOT_FOUND"


def test_a_host_that_answers_nothing_costs_its_own_ones_and_is_named(place):
    viewer, host = place
    log_artifact(viewer.root, "mine")
    good, bad = host("gpu-1"), host("gpu-2")
    for each in (good, bad):
        log_artifact(each.root, "theirs")
    bad.files.answers.clear()
    try:
        for _ in range(2):
            began = time.monotonic()
            body = told(viewer)
            assert time.monotonic() - began < DEADLINE_SECS + 2
            assert [each["id"] for each in body["artifacts"]] == ["model", good.address("model")]
            assert body["unread"] == [{"source": bad.id, "host": "gpu-2", "error": None}]
    finally:
        bad.files.answers.set()
    eventually(lambda: bad.address("model") in ids(viewer), 10)
    assert told(viewer)["unread"] == []
    # What it told before stays while it does not answer again.
    bad.files.answers.clear()
    try:
        body = told(viewer)
        assert [each["id"] for each in body["artifacts"]] == ["model", good.address("model"), bad.address("model")]
        assert body["unread"] == [{"source": bad.id, "host": "gpu-2", "error": None}]
    finally:
        bad.files.answers.set()


class SlowFiles(LocalFiles):
    """Files of which a look at the artifacts always takes longer than anybody waits."""

    def list(self, path):
        if path == "artifacts":
            time.sleep(DEADLINE_SECS + 0.5)
        return super().list(path)


def test_what_always_comes_too_late_is_there_with_the_next_question(place):
    viewer, host = place
    there = host("gpu-1")
    log_artifact(there.root, "theirs")
    there.leave()
    source = FolderSource("local", SlowFiles(there.root))
    there.remote.guests.add("s-gpu-1", there.connection, str(there.root), source)
    first = told(viewer)
    assert (first["artifacts"], [each["source"] for each in first["unread"]]) == ([], [there.id])
    second = told(viewer)
    assert [each["id"] for each in second["artifacts"]] == [there.address("model")]
    assert second["unread"] == [{"source": there.id, "host": "gpu-1", "error": None}]


def test_who_hangs_takes_one_thread_however_often_it_is_asked(place):
    viewer, host = place
    there = host("gpu-1")
    log_artifact(there.root, "theirs")
    there.files.answers.clear()

    def waiting():
        return sum(each.name.startswith("runicorn-files") for each in threading.enumerate())

    try:
        told(viewer)
        before = waiting()
        with ThreadPoolExecutor(8) as pool:
            for body in pool.map(lambda _: told(viewer), range(24)):
                assert body["unread"] == [{"source": there.id, "host": "gpu-1", "error": None}]
        assert waiting() <= before + 1
    finally:
        there.files.answers.set()
    eventually(lambda: ids(viewer) == [there.address("model")], 10)


def test_a_host_that_is_cut_off_is_named_with_the_reason(place):
    viewer, host = place
    log_artifact(viewer.root, "mine")
    there = host("gpu-1")
    log_artifact(there.root, "theirs")
    assert len(ids(viewer)) == 2
    there.files.is_cut = True
    body = told(viewer)
    assert [each["id"] for each in body["artifacts"]] == ["model"]
    ((_, host_name, error),) = [each.values() for each in body["unread"]]
    assert host_name == "gpu-1"
    assert "the host is gone" in error
    only = told(viewer, source=there.id)
    assert (only["artifacts"], len(only["unread"])) == ([], 1)
    for path in ("", "/v0", "/v0/files/weights.txt"):
        assert viewer.get(f"/api/artifacts/{there.address('model')}{path}", 503)["code"] == "RUN_UNREADABLE"
    there.files.is_cut = False
    assert len(ids(viewer)) == 2


def test_a_host_whose_session_ends_is_neither_listed_nor_named(place):
    viewer, host = place
    log_artifact(viewer.root, "mine")
    there = host("gpu-1")
    log_artifact(there.root, "theirs")
    assert len(ids(viewer)) == 2
    there.leave()
    assert told(viewer)["unread"] == []
    assert ids(viewer) == ["model"]
    assert viewer.get(f"/api/artifacts/{there.address('model')}", 404)["code"] == "ARTIFACT_NOT_FOUND"
    there.connect()
    assert ids(viewer) == ["model", there.address("model")]


def test_a_host_of_which_only_rows_are_left_is_neither_listed_nor_named(place, tmp_path):
    viewer, host = place
    log_artifact(viewer.root, "mine")
    there = host("gpu-1")
    there.leave()
    there.remote.guests = Guests(None, lambda seen: AbsentHost("local", seen.host, seen.root, tmp_path / "cache"))
    there.connect()
    log_artifact(there.root, "theirs")
    assert len(viewer.get("/api/runs")["runs"]) == 2
    there.leave()
    assert [each["state"] for each in viewer.get("/api/runs")["sources"]] == ["ready", "away"]
    assert [each["id"] for each in told(viewer)["artifacts"]] == ["model"]
    assert told(viewer)["unread"] == []
    assert told(viewer, source=there.id) == {"artifacts": [], "unread": []}
    answer = viewer.get(f"/api/artifacts/{there.address('model')}", 503)
    assert "not connected" in answer["detail"]


def test_one_root_that_is_seen_from_two_hosts_is_told_once(place):
    viewer, host = place
    first = host("login-1")
    second = host("login-2", first.root)
    log_artifact(first.root, "shared")
    assert ids(viewer) == [first.address("model")]
    assert viewer.get(f"/api/artifacts/{second.address('model')}")["place"] == "login-2"
    first.files.is_cut = True
    body = told(viewer)
    assert [each["id"] for each in body["artifacts"]] == [second.address("model")]
    assert body["unread"] == []  # nothing is missing
    second.files.is_cut = True
    body = told(viewer)
    assert body["artifacts"] == []
    assert [each["host"] for each in body["unread"]] == ["login-1", "login-2"]
    first.files.is_cut = False
    assert ids(viewer) == [first.address("model")]


def test_a_run_of_somewhere_else_is_named_by_its_address_too(place):
    viewer, host = place
    there = host("gpu-1")
    run = log_artifact(there.root, "theirs")
    (there.root / "runs" / run).rename(there.root / "gone")
    (found,) = told(viewer)["artifacts"]
    assert (found["latest"]["run"], found["latest"]["run_name"]) == (there.address(run), None)


def test_a_list_is_never_older_than_who_asks(place):
    viewer, host = place
    there = host("gpu-1")

    def ask(number):
        log_artifact(there.root, str(number), name=f"model-{number}")
        return f"model-{number}" in [each["name"] for each in told(viewer)["artifacts"]]

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(18)))
