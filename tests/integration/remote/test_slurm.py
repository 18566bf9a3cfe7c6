"""A person's Slurm jobs are told with the runs that they record, and nothing waits for a scheduler that hangs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.agents import ShellConnection
from tests.support.nvidia import build_driver
from tests.support.serving import run_viewer
from tests.support.slurm import Slurm, run_slurm
from tests.support.waiting import eventually

from runicorn.remote.server.machine import client

TRAIN = """
import sys, time
import runicorn as rn
run = rn.init(name="in a job", root=sys.argv[1])
for step in range(3000):
    run.log({"loss": 1 / (step + 1)})
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    with run_slurm() as running:
        yield running


def test_jobs_are_told_and_one_that_hangs_holds_up_nothing(slurm: Slurm, tmp_path: Path) -> None:
    job = slurm.submit("odd|name 'of it", "sleep 120")
    connection = ShellConnection(slurm.environ)
    machine = client.start(lambda text, stdin: connection.start(text, stdin=stdin))
    try:
        told = eventually(lambda: (each := machine.ask(["/"], 1.0, 10.0)["jobs"])["value"] and each, 20)
        assert told["value"] == [{
            "id": job, "state": "RUNNING", "nodes": "gpu1", "gres": "N/A", "left": "UNLIMITED",
            "name": "odd|name 'of it",
        }]  # fmt: skip
        slurm.signal("slurmctld", signal.SIGSTOP)
        try:
            told = eventually(lambda: (each := machine.ask(["/"], 0.5, 10.0))["jobs"]["error"] and each, 40)
            assert told["jobs"]["error"] == "squeue has not answered within 5 s"
            assert told["disks"]["age_secs"] < 1
        finally:
            slurm.signal("slurmctld", signal.SIGCONT)
        eventually(lambda: machine.ask(["/"], 1.0, 10.0)["jobs"]["value"], 40)
    finally:
        machine.close()
        slurm.run("scancel", job)


def test_a_job_leads_to_the_run_that_it_records(slurm: Slurm, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    job = slurm.submit("training", f"{sys.executable} {script} {tmp_path / 'root'}", "gpu2")
    (tmp_path / "home").mkdir()
    try:
        with run_viewer(tmp_path / "root", tmp_path / "home", slurm.environ) as viewer:

            def jobs() -> Any:
                (machine,) = viewer.get("/api/machines").json()["machines"]
                return [each for each in machine["jobs"] or () if each["run"]]

            (found,) = eventually(jobs, 30)
            assert (found["id"], found["state"], found["nodes"], found["name"]) == (job, "RUNNING", "gpu2", "training")
            run = viewer.get(f"/api/runs/{found['run']}").json()
            assert (run["name"], found["run_name"]) == ("in a job", "in a job")
    finally:
        slurm.run("scancel", job)


def test_a_node_is_told_through_the_job_that_runs_on_it(slurm: Slurm, tmp_path: Path) -> None:
    """The nodes are this machine, which has a driver of GPUs; nothing is submitted, and nothing is left."""
    (tmp_path / "home").mkdir()
    environ = {**slurm.environ, "LD_LIBRARY_PATH": str(build_driver(tmp_path))}
    job = slurm.submit("training", "sleep 120", "gpu2")
    try:
        with run_viewer(tmp_path / "root", tmp_path / "home", environ) as viewer:

            def node() -> Any:
                found = {each["id"]: each for each in viewer.get("/api/machines").json()["machines"]}
                return "local/gpu2" in found and found["local/gpu2"]["state"] == "ready" and found["local/gpu2"]

            found = eventually(node, 40)
            assert (found["node"], found["node_job"], found["host"]) == ("gpu2", job, "")
            assert [gpu["name"] for gpu in found["gpus"]] == ["Test GPU 0", "Test GPU 1"]
            assert f"{job}.0" in slurm.run("squeue", "-h", "--steps", "-o", "%i")
            assert slurm.run("squeue", "-h", "-o", "%A").split() == [job]
            slurm.run("scancel", job)
            eventually(lambda: not node(), 60)
        assert slurm.run("squeue", "-h", "--steps", "-o", "%i").split() == []
    finally:
        slurm.run("scancel", job)
