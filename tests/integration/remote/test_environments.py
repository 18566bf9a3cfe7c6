"""The environments of a real home, over a real link: every one is found, told truly, and left alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from tests.support.accounts import Account, make_account
from tests.support.environments import COUNT, Fifty, fifty_environments
from tests.support.link import run_link
from tests.support.remote import accept, connect
from tests.support.server import eventually, run_server
from tests.support.serving import Viewer

RTT_SECS = 0.1


@pytest.fixture
def account() -> Iterator[Account]:
    if os.geteuid() != 0:
        pytest.skip("needs root: makes a Unix user")
    with make_account() as made:
        yield made


@pytest.fixture
def fifty(account: Account) -> Iterator[Fifty]:
    with fifty_environments(account) as built:
        yield built


def test_fifty_environments_are_listed_as_they_are_and_none_is_started(
    account: Account, fifty: Fifty, viewer: Viewer, tmp_path: Path
) -> None:
    with run_server(account, tmp_path) as server, run_link(server.sshd.port, RTT_SECS) as link:
        body = {**server.login(), "port": link.port}
        accept(viewer, connect(viewer, body))
        connection_id = connect(viewer, body).json()["connection_id"]
        answer = viewer.get("/api/remote/conda-envs", connection_id=connection_id)
        assert answer.status_code == 200, answer.text
        envs = answer.json()["envs"]

        here = {each["path"]: each for each in envs if each["path"].startswith(f"{account.home}/")}
        assert len(here) == COUNT
        for expected in fifty.listed:
            told = dict(here[expected.path])
            del told["is_default"]
            assert told == asdict(expected)
        assert all(each["path"].startswith("/") for each in envs)
        names = [each["name"] for each in envs]
        assert len(set(names)) == len(names)
        (default,) = (each for each in envs if each["is_default"])
        assert (default["error"], bool(default["runicorn_version"])) == (None, True)

        for each in envs:  # and each is found again by its name
            config = viewer.get("/api/remote/config", connection_id=connection_id, conda_env=each["name"]).json()
            assert config["condaEnv"] == each["name"]
            assert config["pythonVersion"] == f"Python {each['python_version']}"
            assert config["runicornVersion"] == each["runicorn_version"]
        assert not fifty.mark.exists()
        assert server.processes() == {}
        assert not list(Path("/").glob("pwned")) + list(account.home.rglob("pwned"))


def test_an_interpreter_of_these_would_leave_a_mark(account: Account, fifty: Fifty) -> None:
    usable = next(each for each in fifty.listed if each.error is None)
    with psutil.Popen([usable.path], user=account.uid, cwd="/", stdin=subprocess.DEVNULL) as process:
        eventually(fifty.mark.exists)
        process.kill()
