"""/openapi.json is true: what it names is answered as it says, and nothing else is accepted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.serving import Viewer, run_viewer

import runicorn as rn

SCHEMATHESIS = shutil.which("schemathesis", path=str(Path(sys.executable).parent))

# Left out: a stream never ends, and a valid target is a host somewhere else.
LEFT_OUT = "^/api/(live|remote/connect|remote/viewer/start)$"

# A value of the right shape may still name nothing, or be no host name: 400, which the schema names for every route.
LEFT_OUT_CHECK = "positive_data_acceptance"


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Viewer]:
    """A viewer of its own with a few runs, which may be changed and binned."""
    for number in range(3):
        with rn.init(
            project="vision/resnet", name=f"run {number}", root=str(tmp_path / "runs"), id=f"run{number}"
        ) as run:
            for step in range(50):
                run.log({"loss": 1 / (step + 1), "broken": float("nan")}, step=step)
            (tmp_path / "model.txt").write_text(f"weights {number}")
            run.log_artifact(tmp_path / "model.txt", name="model", aliases=["best"])
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "runs", tmp_path / "home") as viewer:
        yield viewer


@pytest.mark.skipif(not SCHEMATHESIS, reason="needs schemathesis: pip install schemathesis")
def test_every_answer_is_as_the_schema_says(filled: Viewer, tmp_path: Path) -> None:
    assert SCHEMATHESIS
    command = [
        *(SCHEMATHESIS, "run", f"{filled.url}/openapi.json", "--no-color", "--warnings", "off"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1"),
        *("--checks", "all", "--exclude-checks", LEFT_OUT_CHECK, "--exclude-path-regex", LEFT_OUT),
        *("--request-timeout", "10", "--continue-on-failure"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=90)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert filled.process.poll() is None


def test_a_wrong_method_is_405_with_those_of_the_path(filled: Viewer) -> None:
    for method, path, allowed in (
        ("GET", "/api/remote/disconnect", "POST"),
        ("OPTIONS", "/api/runs/run1", "DELETE, GET, PATCH"),
        ("PUT", "/api/remote/connections/saved", "GET, POST"),
    ):
        answer = filled.client.request(method, path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed), path
        assert answer.json()["code"] == "METHOD_NOT_ALLOWED"
    nothing = filled.get("/api/nothing")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "NOT_FOUND")


def test_the_errors_of_a_connect_are_all_in_the_schema(filled: Viewer) -> None:
    paths = filled.get("/openapi.json").json()["paths"]
    assert paths["/api/remote/connect"]["post"]["responses"].keys() >= {"400", "401", "403", "409", "422", "500"}
    assert paths["/api/remote/viewer/start"]["post"]["responses"].keys() >= {"400", "401", "403", "404", "409", "500"}
