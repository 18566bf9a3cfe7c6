"""Every login shell, each with a start file that does what start files on shared servers do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.support.accounts import Account, make_account
from tests.support.remote import accept, connect, start, stop
from tests.support.server import ENVIRONMENT, Server, run_server
from tests.support.serving import run_viewer

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
echo 'module load noise' >&2 ERR
cd /tmp
"""


def noise(shell: str) -> str:
    """Return a start file: a megabyte of text, something like an answer of ours, another folder, stop at errors."""
    if shell == "tcsh":  # has no way to write to standard error alone
        return NOISE.replace(" >&2 ERR", "")
    return NOISE.replace(" ERR", "") + ("set -e\n" if shell in ("bash", "zsh") else "")


@pytest.fixture(params=sorted(START_FILES))
def account(request: pytest.FixtureRequest, server_account: Account) -> Iterator[tuple[str, Account]]:
    """A user with this login shell, who shares the other user's environment."""
    shell = shutil.which(request.param)
    if not shell:
        pytest.skip(f"needs {request.param}: apt-get install {request.param}")
    with make_account(shell) as made:
        (made.home / "venvs").mkdir()
        (made.home / "venvs" / ENVIRONMENT).symlink_to(server_account.home / "venvs" / ENVIRONMENT)
        start_file = START_FILES[request.param]
        if start_file:
            path = made.home / start_file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(noise(request.param))
        yield request.param, made


def said_by(server: Server) -> int:
    """Return how many bytes a plain `ssh HOST true` prints."""
    known = ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "IdentityAgent=none"]
    where = ["-i", str(server.key), "-p", str(server.sshd.port), f"{server.account.username}@127.0.0.1"]
    return len(subprocess.run(["ssh", "-F", "none", *known, *where, "true"], capture_output=True, check=True).stdout)


def test_a_noisy_login_shell_changes_nothing(account: tuple[str, Account], tmp_path: Path) -> None:
    shell, user = account
    with ExitStack() as stack:
        server = stack.enter_context(run_server(user, tmp_path))
        assert (said_by(server) > 1_000_000) == (START_FILES[shell] is not None)  # the noise is really there
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


def test_a_start_file_that_takes_its_time_is_waited_for(server_account: Account, tmp_path: Path) -> None:
    start_file = server_account.home / ".bashrc"
    start_file.write_text("sleep 5\n")
    try:
        with run_server(server_account, tmp_path) as server:
            (tmp_path / "home").mkdir()
            with run_viewer(tmp_path / "root", tmp_path / "home") as viewer:
                accept(viewer, connect(viewer, server.login()))
                connection_id = connect(viewer, server.login()).json()["connection_id"]
                answer = viewer.get("/api/remote/conda-envs", connection_id=connection_id).json()
                assert ENVIRONMENT in [each["name"] for each in answer["envs"]]
    finally:
        start_file.unlink()
