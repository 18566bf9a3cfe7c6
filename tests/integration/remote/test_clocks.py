"""A host's own clock, which is wrong or is set while its runs are on show."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import Account
from tests.support.clocks import Clock, own_clock
from tests.support.drawn_sweeps import write_run
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually

from runicorn.storage import layout

RUN = "20261120-000000-00c10c"
AHEAD_SECS = 7200


@pytest.fixture
def clock(bare_account: Account) -> Iterator[Clock]:
    with own_clock(bare_account) as made:
        yield made


@pytest.fixture
def there(bare_account: Account, clock: Clock, tmp_path: Path) -> Iterator[Server]:
    with run_server(bare_account, tmp_path, options={"SetEnv": clock.environ}) as server:
        write_run(server.runs, RUN, {"loss": ([0], [1.0])}, {"name": "silent"}, state="running")
        say(server, time.time())
        yield server


@pytest.fixture
def viewer(there: Server, tmp_path: Path) -> Iterator[Viewer]:
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "local", tmp_path / "home") as running:
        accept(running, connect(running, there.login()))
        yield running


def say(server: Server, moment: float) -> None:
    """Have the run there give a sign of life, as of its own clock."""
    status = server.runs / layout.run_path(RUN, layout.STATUS_FILE)
    draft = status.with_name("draft")
    draft.write_text(json.dumps({"state": "running", "heartbeat_at": layout.iso(moment)}))
    draft.replace(status)
    server.account.give(server.runs)


def source(viewer: Viewer) -> dict[str, Any]:
    there: dict[str, Any] = viewer.get("/api/runs").json()["sources"][1]
    return there


def state(viewer: Viewer) -> str:
    (run,) = viewer.get("/api/runs").json()["runs"]
    return str(run["state"])


def is_ahead(viewer: Viewer, secs: float) -> bool:
    told = source(viewer)["clock_ahead_secs"]
    return told is not None and abs(told - secs) <= 3


def test_a_clock_that_is_set_meanwhile_is_told_and_runs_are_judged_by_it(
    there: Server, viewer: Viewer, clock: Clock
) -> None:
    session = start(viewer, there.login(remote_root=str(there.runs), mode="agent"))
    eventually(lambda: is_ahead(viewer, 0), 20)
    assert state(viewer) == "running"
    clock.set_ahead(AHEAD_SECS)
    eventually(lambda: is_ahead(viewer, AHEAD_SECS), 20)
    # By its own clock it has been silent for ten minutes; by ours, its last sign of life lies ahead.
    say(there, time.time() + AHEAD_SECS - 600)
    eventually(lambda: state(viewer) == "killed", 20)
    say(there, time.time() + AHEAD_SECS)
    eventually(lambda: state(viewer) == "running", 20)
    clock.set_ahead(-AHEAD_SECS)
    eventually(lambda: is_ahead(viewer, -AHEAD_SECS), 20)
    say(there, time.time() - AHEAD_SECS)
    for _ in range(5):
        assert state(viewer) == "running"
        time.sleep(0.2)
    stop(viewer, session)


def test_where_nothing_tells_the_time_nothing_is_said_of_it(there: Server, viewer: Viewer) -> None:
    session = start(viewer, there.login(remote_root=str(there.runs), mode="sftp"))
    eventually(lambda: source(viewer)["state"] == "ready", 20)
    assert source(viewer)["clock_ahead_secs"] is None
    stop(viewer, session)
