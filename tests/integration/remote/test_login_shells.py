"""Every login shell, each with a start file that does what start files on shared servers do."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.support.accounts import Account, make_account
from tests.support.remote import accept, connect, start, stop
from tests.support.server import ENVIRONMENT, Server, run_server
from tests.support.serving import run_viewer
from tests.support.sshd import make_key, run_sshd

# What each shell reads before a command that comes over SSH.
START_FILES = {
    "bash": ".bashrc",
    "dash": None,
    "zsh": ".zshenv",
    "fish": ".config/fish/config.fish",
    "tcsh": ".tcshrc",
}

NOISE = """
head -c 1000000 /dev/zero | tr '\\0' x
echo
echo '<<<0123456789abcdef{"environments": []}0123456789abcdef>>>'
sh -c 'echo module load noise >&2'
cd /tmp
"""
SLOW_SECS = 5

# Shells that can be told to end at the first command that fails.
STOP_AT_ERRORS = ("bash", "zsh")


def noise(shell: str) -> str:
    """Return a start file: a megabyte of text, something like an answer of ours, another folder, stop at errors."""
    return NOISE + ("set -e\n" if shell in STOP_AT_ERRORS else "")


def write_start_file(account: Account, shell: str, text: str) -> None:
    file = START_FILES[shell]
    if file:
        path = account.home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextlib.contextmanager
def account_with(shell: str, server_account: Account) -> Iterator[Account]:
    """Make a user with this login shell, who shares the other user's environment."""
    with make_account(shell) as made:
        (made.home / "venvs").mkdir()
        (made.home / "venvs" / ENVIRONMENT).symlink_to(server_account.home / "venvs" / ENVIRONMENT)
        yield made


@pytest.fixture(params=sorted(START_FILES))
def account(request: pytest.FixtureRequest, server_account: Account) -> Iterator[tuple[str, Account]]:
    shell = shutil.which(request.param)
    if not shell:
        pytest.skip(f"needs {request.param}: apt-get install {request.param}")
    with account_with(shell, server_account) as made:
        write_start_file(made, request.param, noise(request.param))
        yield request.param, made


def said_by(server: Server, command: str) -> str:
    """Return what a plain `ssh HOST command` prints."""
    known = ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "IdentityAgent=none"]
    where = ["-i", str(server.key), "-p", str(server.sshd.port), f"{server.account.username}@127.0.0.1"]
    done = subprocess.run(["ssh", "-F", "none", *known, *where, command], capture_output=True, text=True, check=False)
    return done.stdout


def assert_noise_is_there(server: Server, shell: str) -> None:
    """Require that the start file does to a plain `ssh` what it is there for."""
    said = said_by(server, "pwd; false; echo goes on")
    assert len(said) > 1_000_000
    *_, marker, folder = [line for line in said.splitlines() if line != "goes on"]
    assert marker == '<<<0123456789abcdef{"environments": []}0123456789abcdef>>>'
    assert folder == "/tmp"
    assert said.endswith("goes on\n") != (shell in STOP_AT_ERRORS)


def test_a_noisy_login_shell_changes_nothing(account: tuple[str, Account], tmp_path: Path) -> None:
    shell, user = account
    with ExitStack() as stack:
        server = stack.enter_context(run_server(user, tmp_path))
        if START_FILES[shell]:
            assert_noise_is_there(server, shell)
        (tmp_path / "home").mkdir()
        viewer = stack.enter_context(run_viewer(tmp_path / "root", tmp_path / "home"))
        accept(viewer, connect(viewer, server.login()))
        connection_id = connect(viewer, server.login()).json()["connection_id"]

        environments = viewer.get("/api/remote/conda-envs", connection_id=connection_id).json()["envs"]
        assert [each["name"] for each in environments if each["is_default"]] == [ENVIRONMENT], shell
        listing = viewer.get("/api/remote/fs/list", connection_id=connection_id).json()
        assert listing["path"] == str(user.home)
        assert "venvs" in [item["name"] for item in listing["items"]]
        session = start(viewer, server.login(remote_root=str(server.runs)))
        assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
        assert stop(viewer, session).json()["ok"] is True


def test_a_start_file_that_takes_its_time_is_waited_for_in_every_shell(server_account: Account, tmp_path: Path) -> None:
    """All shells at once, on one server and one viewer, because each of them waits twice."""
    shells = {name: shutil.which(name) for name, file in START_FILES.items() if file}
    missing = [name for name, shell in shells.items() if not shell]
    if missing:
        pytest.skip(f"needs {' '.join(missing)}: apt-get install {' '.join(missing)}")
    key = make_key(tmp_path / "id_slow")
    (tmp_path / "home").mkdir()
    with ExitStack() as stack:
        sshd = stack.enter_context(run_sshd())
        viewer = stack.enter_context(run_viewer(tmp_path / "root", tmp_path / "home"))

        def use(user: Account) -> None:
            login = {"host": "127.0.0.1", "port": sshd.port, "username": user.username, "private_key_path": str(key)}
            connection_id = connect(viewer, login).json()["connection_id"]
            answer = viewer.get("/api/remote/conda-envs", connection_id=connection_id).json()
            assert ENVIRONMENT in [each["name"] for each in answer["envs"]]
            session = start(viewer, {**login, "remote_root": str(user.home / "runs"), "mode": "viewer"})
            assert httpx.get(f"{session['url']}/api/health").json()["session_id"] == session["sessionId"]
            assert stop(viewer, session).json()["ok"] is True

        users = []
        for name, shell in shells.items():
            user = stack.enter_context(account_with(str(shell), server_account))
            write_start_file(user, name, f"sleep {SLOW_SECS}\necho waited >> ~/waits\n")
            (user.home / "runs").mkdir()
            user.give(user.home)
            sshd.authorize(user.username, key.with_suffix(".pub"))
            users.append(user)
        accept(viewer, connect(viewer, {"host": "127.0.0.1", "port": sshd.port, "username": users[0].username}))
        with ThreadPoolExecutor(len(users)) as pool:
            list(pool.map(use, users))
        # Each command found its shell waiting: the one for the environments, and the one that became the viewer.
        assert [(user.home / "waits").read_text().split() for user in users] == [["waited", "waited"]] * len(shells)
