"""A folder on a node's own disks is read through a job there: nothing is submitted, and nothing is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.accounts import Account
from tests.support.job_nodes import LoginNode, login_node
from tests.support.remote import accept, connect, start, stop
from tests.support.serving import Viewer, run_viewer
from tests.support.slurm import Slurm, run_slurm
from tests.support.waiting import eventually

pytestmark = [pytest.mark.sshd, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    with run_slurm() as running:
        yield running


@pytest.fixture
def there(bare_account: Account, tmp_path: Path, slurm: Slurm) -> Iterator[LoginNode]:
    with login_node(bare_account, tmp_path, slurm) as made:
        yield made


@pytest.fixture
def viewer(there: LoginNode, tmp_path: Path) -> Iterator[Viewer]:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "local", tmp_path / "home") as running:
        log_in(running, there)
        yield running


def log_in(viewer: Viewer, there: LoginNode) -> None:
    login = {**there.server.login(), "port": there.link.port}
    accept(viewer, connect(viewer, login))
    assert connect(viewer, login).status_code == 200


def source_of(viewer: Viewer, host: str) -> dict[str, Any]:
    return next((each for each in viewer.get("/api/runs").json()["sources"] if each["host"] == host), {})


def refused(viewer: Viewer, body: dict[str, Any]) -> tuple[int, str, str]:
    answer = viewer.post("/api/remote/viewer/start", body)
    told = answer.json()["detail"] if isinstance(answer.json().get("detail"), dict) else answer.json()
    return answer.status_code, answer.json().get("code") or told["code"], str(answer.json())


def session_of(viewer: Viewer, session_id: str) -> dict[str, Any]:
    told = viewer.get("/api/remote/status").json()
    found = [*told["viewer_sessions"], *told["ended_sessions"]]
    return next(each for each in found if each["sessionId"] == session_id)


def test_its_runs_are_read_on_the_node_and_nothing_is_left(there: LoginNode, viewer: Viewer) -> None:
    run_id = there.add_run(1)
    session = start(viewer, there.body())
    assert (session["node"], session["nodeJob"], session["mode"]) == ("gpu2", there.job, "agent")
    assert session["host"] == "127.0.0.1"
    reads = psutil.Process(session["remotePid"])
    assert reads.environ()["SLURMD_NODENAME"] == "gpu2"
    assert there.steps() == [f"{there.job}.0"]
    (run,) = eventually(lambda: viewer.get("/api/runs").json()["runs"])
    assert (run["id"], run["place"]) == (f"{run['source']}:{run_id}", "gpu2")
    assert [each["count"] for each in viewer.get(f"/api/runs/{run['id']}").json()["metrics"]] == [3]
    second = there.add_run(2)
    eventually(lambda: {each["id"].rpartition(":")[2] for each in viewer.get("/api/runs").json()["runs"]}
               == {run_id, second}, 15)  # fmt: skip
    assert start(viewer, there.body())["sessionId"] == session["sessionId"], "it is there already"
    stop(viewer, session)
    eventually(lambda: not reads.is_running(), 10)
    eventually(lambda: not there.steps(), 20)
    assert there.slurm.run("squeue", "-h", "-o", "%A").split() == [there.job]


def test_the_host_and_a_node_behind_it_are_two_machines(there: LoginNode, viewer: Viewer) -> None:
    there.add_run(1)
    elsewhere = there.server.account.home / "others"
    elsewhere.mkdir()
    there.server.account.give(elsewhere)
    on_host = start(viewer, {**there.body(remote_root=str(elsewhere)), "node": None, "node_job": None})
    on_node = start(viewer, there.body())
    assert on_host["sessionId"] != on_node["sessionId"]
    hosts = {each["host"]: each["runs"] for each in viewer.get("/api/runs").json()["sources"]}
    assert hosts == {"": 0, "127.0.0.1": 0, "gpu2": 1}
    stop(viewer, on_host)
    assert session_of(viewer, on_node["sessionId"])["status"] == "running"
    elsewhere.rmdir()


def test_once_the_job_is_over_it_is_said_and_the_rows_stay(there: LoginNode, viewer: Viewer) -> None:
    there.add_run(1)
    session = start(viewer, there.body())
    eventually(lambda: source_of(viewer, "gpu2").get("runs") == 1)
    there.slurm.run("scancel", there.job)
    over = eventually(
        lambda: (each := session_of(viewer, session["sessionId"]))["status"] == "failed" and each, 60, "its end"
    )
    assert (over["error"]["code"], there.job in over["error"]["message"]) == ("JOB_ENDED", True)
    left = source_of(viewer, "gpu2")
    assert (left["runs"], left["state"], left["session_id"]) == (1, "away", None)
    assert refused(viewer, there.body())[:2] == (500, "JOB_ENDED")


def test_a_link_that_breaks_comes_back_to_the_node(there: LoginNode, viewer: Viewer) -> None:
    there.add_run(1)
    session = start(viewer, there.body())
    eventually(lambda: source_of(viewer, "gpu2").get("state") == "ready")
    there.link.cut()
    back = eventually(
        lambda: (
            (each := session_of(viewer, session["sessionId"]))["reconnects"] and each["status"] == "running" and each
        ),
        60,
    )
    assert psutil.Process(back["remotePid"]).environ()["SLURMD_NODENAME"] == "gpu2"
    eventually(lambda: source_of(viewer, "gpu2")["state"] == "ready", 15)
    eventually(lambda: len(there.steps()) == 1, 60, "the step before has ended")


def test_the_next_viewer_takes_it_back(there: LoginNode, tmp_path: Path) -> None:
    there.add_run(1)
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "local", tmp_path / "home") as first:
        log_in(first, there)
        session = start(first, there.body())
        first.kill()
    with run_viewer(tmp_path / "local", tmp_path / "home") as second:
        back = eventually(
            lambda: (each := session_of(second, session["sessionId"]))["status"] == "running" and each, 60
        )
        assert (back["node"], back["nodeJob"]) == ("gpu2", there.job)
        assert source_of(second, "gpu2")["runs"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"node": "gpu2"},
        {"node_job": "12"},
        {"node": "-x", "node_job": "12"},
        {"node": "gpu2; id", "node_job": "12"},
        {"node": "gpu2", "node_job": "12 --uid=0"},
        {"node": "gpu2", "node_job": "12", "mode": "sftp"},
        {"node": "gpu2", "node_job": "12", "mode": "viewer"},
        {"node": "gpu2", "node_job": "12", "conda_env": "train"},
        {"node": "gpu2", "node_job": "12", "remote_port": 2000},
    ],
)
def test_what_is_no_node_of_a_job_is_refused(wrong: dict[str, Any], there: LoginNode, viewer: Viewer) -> None:
    body = {**there.body(), "node": None, "node_job": None, **wrong}
    assert refused(viewer, body)[:2] == (400, "INVALID_NODE")


def test_a_node_where_the_job_does_not_run_is_told(there: LoginNode, viewer: Viewer) -> None:
    assert refused(viewer, there.body(node="gpu1"))[:2] == (500, "JOB_ENDED")
    assert refused(viewer, there.body(node_job="999999"))[:2] == (500, "JOB_ENDED")
    _, code, told = refused(viewer, there.body(remote_root="/nowhere/runs"))
    assert (code, "/nowhere/runs" in told) == ("REMOTE_ROOT_MISSING", True)
    eventually(lambda: not there.steps(), 20)


def test_its_folders_are_walked_through(there: LoginNode, viewer: Viewer) -> None:
    there.add_run(1)
    home = there.server.account.home

    def listed(path: str, status: int = 200, **more: str) -> dict[str, Any]:
        asked = {"connection_id": there.connection_id, "path": path, "node": "gpu2", "node_job": there.job, **more}
        answer = viewer.get("/api/remote/fs/list", **asked)
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body

    in_home = listed("~")
    assert in_home["path"] == str(home)
    assert there.server.runs.name in [each["name"] for each in in_home["items"] if each["is_dir"]]
    here = listed(str(there.server.runs))
    assert [(each["name"], each["is_dir"]) for each in here["items"]] == [("runs", True)]
    (home / "no folder").write_text("")
    (home / "shut").mkdir(mode=0o700)  # root's
    assert listed("~/nowhere/at all", 404)["code"] == "REMOTE_PATH_NOT_FOUND"
    assert listed("~/no folder", 400)["code"] == "REMOTE_PATH_NOT_A_DIRECTORY"
    assert listed("~/shut", 403)["code"] == "REMOTE_PERMISSION_DENIED"
    assert listed("~/shut/inside", 403)["code"] == "REMOTE_PERMISSION_DENIED"
    assert listed("~", 400, node="gpu2; id")["code"] == "INVALID_NODE"
    assert listed("~", 400, node="")["code"] == "INVALID_NODE"
    assert listed("~", 500, node_job="999999")["code"] == "JOB_ENDED"
    (home / "no folder").unlink()
    (home / "shut").rmdir()
    eventually(lambda: not there.steps(), 20)


def test_a_site_that_lets_nothing_in_is_told_in_its_words(bare_account: Account, tmp_path: Path, slurm: Slurm) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "srun").write_text("#!/bin/sh\necho 'srun: error: --overlap is not allowed here' >&2\nexit 1\n")
    (tools / "srun").chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    (tmp_path / "home").mkdir()
    path = f"PATH={tools}:/usr/bin:/bin SLURM_CONF={slurm.environ['SLURM_CONF']}"
    with (
        login_node(bare_account, tmp_path, slurm, SetEnv=path) as there,
        run_viewer(tmp_path / "local", tmp_path / "home") as viewer,
    ):
        log_in(viewer, there)
        _, code, told = refused(viewer, there.body())
        assert code == "NODE_UNREACHABLE"
        assert "--overlap is not allowed here" in told
        asked = {"connection_id": there.connection_id, "node": there.node, "node_job": there.job}
        told = viewer.get("/api/remote/fs/list", **asked).json()
        assert (told["code"], "--overlap is not allowed here" in told["detail"]) == ("NODE_UNREACHABLE", True)
