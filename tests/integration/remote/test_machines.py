"""GET /api/machines: this machine and those that are connected, read while somebody asks, and at no other time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.link import run_link
from tests.support.nvidia import build_driver
from tests.support.processes import living
from tests.support.remote import accept, connect, login_by, start, stop, viewer_that_knows
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually, eventually_nothing


def machines(viewer: Viewer) -> dict[str, dict[str, Any]]:
    answer = viewer.get("/api/machines")
    assert answer.status_code == 200, answer.text
    return {machine["id"]: machine for machine in answer.json()["machines"]}


def tellers(server: Server) -> list[psutil.Process]:
    """Return what tells of the machine over there, and what it started; not the shell that looked for a Python."""
    found = [each for words, each in server.processes().items() if "-IBuc" in words]
    return living(found, lambda each: each.name().startswith("python"))


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Viewer]:
    """A viewer on a machine with two GPUs of which the first one is taken by this very process."""
    (tmp_path / "home").mkdir()
    driver = build_driver(tmp_path)
    with run_viewer(
        tmp_path / "root", tmp_path / "home", {"LD_LIBRARY_PATH": str(driver), "TEST_NVML_PID": "1"}
    ) as viewer:
        yield viewer


def test_this_machine_is_told_without_any_host(busy: Viewer) -> None:
    (machine,) = eventually(lambda: list(machines(busy).values()))
    assert (machine["id"], machine["host"], machine["state"], machine["error"]) == ("local", "", "ready", None)
    assert [gpu["name"] for gpu in machine["gpus"]] == ["Test GPU 0", "Test GPU 1"]
    assert machine["gpus"][1]["idle_secs"] is not None
    assert machine["gpus"][0]["idle_secs"] is None
    assert machine["free_gpus"] == 0, "nobody has been seen on it for less than a minute"
    assert [disk["total"] > disk["free"] > 0 for disk in machine["disks"]] == [True]
    assert machine["memory_total"] > machine["memory_available"] > 0


def test_a_host_is_read_while_somebody_asks_and_nothing_is_left(connected: Viewer, server: Server) -> None:
    host = server.login()
    name = f"{host['username']}@{host['host']}:{host['port']}"
    found = eventually(lambda: (each := machines(connected)).get(name, {}).get("state") == "ready" and each, 20)
    assert found[name]["host"]
    assert found[name]["disks"][0]["root"] == "~"
    assert abs(found[name]["clock_ahead_secs"]) < 5
    assert tellers(server)
    eventually_nothing(lambda: tellers(server), 40)
    assert machines(connected)[name]["gpus"] == found[name]["gpus"], "what was told last is still there"
    eventually(lambda: tellers(server), 20)
    assert eventually(lambda: machines(connected)[name]["age_secs"] < 4, 20)


def test_the_disk_of_an_open_root_is_told(connected: Viewer, server: Server) -> None:
    session = start(connected, server.login(remote_root=str(server.runs)))
    name = session["connectionId"]

    def roots() -> Any:
        return [disk["root"] for disk in machines(connected)[name]["disks"]] == [str(server.runs)]

    eventually(roots, 20)
    stop(connected, session)


def test_it_ends_with_the_connection(connected: Viewer, server: Server) -> None:
    machines(connected)
    eventually(lambda: tellers(server), 20)
    answer = connected.post("/api/remote/disconnect", server.login())
    assert answer.status_code == 200
    assert list(machines(connected)) == ["local"]
    eventually_nothing(lambda: tellers(server), 10)


def test_it_ends_with_the_viewer(connected: Viewer, server: Server) -> None:
    machines(connected)
    eventually(lambda: tellers(server), 20)
    connected.stop()
    eventually_nothing(lambda: tellers(server), 10)


def test_a_host_where_no_command_runs_says_so(files_only: Server, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
        accept(viewer, connect(viewer, files_only.login()))
        assert connect(viewer, files_only.login()).status_code == 200
        (host,) = [each for each in machines(viewer).values() if each["id"] != "local"]
        host = eventually(lambda: (each := machines(viewer)[host["id"]])["state"] == "away" and each, 20)
        assert host["error"] == "No command of ours runs there."
        assert machines(viewer)["local"]["state"] == "ready"


def test_a_host_that_hangs_holds_up_no_other(server: Server, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link, viewer_that_knows(server, link, tmp_path) as viewer:
        assert connect(viewer, login_by(server, link)).status_code == 200
        name = next(each for each in machines(viewer) if each != "local")
        eventually(lambda: machines(viewer)[name]["state"] == "ready", 20)
        link.stall()
        began = time.monotonic()
        for _ in range(3):
            assert machines(viewer)["local"]["state"] == "ready"
        assert time.monotonic() - began < 6
        eventually(lambda: name not in (found := machines(viewer)) or found[name]["error"], 40)
        link.resume()
