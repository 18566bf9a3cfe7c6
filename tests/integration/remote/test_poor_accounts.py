"""Accounts that may do next to nothing: a run is seen growing in each, and nothing is made over there."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.remote.test_bare_servers import seen_growing
from tests.support.accounts import Account, make_account
from tests.support.other_servers import SFTP_SERVER
from tests.support.remote import accept, connect, start, stop
from tests.support.server import Server, run_server, somebody_training
from tests.support.serving import Viewer
from tests.support.waiting import eventually_nothing

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes Unix users, and mounts")
Login = Callable[[Account, Path], contextlib.AbstractContextManager[Server]]
# Whatever runs over there runs in this; SFTP's own program is a command as well, then.
FORCED = {"Subsystem": f"sftp {SFTP_SERVER}"}
CHANGING = (
    *("mkdir", "mknod", "creat(", "rename", "link", "symlink", "unlink", "truncate", "chmod", "chown", "utime"),
    *("bind(", "listen("),
)


@contextlib.contextmanager
def read_only_home(account: Account, folder: Path) -> Iterator[Server]:
    """A home that is full, or lies on a disk that was mounted read-only: this user writes nothing there."""
    with run_server(account, folder) as server:
        os.chown(account.home, 0, 0)
        try:
            yield server
        finally:
            os.chown(account.home, account.uid, -1)


@contextlib.contextmanager
def few_processes(account: Account, folder: Path) -> Iterator[Server]:
    """A login node that lets each user have 64 processes, which numpy's own threads would be enough for."""
    forced = 'ulimit -u 64; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    with run_server(account, folder, options={**FORCED, "ForceCommand": forced}) as server:
        yield server


@contextlib.contextmanager
def no_programs_in_tmp(account: Account, folder: Path) -> Iterator[Server]:
    place = Path(tempfile.mkdtemp(prefix="noexec-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,size=1m,mode=1777", "runicorn-test", str(place)], check=True)
    try:
        with run_server(account, folder, options={"SetEnv": f"TMPDIR={place}"}) as server:
            yield server
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


@contextlib.contextmanager
def busybox(account: Account, folder: Path) -> Iterator[Server]:
    """An image of a container: its only shell is busybox."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        shell = Path(name) / "sh"
        shell.symlink_to(str(shutil.which("busybox")))
        with make_account(str(shell)) as other, run_server(other, folder) as server:
            yield server


@needs_root
@pytest.mark.parametrize("mode", ["agent", "sftp"])
@pytest.mark.parametrize("login", [read_only_home, few_processes, no_programs_in_tmp, busybox])
def test_a_run_is_seen_growing(login: Login, mode: str, bare_account: Account, viewer: Viewer, tmp_path: Path) -> None:
    with login(bare_account, tmp_path) as server, somebody_training(server):
        accept(viewer, connect(viewer, server.login()))
        session = start(viewer, server.login(remote_root=str(server.runs), mode=mode))
        assert session["mode"] == mode
        seen_growing(session["url"])
        stop(viewer, session)
        eventually_nothing(server.traces, 5)


@needs_root
@pytest.mark.parametrize("mode", ["agent", "sftp"])
def test_no_file_is_made_over_there_and_no_port_bound(
    mode: str, bare_account: Account, viewer: Viewer, tmp_path: Path
) -> None:
    """strace of all that a whole session has this user's processes do, from the login shell on."""
    traces = Path(tempfile.mkdtemp(prefix="traces-"))
    traces.chmod(0o777)
    forced = f'exec strace -f -qq -s 300 -o {traces}/$$ /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    try:
        with (
            run_server(bare_account, tmp_path, options={**FORCED, "ForceCommand": forced}) as server,
            somebody_training(server),
        ):
            accept(viewer, connect(viewer, server.login()))
            session = start(viewer, server.login(remote_root=str(server.runs), mode=mode))
            seen_growing(session["url"])
            stop(viewer, session)
            eventually_nothing(server.traces, 5)
        lines = [line for trace in traces.iterdir() for line in trace.read_text(errors="replace").splitlines()]
        calls = [line.split(None, 1)[1] for line in lines]
        # Of SFTP's server, which lets nobody look into its memory, no path is shown.
        assert sum(call.startswith("open") for call in calls) > 20
        for call in calls:
            assert not call.startswith(CHANGING), call
            assert "/dev/null" in call or not any(word in call for word in ("O_CREAT", "O_WRONLY", "O_RDWR")), call
    finally:
        shutil.rmtree(traces)
