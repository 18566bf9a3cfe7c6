"""The nodes of Slurm jobs, as Slurm writes them, and a command that nobody's odd name gets out of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runicorn.remote.server.agent import command
from runicorn.remote.server.machine import client, program
from runicorn.remote.server.machine.jobs import Place, expanded, places, where_it_runs, within


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ("gpu1", ["gpu1"]),
        ("gpu[01-03,7],login1", ["gpu01", "gpu02", "gpu03", "gpu7", "login1"]),
        ("a[1-2]-ib,a[2-3]-ib", ["a1-ib", "a2-ib", "a3-ib"]),
        ("", []),
        ("None assigned", []),
        ("(null)", []),
        ("x[1-", []),
        ("$(reboot),-w,ok", ["ok"]),
        ("r[1-2]u[1-2]", []),
    ],
)
def test_lists_of_nodes_are_read(nodes: str, found: list[str]) -> None:
    assert expanded(nodes) == found


def test_a_list_of_very_many_nodes_ends() -> None:
    assert len(expanded("gpu[0-99999999999]")) == 1000


def job(number: str, nodes: str, state: str = "RUNNING") -> dict[str, str]:
    return {"id": number, "state": state, "nodes": nodes}


def test_each_node_is_reached_through_one_job_that_runs() -> None:
    jobs = [job("1", "gpu1"), job("2", "gpu[1-2]"), job("3", "gpu9", "PENDING"), job("4_7", "login.cluster,gpu3")]
    assert places(jobs, "login") == [Place("gpu1", "1"), Place("gpu2", "2"), Place("gpu3", "4_7")]
    assert len(places([job("5", "gpu[1-100]")], "")) == 8
    assert places([job("1; reboot", "gpu1")], "") == []


def test_the_command_takes_a_step_inside_and_fits_every_login_shell() -> None:
    words = within(Place("gpu-node-017.cluster", "1234567_12"))
    assert words.split()[:3] == ["srun", "--jobid=1234567_12", "--overlap"]
    assert len(command.command("f" * 16, client.packed_program(), words)) <= 1000


@pytest.mark.parametrize(
    "place", [Place("gpu1;reboot", "1"), Place("gpu1", "1 --nodes=9"), Place("-w", "1"), Place("", "1")]
)
def test_what_is_no_node_of_a_job_runs_nothing(place: Place) -> None:
    with pytest.raises(ValueError, match="no node"):
        within(place)


@pytest.mark.parametrize("name", ["12 --uid=0", "", "$(id)", "12;id"])
def test_what_is_no_job_is_not_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match="is no job"):
        where_it_runs(name)
    assert where_it_runs("12_3") == "squeue -h -j 12_3 -t RUNNING -o %N"


@pytest.mark.skipif(os.name != "posix", reason="what tells of a machine runs where there is a /bin/sh")
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("squeue: error: fetch_config\nsqueue: fatal: Could not establish a configuration source", None),
        ("squeue: fatal: Unable to process configuration file", None),
        ("squeue: error: no controller\nand more", "squeue: error: no controller"),
        ("", "squeue failed"),
    ],
)  # fmt: skip
def test_tools_of_slurm_without_a_cluster_are_no_slurm(
    said: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "said").write_text(said)
    (tmp_path / "squeue").write_text(f"#!/bin/sh\ncat {tmp_path}/said >&2\nexit 1\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    if told is None:
        assert program.squeue() is None
        return
    with pytest.raises(OSError, match=told) as failure:
        program.squeue()
    assert str(failure.value) == told
