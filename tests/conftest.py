"""What tests of every kind may ask for."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.support")

# A shell has what it runs in the background ignore Ctrl-C, and all that this starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.support.accounts import Account, make_account  # noqa: E402
from tests.support.server import (  # noqa: E402
    Server,
    build_wheel,
    make_server_account,
    run_server,
    somebody_training,
)
from tests.support.serving import Viewer, run_viewer  # noqa: E402
from tests.support.sshd import find_sshd  # noqa: E402


@pytest.fixture(scope="session")
def server_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A Unix user with an environment that has this checkout's wheel."""
    _require_a_server()
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    with make_server_account(wheel) as account:
        yield account


@pytest.fixture
def server(server_account: Account, tmp_path: Path) -> Iterator[Server]:
    """A server that this test has for itself."""
    with run_server(server_account, tmp_path, host_keys=("ed25519", "ecdsa", "rsa")) as running:
        yield running


@pytest.fixture(scope="session")
def bare_account() -> Iterator[Account]:
    """A Unix user with nothing but a home. (The Python of the system is there, without our packages.)"""
    _require_a_server()
    with make_account() as account:
        yield account


@pytest.fixture
def bare(bare_account: Account, tmp_path: Path) -> Iterator[Server]:
    with run_server(bare_account, tmp_path) as running:
        yield running


@pytest.fixture
def growing(bare: Server) -> Iterator[Server]:
    """A bare server with a run that grows, written by somebody else's environment."""
    with somebody_training(bare):
        yield bare


@pytest.fixture
def files_only(bare_account: Account, tmp_path: Path) -> Iterator[Server]:
    """A server that lets this user see one folder only, by SFTP; a run grows there."""
    # Above what a user is confined to, nobody else may write, which rules out all that lies in /tmp.
    seen = Path(tempfile.mkdtemp(prefix="runicorn-seen-", dir="/var/lib"))
    seen.chmod(0o755)
    confined = {"ForceCommand": "internal-sftp", "ChrootDirectory": str(seen)}
    try:
        with run_server(bare_account, tmp_path, options=confined) as server:
            server.runs = seen / "runs"
            server.runs.mkdir()
            with somebody_training(server):
                yield server
    finally:
        shutil.rmtree(seen)


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Viewer]:
    """A local viewer with an empty root and nothing known."""
    (tmp_path / "home").mkdir()
    with run_viewer(tmp_path / "local-root", tmp_path / "home") as running:
        yield running


def _require_a_server() -> None:
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("needs root: makes a Unix user")
    if not find_sshd():
        pytest.skip("needs sshd: apt-get install openssh-server")
