"""Artifacts over HTTP: what there is, and the files of a version, with the rules that files of runs have."""

import shutil

import pytest

import runicorn as rn


@pytest.fixture
def run(root, tmp_path):
    with rn.init(root=root, id="run1", name="calm-fox") as opened:
        place = tmp_path / "model"
        (place / "weights").mkdir(parents=True)
        (place / "page.html").write_text("<script>alert(1)</script>")
        for text in ("first", "second!"):
            (place / "weights" / "模型 1.txt").write_text(text)
            opened.log_artifact(place, type="model", aliases=["best"] if text == "first" else [])
        opened.log_artifact(place / "page.html", name="other")
    return opened


def test_an_empty_root_has_none(empty_viewer):
    assert empty_viewer.get("/api/artifacts") == {"artifacts": [], "unread": []}
    assert empty_viewer.get("/api/artifacts/model", 404)["code"] == "ARTIFACT_NOT_FOUND"


def test_all_are_listed_with_their_latest_version(viewer, run):
    model, other = viewer.get("/api/artifacts")["artifacts"]
    assert (model["name"], model["versions"], model["aliases"]) == ("model", 2, {"best": "v0", "latest": "v1"})
    latest = model["latest"]
    assert (latest["version"], latest["type"], latest["size"], latest["file_count"]) == ("v1", "model", 32, 2)
    assert (latest["run"], latest["run_name"], latest["step"]) == ("run1", "calm-fox", None)
    assert other["name"] == "other"


def test_one_has_its_versions_newest_first(viewer, run):
    found = viewer.get("/api/artifacts/model")
    assert [version["version"] for version in found["versions"]] == ["v1", "v0"]
    assert found["aliases"] == {"best": "v0", "latest": "v1"}


@pytest.mark.parametrize(("version", "size"), [("v0", 5), ("best", 5), ("v1", 7), ("latest", 7)])
def test_a_version_has_its_files(viewer, run, version, size):
    found = viewer.get(f"/api/artifacts/model/{version}")
    assert [(file["path"], file["size"]) for file in found["files"]] == [
        ("page.html", 25),
        ("weights/模型 1.txt", size),
    ]
    assert [file["path"] for file in viewer.get(f"/api/artifacts/model/{version}", offset=1, limit=1)["files"]] == [
        "weights/模型 1.txt"
    ]


def test_the_run_that_made_it_may_be_gone(viewer, run, root):
    run.finish()
    shutil.rmtree(root / "runs" / "run1")
    for found in (viewer.get("/api/artifacts/model/v0"), viewer.get("/api/artifacts/model")["versions"][0]):
        assert (found["run"], found["run_name"]) == ("run1", None)


def test_a_new_version_is_seen_at_once(viewer, run, root, tmp_path):
    assert len(viewer.get("/api/artifacts/model")["versions"]) == 2
    with rn.init(root=root) as again:
        again.log_artifact(tmp_path / "model" / "page.html", name="model")
    assert viewer.get("/api/artifacts")["artifacts"][0]["aliases"] == {"best": "v0", "latest": "v2"}


def test_a_file_is_sent_whole_or_by_range(viewer, run):
    path = "/api/artifacts/model/latest/files/weights/模型 1.txt"
    whole = viewer.http.get(path)
    assert (whole.text, whole.headers["Content-Type"]) == ("second!", "text/plain; charset=utf-8")
    part = viewer.http.get(path, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.text) == (206, "eco")
    assert viewer.http.head(path).headers["Content-Length"] == "7"


def test_a_page_is_a_download_and_runs_nowhere(viewer, run):
    answer = viewer.http.get("/api/artifacts/model/v0/files/page.html")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "nope",
        "blobs",
        "..%2Fruns",
        "model/v9",
        "model/..%2F..",
        "model/aliases",
        "model/v0/files/nope",
        "model/v0/files/..%2F..%2Fv0.json",
        "model/v0/files/",
        "blobs/partial",
        "%00/v0",
        "model/%2E%2E%2Fbest",
    ],
)
def test_what_is_not_there_or_elsewhere_is_not_found(viewer, run, path):
    answer = viewer.http.get(f"/api/artifacts/{path}")
    assert answer.status_code == 404, answer.text


def test_content_that_is_lost_or_leads_elsewhere_is_damaged(viewer, run, root, tmp_path):
    (secret := tmp_path / "secret").write_text("theirs")
    sha256 = viewer.get("/api/artifacts/model/v0")["files"][0]["sha256"]
    blob = root / "artifacts" / "blobs" / sha256[:2] / sha256
    blob.unlink()
    assert viewer.get("/api/artifacts/model/v0/files/page.html", 500)["code"] == "ARTIFACT_DAMAGED"
    blob.symlink_to(secret)
    assert viewer.get("/api/artifacts/model/v0/files/page.html", 500)["code"] == "ARTIFACT_DAMAGED"


def test_a_damaged_version_spoils_no_other(viewer, run, root):
    (root / "artifacts" / "model" / "v1.json").write_text("{")
    assert [version["version"] for version in viewer.get("/api/artifacts/model")["versions"]] == ["v0"]
    assert viewer.get("/api/artifacts/model/latest")["version"] == "v0"
