"""What a viewer takes in memory, whatever lies in its root and whatever is asked of it."""

import json
import re
import struct
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from runicorn.storage import layout, records

pytestmark = pytest.mark.waits

LIMIT_BYTES = 300 * 2**20
INFO = {"created_at": "2026-01-01T00:00:00Z"}


def add(root, run_id, names, rows, info=INFO):
    folder = root / "runs" / run_id
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(info))
    (folder / "status.json").write_text(json.dumps({"state": "finished"}))
    (folder / "metrics.keys").write_bytes(b"".join(map(layout.encode_key, names)))
    (folder / "metrics.bin").write_bytes(rows)


def line(points, metric=0):
    pack = struct.Struct("<IIqdd").pack
    return b"".join(pack(records.MARK, metric, step, 1.7e9 + step, step % 97 / 97 + step) for step in range(points))


@pytest.fixture
def process(root, viewer_process):
    """Return what starts a viewer of the root: its psutil.Process and a client."""
    clients = []

    def start():
        started, first = viewer_process(root)
        clients.append(httpx.Client(base_url=first.split()[-1], timeout=100))
        return psutil.Process(started.pid), clients[-1]

    yield start
    for client in clients:
        client.close()


def most_memory(process):
    status = Path(f"/proc/{process.pid}/status")
    if sys.platform.startswith("linux"):
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) * 1024
    return process.memory_info().rss


def test_many_metrics_of_one_point(root, process):
    names = [f"layer.{number}/gradient/norm" for number in range(5000)]
    rows = b"".join(records.pack(number, 1, 1.7e9, 0.5) for number in range(5000))
    for number in range(60):
        add(root, f"run{number}", names, rows)
    viewer, client = process()
    for number in range(60):
        assert len(client.get(f"/api/runs/run{number}").json()["metrics"]) == 5000
        body = client.get("/api/series", params={"run": f"run{number}", "metric": names[:100]}).json()
        assert [each["count"] for each in body["series"]] == [1] * 100
    assert most_memory(viewer) < LIMIT_BYTES


def test_many_points_in_one_answer(root, process):
    rows = line(100_000)
    for number in range(40):
        add(root, f"run{number}", ["loss"], rows)
    viewer, client = process()
    wanted = {"run": [f"run{number}" for number in range(40)], "metric": "loss", "points": 100_000}
    with client.stream("GET", "/api/series", params=wanted) as answer:
        assert answer.status_code == 200
        assert sum(len(piece) for piece in answer.iter_bytes()) > 40_000_000
    assert most_memory(viewer) < LIMIT_BYTES
    refused = client.get("/api/series", params={**wanted, "metric": [f"m{number}" for number in range(50)]})
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_REQUEST")
    assert "5,000" in refused.json()["hint"] or "5000" in refused.json()["hint"]


def test_long_files_looked_at_one_after_the_other(root, process):
    rows = line(100_000) * 12
    for number in range(8):
        add(root, f"run{number}", ["loss"], rows)
    viewer, client = process()
    for number in range(8):
        body = client.get("/api/series", params={"run": f"run{number}", "metric": "loss"}).json()
        assert body["series"][0]["count"] == 1_200_000
    assert most_memory(viewer) < LIMIT_BYTES


def test_small_files_that_are_not_small(root, process):
    huge = {**INFO, "config": {f"key{number}": "x" * 1000 for number in range(42_000)}}
    add(root, "huge", ["loss"], line(10), huge)
    (root / "runs/huge/status.json").write_text(json.dumps({"state": "finished", "summary": {"a": "x" * 30_000_000}}))
    large = {**INFO, "name": "large", "config": {f"key{number}": [number] * 100 for number in range(2000)}}
    for number in range(40):
        add(root, f"large{number}", ["loss"], line(10), large)
    viewer, client = process()
    found = {each["id"]: each for each in client.get("/api/runs", params={"limit": 1}).json()["runs"]}
    huge_run = client.get("/api/runs/huge").json()
    assert "larger than" in huge_run["error"]
    assert huge_run["state"] == "unknown"
    assert huge_run["metrics"][0]["count"] == 10
    assert client.get("/api/runs/large7").json()["name"] == "large"
    assert len(found) == 1
    assert most_memory(viewer) < LIMIT_BYTES
