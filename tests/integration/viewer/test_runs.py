"""The runs of a storage root over HTTP."""

import json
import math
import os

import numpy as np
import pytest

import runicorn as rn


@pytest.fixture
def run(root):
    with rn.init("vision/resnet", "calm-fox", {"lr": 0.1, "model": {"depth": 3}}, tags=["base"], root=root) as opened:
        for step in range(10):
            opened.log({"train/loss": 1 / (step + 1), "odd": [math.nan, math.inf, -math.inf][step % 3]})
        print("hello ✓")
        opened.summary["best"] = 0.5
    return opened


def test_an_empty_root_lists_nothing(empty_viewer):
    assert empty_viewer.get("/api/runs") == {
        "runs": [], "total": 0, "next_cursor": None, "projects": [],
        "columns": {"config": [], "summary": [], "metrics": []},
        "indexing": None,
        "problem": None,
        "sources": [
            {"id": "local", "host": "", "connection_id": None, "root": empty_viewer.server.settings.root.as_posix(),
             "mode": None, "session_id": None, "state": "ready", "as_of": None, "error": None, "runs": 0,
             "same_as": None, "clock_ahead_secs": None},
        ],
    }  # fmt: skip


def test_a_run_is_listed_with_everything_the_table_shows(viewer, run):
    body = viewer.get("/api/runs")
    (listed,) = body["runs"]
    assert listed["id"] == run.id
    assert (listed["project"], listed["name"], listed["state"]) == ("vision/resnet", "calm-fox", "finished")
    assert listed["created_at"].endswith("Z")
    assert (listed["tags"], listed["config"]) == (["base"], {"lr": 0.1, "model": {"depth": 3}})
    assert listed["summary"] == {"best": 0.5, "train/loss": 0.1, "odd": "NaN"}
    assert (listed["step"], listed["note"], listed["archived"], listed["error"]) == (9, "", False, None)
    names = {
        "config": ["lr", "model.depth"],
        "summary": ["best", "odd", "train/loss"],
        "metrics": ["odd", "train/loss"],
    }
    assert body["columns"] == names
    assert body["projects"] == [{"project": "vision/resnet", "count": 1}]


def test_one_run_has_its_metrics_files_and_surroundings(viewer, run):
    found = viewer.get(f"/api/runs/{run.id}")
    metrics = {metric["name"]: metric for metric in found["metrics"]}
    assert metrics["train/loss"] == {
        "name": "train/loss", "count": 10, "last": 0.1, "min": 0.1, "max": 1.0, "last_step": 9
    }  # fmt: skip
    assert (metrics["odd"]["last"], metrics["odd"]["min"], metrics["odd"]["max"]) == ("NaN", "-Infinity", "Infinity")
    assert {"run.json", "metrics.bin", "console.log"} <= {file["path"] for file in found["files"]}
    assert found["skipped_records"] == 0
    assert found["packages"]["numpy"] == np.__version__
    assert found["pid"] > 0


@pytest.mark.parametrize("query", ["config.lr < 1", "calm", "tag:base", "summary.best >= 0.5 and state:finished"])
def test_runs_are_found_by_query(viewer, run, query):
    assert viewer.get("/api/runs", q=query)["total"] == 1


def test_a_query_that_is_wrong_says_where(viewer, run):
    error = viewer.get("/api/runs", 400, q="config.lr <")
    assert error["code"] == "INVALID_QUERY"
    assert "at character 12" in error["detail"]
    assert error["position"] == 11


def test_what_a_person_changes_stays_beside_what_the_script_wrote(viewer, run):
    before = (run.dir / "run.json").read_bytes()
    changed = viewer.http.patch(
        f"/api/runs/{run.id}", json={"name": "best", "tags": ["x"], "note": "good", "archived": True}
    )
    assert changed.status_code == 200
    (listed,) = viewer.get("/api/runs", archived=True)["runs"]
    assert (listed["name"], listed["tags"], listed["note"], listed["archived"]) == ("best", ["x"], "good", True)
    assert (run.dir / "run.json").read_bytes() == before


@pytest.mark.parametrize("body", [{"state": "finished"}, {"name": ""}, {"tags": "x"}, {"archived": "maybe"}, [], "x"])
def test_a_change_of_the_wrong_shape_is_refused(viewer, run, body):
    answer = viewer.http.patch(f"/api/runs/{run.id}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


def test_a_deleted_run_is_in_the_bin_and_comes_back(viewer, run):
    assert viewer.http.delete(f"/api/runs/{run.id}").status_code == 200
    assert viewer.get("/api/runs")["total"] == 0
    assert viewer.get("/api/runs", deleted=True)["total"] == 1
    assert (run.dir / "metrics.bin").exists()
    assert viewer.http.post(f"/api/runs/{run.id}/restore").json()["deleted_at"] is None
    assert viewer.get("/api/runs")["total"] == 1


@pytest.mark.parametrize("run_id", ["missing", "..", "%2e%2e", ".new-x", "a b", "%00", "x" * 300])
@pytest.mark.parametrize("path", ["", "/console", "/events", "/files/run.json"])
def test_a_run_that_does_not_exist_is_not_found(empty_viewer, run_id, path):
    answer = empty_viewer.http.get(f"/api/runs/{run_id}{path}")
    assert answer.status_code == 404
    assert answer.json()["code"] in ("RUN_NOT_FOUND", "NOT_FOUND")


def test_points_come_as_they_were_logged(viewer, run):
    body = viewer.get("/api/series", run=run.id, metric=["train/loss", "odd"])
    loss, odd = body["series"]
    assert (loss["count"], loss["x"], loss["y_min"], loss["last_step"]) == (10, list(range(10)), None, 9)
    assert loss["y"] == [1 / (step + 1) for step in range(10)]
    assert odd["y"][:3] == ["NaN", "Infinity", "-Infinity"]


def test_the_axis_may_be_time_since_the_run_began(viewer, run):
    (series,) = viewer.get("/api/series", run=run.id, metric="odd", x="relative")["series"]
    assert all(-0.01 <= x < 10 for x in series["x"])
    (absolute,) = viewer.get("/api/series", run=run.id, metric="odd", x="time")["series"]
    assert absolute["last_time"] == absolute["x"][-1] > 1.7e9


def test_a_window_holds_its_points_only(viewer, run):
    (series,) = viewer.get("/api/series", run=run.id, metric="odd", **{"from": 3, "to": 5})["series"]
    assert (series["count"], series["x"], series["last_step"]) == (3, [3, 4, 5], 9)


def test_a_metric_that_a_run_lacks_is_empty(viewer, run):
    (series,) = viewer.get("/api/series", run=run.id, metric="nope")["series"]
    assert (series["count"], series["x"], series["y_min"], series["last_step"]) == (0, [], None, None)


def test_runs_are_compared_in_the_order_asked_for(viewer, root, run):
    with rn.init(root=root) as other:
        other.log({"odd": 5})
    body = viewer.get("/api/series", run=[other.id, run.id], metric="odd")
    assert [series["run"] for series in body["series"]] == [other.id, run.id]


@pytest.mark.parametrize("query", ["", "?run=x", "?metric=x", "?run=x&metric=y&points=1", "?run=x&metric=y&x=color"])
def test_a_series_that_is_not_asked_for_properly_is_refused(empty_viewer, query):
    answer = empty_viewer.http.get("/api/series" + query)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


def test_a_million_points_become_a_line_that_keeps_its_spikes(viewer, root):
    from runicorn.storage.columns import RECORD_DTYPE

    with rn.init(root=root) as run:
        run.log({"loss": 0})
    rows = np.zeros(1_000_000, RECORD_DTYPE)
    rows["mark"], rows["step"], rows["time"] = 0x31534E52, np.arange(1_000_000), 1.7e9
    rows["value"] = np.sin(np.arange(1_000_000) / 1000)
    rows["value"][123_457], rows["value"][999_998] = 77.0, -77.0
    rows.tofile(run.dir / "metrics.bin")
    (series,) = viewer.get("/api/series", run=run.id, metric="loss")["series"]
    assert (series["count"], len(series["x"]) <= 2000) == (1_000_000, True)
    assert (max(series["y"]), min(series["y"])) == (77.0, -77.0)
    assert (max(series["y_max"]), min(series["y_min"])) == (77.0, -77.0)
    (zoomed,) = viewer.get("/api/series", run=run.id, metric="loss", **{"from": 123_000, "to": 124_000})["series"]
    assert (zoomed["count"], zoomed["y_min"], zoomed["y"][457]) == (1001, None, 77.0)


def test_output_is_read_by_ranges(viewer, run):
    whole = viewer.get(f"/api/runs/{run.id}/console")
    assert whole == {"text": "hello ✓\n", "from": 0, "to": 10, "size": 10}
    assert viewer.get(f"/api/runs/{run.id}/console", **{"from": -2})["text"] == "\n"
    assert viewer.get(f"/api/runs/{run.id}/console", **{"from": 10})["text"] == ""


def test_events_are_whole_lines(viewer, run):
    (run.dir / "events.jsonl").write_text('{"type": "a"}\nbroken\n{"type": "b"}\n{"ty')
    body = viewer.get(f"/api/runs/{run.id}/events")
    assert [event["type"] for event in body["events"]] == ["a", "b"]
    assert body["to"] == 35
    assert viewer.get(f"/api/runs/{run.id}/events", **{"from": 35})["events"] == []


def test_files_are_served_whole_or_by_range(viewer, run):
    path = f"/api/runs/{run.id}/files/metrics.bin"
    whole = (run.dir / "metrics.bin").read_bytes()
    assert viewer.http.get(path).content == whole
    part = viewer.http.get(path, headers={"Range": "bytes=32-63"})
    assert (part.status_code, part.content) == (206, whole[32:64])
    assert part.headers["content-range"] == f"bytes 32-63/{len(whole)}"
    assert viewer.http.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    assert viewer.http.head(path).headers["content-length"] == str(len(whole))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("page.html", "application/octet-stream"), ("x.svg", "application/octet-stream"),
     ("notes.txt", "text/plain; charset=utf-8"),
     ("x.png", "image/png"), ("no-suffix", "application/octet-stream"), ("x.xhtml", "application/octet-stream")],
)  # fmt: skip
def test_no_file_is_served_as_something_that_runs(viewer, run, name, kind):
    (run.dir / name).write_text("<script>alert(1)</script>")
    answer = viewer.http.get(f"/api/runs/{run.id}/files/{name}")
    assert answer.headers["content-type"] == kind
    assert ("attachment" in answer.headers.get("content-disposition", "")) == (kind == "application/octet-stream")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["../run.json", "..%2f..%2frunicorn.json", "%2fetc%2fpasswd", "link", "media", "a%00b", "..%5cx", "missing", "",
     "media/out/passwd", "media/up/run.json", "media/loop", "media/../../other/run.json", "media/other", "/etc/passwd",
     "%2e%2e/other/run.json", "media//etc/passwd", "media/%2e%2e/%2e%2e/other/run.json",
     "media/loop/deeper", "x" * 300, f"media/{'x/' * 2500}y"],
)  # fmt: skip
def test_no_file_outside_of_the_run_is_served(viewer, run, root, path):
    (run.dir / "media").mkdir()
    (run.dir / "link").symlink_to("/etc/passwd")
    (run.dir / "media" / "out").symlink_to("/etc")
    (run.dir / "media" / "up").symlink_to("../..")
    (run.dir / "media" / "loop").symlink_to("loop")
    with rn.init(id="other", root=root):
        pass
    (run.dir / "media" / "other").symlink_to(run.dir.parent / "other" / "run.json")
    answer = viewer.http.get(f"/api/runs/{run.id}/files/{path}")
    assert answer.status_code == 404, answer.text


def test_the_files_of_a_run_are_listed_without_those_that_a_linked_folder_leads_to(viewer, run):
    (run.dir / "media").mkdir()
    (run.dir / "media" / "picture.png").touch()
    for name, to in (("out", "/etc"), ("round", ".."), ("loop", "loop"), ("gone", "/no/such")):
        (run.dir / "media" / name).symlink_to(to)
    found = viewer.get(f"/api/runs/{run.id}")
    assert found["media"] == ["media/picture.png"]
    assert [file["path"] for file in found["files"] if "/" in file["path"]] == ["media/picture.png"]


def test_text_that_is_no_unicode_harms_nothing_but_itself(viewer, run):
    """JSON can name half of a surrogate pair, and a file system any bytes; an answer is UTF-8."""
    info = json.loads((run.dir / "run.json").read_text())
    info |= {"name": "half \ud800", "project": "a/\udfff", "config": {"\ud800": ["\udc00", "\ud83e\udd84"]}}
    (run.dir / "run.json").write_text(json.dumps(info))
    keys = (run.dir / "metrics.keys").read_text()
    (run.dir / "metrics.keys").write_text(keys.replace('"odd"', '"odd\\ud800"'))
    (run.dir / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    (listed,) = viewer.get("/api/runs")["runs"]
    assert (listed["name"], listed["project"]) == ("half \ufffd", "a/\ufffd")
    assert listed["config"] == {"\ufffd": ["\ufffd", "\U0001f984"]}
    found = viewer.get(f"/api/runs/{run.id}")
    assert "caf\ufffd.txt" in [file["path"] for file in found["files"]]
    assert "odd\ufffd" in [metric["name"] for metric in found["metrics"]]
    for metric in ("train/loss", "odd\ufffd"):
        assert viewer.get("/api/series", run=run.id, metric=metric)["series"][0]["count"] == 10


def test_health_names_the_viewer(viewer, root):
    body = viewer.get("/api/health")
    outside_a_session = {"session_id": None, "pid": None, "started_at": None, "remote": None}
    assert body == {"status": "ok", "version": rn.__version__, "root": str(root), **outside_a_session}


def test_without_remote_support_its_paths_say_so(empty_viewer):
    for method, path in (("GET", "status"), ("POST", "connect"), ("GET", "fs/list")):
        answer = empty_viewer.http.request(method, f"/api/remote/{path}")
        assert (answer.status_code, answer.json()["code"]) == (503, "REMOTE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/api/nope", 404, "NOT_FOUND"), ("PUT", "/api/runs", 405, "METHOD_NOT_ALLOWED"),
     ("GET", "/nope.js", 404, "NOT_FOUND"), ("POST", "/", 405, "METHOD_NOT_ALLOWED")],
)  # fmt: skip
def test_paths_and_methods_that_do_not_exist_answer_in_the_one_shape(empty_viewer, method, path, status, code):
    answer = empty_viewer.http.request(method, path)
    assert answer.status_code == status
    assert answer.json().keys() == {"detail", "code", "hint"}
    assert answer.json()["code"] == code


def test_what_nobody_expected_is_an_answer_too(viewer, run, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(viewer.server.app.state.viewer.local.source, "details", broken)
    answer = viewer.http.get(f"/api/runs/{run.id}")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text
    assert "content-security-policy" in answer.headers


def test_damaged_files_are_shown_as_far_as_they_are_whole(viewer, root, run):
    with (run.dir / "metrics.bin").open("r+b") as file:
        file.seek(32 * 4)
        file.write(b"\xaa" * 40)
        file.seek(0, 2)
        file.write(b"RNS1 torn")
    (root / "runs/no-run-json").mkdir()
    (root / "runs/garbage").mkdir()
    for name in ("run.json", "status.json", "metrics.bin", "metrics.keys", "console.log", "notes.json"):
        (root / "runs/garbage" / name).write_bytes(bytes(range(256)) * 5)
    (root / "runs/a-file").touch()
    listed = {each["id"]: each for each in viewer.get("/api/runs")["runs"]}
    assert listed.keys() == {run.id, "no-run-json", "garbage"}
    assert listed["no-run-json"]["error"]
    for run_id in listed:
        found = viewer.get(f"/api/runs/{run_id}")
        viewer.get("/api/series", run=run_id, metric="train/loss")
        viewer.get(f"/api/runs/{run_id}/console")
        if run_id == run.id:
            assert found["skipped_records"] == 2
            assert sum(metric["count"] for metric in found["metrics"]) == 18


def test_a_change_to_a_run_is_seen_by_the_next_request(viewer, root):
    with rn.init(root=root) as run:
        for number in range(20):
            run.config["number"] = number
            assert viewer.get("/api/runs")["runs"][0]["config"] == {"number": number}
    assert viewer.get("/api/runs")["runs"][0]["state"] == "finished"


def test_a_run_that_is_removed_is_gone(viewer, run):
    import shutil

    assert viewer.get("/api/runs")["total"] == 1
    shutil.rmtree(run.dir)
    assert viewer.get("/api/runs")["total"] == 0
    viewer.get(f"/api/runs/{run.id}", 404)


def test_the_openapi_document_describes_the_answers(viewer, run):
    from pydantic import TypeAdapter

    from runicorn.viewer import schemas

    document = viewer.get("/openapi.json")
    assert document["openapi"].startswith("3.")
    assert {"/api/runs", "/api/series", "/api/live", "/api/health"} <= document["paths"].keys()
    names = [schema["$ref"].rsplit("/", 1)[1] for schema in _references(document)]
    assert set(names) <= document["components"]["schemas"].keys()
    for model, body in (
        (schemas.RunListAnswer, viewer.get("/api/runs")),
        (schemas.RunDetailsAnswer, viewer.get(f"/api/runs/{run.id}")),
        (schemas.SeriesListAnswer, viewer.get("/api/series", run=run.id, metric="odd")),
        (schemas.ConsoleAnswer, viewer.get(f"/api/runs/{run.id}/console")),
        (schemas.EventsAnswer, viewer.get(f"/api/runs/{run.id}/events")),
        (schemas.HealthAnswer, viewer.get("/api/health")),
        (schemas.ErrorAnswer, viewer.get("/api/nope", 404)),
    ):
        parsed = TypeAdapter(model).validate_json(json.dumps(body), strict=True)
        assert json.loads(parsed.model_dump_json(by_alias=True)).keys() == body.keys()


def _references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
