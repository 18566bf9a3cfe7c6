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
from tests.support.server import SERVER_PYTHON, run_server
from tests.support.serving import Viewer
from tests.support.waiting import eventually, eventually_nothing

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
        eventually_nothing(server.processes, 5)
        assert not list(Path("/").glob("pwned")) + list(account.home.rglob("pwned"))


def test_an_interpreter_of_these_would_leave_a_mark(account: Account, fifty: Fifty) -> None:
    usable = next(each for each in fifty.listed if each.error is None)
    with psutil.Popen([usable.path], user=account.uid, cwd="/", stdin=subprocess.DEVNULL) as process:
        eventually(fifty.mark.exists)
        process.kill()


@pytest.fixture
def hidden(account: Account) -> Path:
    """An environment that is nowhere searched: two folders deeper than any pattern, with a copy of runicorn's mark."""
    folder = account.home / "work" / "deep" / "er" / "project's $env"
    subprocess.run([SERVER_PYTHON, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "runicorn-0.8.0.dist-info").mkdir()
    account.give(account.home / "work")
    return folder


def test_an_environment_that_is_nowhere_searched_is_found_by_its_path(
    account: Account, hidden: Path, viewer: Viewer, tmp_path: Path
) -> None:
    below = hidden.relative_to(account.home)
    with run_server(account, tmp_path) as server:
        accept(viewer, connect(viewer, server.login()))
        connection_id = connect(viewer, server.login()).json()["connection_id"]
        envs = viewer.get("/api/remote/conda-envs", connection_id=connection_id).json()["envs"]
        assert str(hidden / "bin" / "python") not in [each["path"] for each in envs]
        for typed in (
            str(hidden),
            str(hidden / "bin" / "python3"),
            f"{hidden}/",
            f"~/{below}",
            f"~{account.username}/{below}",
            f"$HOME/{below}",
            "$HOME/work/deep/../deep/er/" + hidden.name,
        ):
            envs = viewer.get("/api/remote/conda-envs", connection_id=connection_id, conda_env=typed).json()["envs"]
            told = next(each for each in envs if each["name"] == typed)
            assert Path(told["path"]).parent == hidden / "bin", typed
            assert (told["type"], told["runicorn_version"], told["error"]) == ("virtualenv", "0.8.0", None)
            answer = viewer.get("/api/remote/config", connection_id=connection_id, conda_env=typed)
            assert answer.json()["runicornVersion"] == "0.8.0", answer.text


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("/nowhere/at/all", "it has no Python: /nowhere/at/all does not exist"),
        ("~/empty", "it has no Python: {home}/empty/bin/python does not exist"),
        ("some/where", "it is no absolute path"),
        ("$NOWHERE/env", "it is no absolute path"),
        ("~/pipe", "it has no Python: {home}/pipe is no file"),
        ("/; touch {home}/harmed", "it has no Python: /; touch {home}/harmed does not exist"),
        ("/$(touch {home}/harmed)`touch {home}/harmed`", None),
    ],
)
def test_a_path_without_an_environment_says_what_is_there_instead(
    typed: str, reason: str | None, account: Account, viewer: Viewer, tmp_path: Path
) -> None:
    (account.home / "empty").mkdir()
    os.mkfifo(account.home / "pipe")
    account.give(account.home)
    typed = typed.format(home=account.home)
    with run_server(account, tmp_path) as server:
        accept(viewer, connect(viewer, server.login()))
        assert connect(viewer, server.login()).status_code == 200
        body = server.login(remote_root=str(server.runs), conda_env=typed)
        answer = viewer.post("/api/remote/viewer/start", body)
        assert (answer.status_code, answer.json()["code"]) == (500, "ENVIRONMENT_UNUSABLE"), answer.text
        if reason is not None:
            assert reason.format(home=account.home) in answer.json()["detail"]
    assert not (account.home / "harmed").exists()
