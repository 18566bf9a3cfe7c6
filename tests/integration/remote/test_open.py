"""`runicorn open` as a person and as a script use it: every way it can end, and what it says on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.commands import TIMEOUT_SECS, command, environment, run
from tests.support.link import run_link
from tests.support.server import ENVIRONMENT, Server
from tests.support.serving import tunnel_folders
from tests.support.waiting import eventually, eventually_nothing

SLEEPING_SSH = '#!/bin/sh\n[ "$1" = -G ] && exec ssh "$@"\nexec sleep 600\n'

# In the server's environment: holds up every start of its Python for as long as the file is there.
HOLD = "import os, time\nwhile os.path.exists({hold!r}): time.sleep(0.05)\n"


@pytest.fixture(autouse=True)
def folders() -> Iterator[None]:
    """No folder of a tunnel may be left; that of one which was not open yet goes with the pipe to its `ssh`."""
    before = tunnel_folders()
    yield
    eventually_nothing(lambda: tunnel_folders() - before, 3)


def known(server: Server, home: Path, port: int | None = None) -> None:
    """Have the server's key accepted."""
    (home / "runicorn").mkdir(parents=True, exist_ok=True)
    (home / "runicorn" / "known_hosts").write_text(f"[127.0.0.1]:{port or server.sshd.port} {server.sshd.host_key()}\n")


def words(server: Server, *more: str, port: int | None = None) -> list[str]:
    """Return the command that opens a server: by its viewer, where one is installed."""
    target = f"{server.account.username}@127.0.0.1:{port or server.sshd.port}"
    installed = ["--env", ENVIRONMENT] if server.python.exists() else []
    return ["open", target, "--no-browser", "--key", str(server.key), "--root", str(server.runs), *installed, *more]


@contextmanager
def running(
    home: Path, arguments: list[str], *, stdin: int = subprocess.DEVNULL, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(*arguments),
        env=environment(home, **environ),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(stream: Any, beginning: str) -> str:
    """Return the next line that contains this; fail at the end of the stream."""
    for line in stream:
        if beginning in line:
            return str(line)
    raise AssertionError(f"{beginning!r} was never said")


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout
    return map(json.loads, process.stdout)


def until(stream: Iterator[dict[str, Any]], event: str) -> dict[str, Any]:
    return next(each for each in stream if each["event"] == event)


def test_a_script_reads_each_stage_the_address_and_the_end(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    with running(tmp_path, words(server, "--json")) as process:
        stream = events(process)
        stages = []
        for event in stream:
            if event["event"] != "stage":
                break
            stages.append((event["name"], event["state"]))
        names = ("resolve", "tcp", "host_key", "login", "environments", "start", "tunnel", "ready")
        assert stages == [(name, "done") for name in names]
        assert event["event"] == "ready"
        assert (event["root"], event["environment"], event["tunnel"]) == (str(server.runs), "ml", "openssh")
        health = httpx.get(f"{event['url']}/api/health").json()
        assert health["session_id"] == event["session_id"]
        process.send_signal(signal.SIGINT)
        assert [each["event"] for each in stream] == ["stopped"]
        assert process.wait(TIMEOUT_SECS) == 0
        assert process.stderr
        assert process.stderr.read() == ""
    eventually_nothing(server.traces, 3)


def test_a_failure_is_told_with_code_next_step_and_the_end_of_the_log(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    done = run(*words(server, "--root", "/no/such/folder"), home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    said = done.stderr.splitlines()
    assert any(line.lstrip().startswith("start failed ") for line in said)
    log = said[said.index("The end of the log:") : -2]
    assert any("Z  start failed in " in line for line in log)
    assert said[-2] == "runicorn: The folder /no/such/folder does not exist on the server. (REMOTE_ROOT_MISSING)"
    assert said[-1].startswith("  Browse to")

    quiet = run(*words(server, "--root", "/no/such/folder", "--quiet"), home=tmp_path)
    assert "login ok" not in quiet.stderr
    assert "(REMOTE_ROOT_MISSING)" in quiet.stderr

    scripted = run(*words(server, "--root", "/no/such/folder", "--json"), home=tmp_path)
    assert (scripted.returncode, scripted.stderr) == (1, "")
    last = json.loads(scripted.stdout.splitlines()[-1])
    assert (last["event"], last["code"]) == ("failed", "REMOTE_ROOT_MISSING")
    assert last["detail"]
    assert last["hint"]
    assert any("start failed" in line["text"] for line in last["log"])


def test_an_environment_that_is_not_there_is_told_before_anything_starts(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    arguments = [each for each in words(server, "--env", "mll") if each not in ("--root", str(server.runs))]
    done = run(*arguments, home=tmp_path)
    assert done.returncode == 1
    assert "environments failed" in done.stderr
    assert "(ENVIRONMENT_NOT_FOUND)" in done.stderr


def test_a_link_that_breaks_is_told_and_so_is_its_return(server: Server, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link:
        known(server, tmp_path, link.port)
        with running(tmp_path, words(server, port=link.port)) as process:
            url = next_line(process.stdout, "Remote viewer: ").split()[-1]
            link.down()
            lost = next_line(process.stderr, "The link to the server is lost")
            assert lost == "The link to the server is lost: the SSH connection ended; it is being restored.\n"
            link.accept()
            assert next_line(process.stderr, "The link is back after ").endswith(" s.\n")
            assert httpx.get(f"{url}/api/health").status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_SECS) == 0
        eventually_nothing(server.traces, 3)


def test_a_link_that_cannot_come_back_ends_it_with_the_reason(server: Server, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link:
        known(server, tmp_path, link.port)
        with running(tmp_path, words(server, "--json", port=link.port), RUNICORN_SESSION_GRACE_SECS="1") as process:
            stream = events(process)
            until(stream, "ready")
            (server.sshd.folder / "keys" / server.account.username).write_text("")
            link.cut()
            assert until(stream, "lost")["detail"].startswith("the link to the server is lost")
            failed = until(stream, "failed")
            assert failed["code"] == "AUTH_FAILED"
            assert any("AUTH_FAILED" in line["text"] for line in failed["log"])
            assert process.wait(TIMEOUT_SECS) == 1
        eventually_nothing(server.traces, 6)


def test_at_a_terminal_a_refused_login_is_tried_again_when_the_person_says_so(server: Server, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link:
        known(server, tmp_path, link.port)
        terminal, theirs = os.openpty()
        with running(tmp_path, words(server, port=link.port), stdin=theirs) as process:
            os.close(theirs)
            url = next_line(process.stdout, "Remote viewer: ").split()[-1]
            keys = server.sshd.folder / "keys" / server.account.username
            accepted = keys.read_text()
            keys.write_text("")
            link.cut()
            next_line(process.stderr, "Press Enter to log in again.")
            keys.write_text(accepted)
            assert httpx.get(f"{url}/api/health").json()["code"] == "LINK_DOWN"
            os.write(terminal, b"\n")
            next_line(process.stderr, "The link is back after ")
            assert httpx.get(f"{url}/api/health").status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_SECS) == 0
        os.close(terminal)
        eventually_nothing(server.traces, 3)


# --- Ctrl-C at each stage -------------------------------------------------------------------------------------------


@contextmanager
def holding_tcp(server: Server, tmp_path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The queue of connections is full, so that the next one's SYN is dropped, as a firewall would."""
    with ExitStack() as stack:
        hole = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(hole.getsockname())
        yield words(server, port=hole.getsockname()[1]), {}


@contextmanager
def holding_host_key(server: Server, tmp_path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Somebody who accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        yield words(server, port=mute.getsockname()[1]), {}


@contextmanager
def holding_environments(server: Server, tmp_path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """A login shell that does not get through its start file."""
    hold, bashrc = server.account.home / "hold", server.account.home / ".bashrc"
    hold.touch()
    bashrc.write_text("while [ -e ~/hold ]; do sleep 0.1; done\n")
    try:
        yield words(server), {}
    finally:
        hold.unlink()
        bashrc.unlink()


@contextmanager
def holding_start(server: Server, tmp_path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """A Python that takes its time."""
    hold = server.account.home / "hold"
    hold.touch()
    (site,) = server.python.parents[1].glob("lib/python3*/site-packages")
    (site / "hold.py").write_text(HOLD.format(hold=str(hold)))
    (site / "hold.pth").write_text("import hold\n")
    try:
        yield words(server), {}
    finally:
        hold.unlink()
        (site / "hold.pth").unlink()
        (site / "hold.py").unlink()


@contextmanager
def holding_tunnel(server: Server, tmp_path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """An `ssh` that never logs in."""
    ssh = tmp_path / "ssh"
    ssh.write_text(SLEEPING_SSH)
    ssh.chmod(0o755)
    yield words(server), {"RUNICORN_SSH_PATH": str(ssh)}


@pytest.mark.parametrize(
    ("holding", "after"),
    [
        (holding_tcp, "name ok"),
        (holding_host_key, "TCP ok"),
        (holding_environments, "login ok"),
        (holding_start, "environments ok"),
        (holding_tunnel, "start ok"),
    ],
)
def test_ctrl_c_at_each_stage_ends_it_and_leaves_nothing(
    holding: Callable[..., Any], after: str, server: Server, tmp_path: Path
) -> None:
    with holding(server, tmp_path) as (arguments, environ):
        target = arguments[1]
        known(server, tmp_path, int(target.rsplit(":", 1)[1]))
        with running(tmp_path, arguments, **environ) as process:
            next_line(process.stderr, after)
            process.send_signal(signal.SIGINT)
            shown, said = process.communicate(timeout=TIMEOUT_SECS)
            assert (process.returncode, shown) == (130, ""), said
            assert "Traceback" not in said
    eventually_nothing(server.traces, 5)


def test_ctrl_c_while_the_link_is_down_ends_it(server: Server, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link:
        known(server, tmp_path, link.port)
        with running(tmp_path, words(server, port=link.port), RUNICORN_SESSION_GRACE_SECS="1") as process:
            next_line(process.stdout, "Remote viewer: ")
            link.down()
            next_line(process.stderr, "The link to the server is lost")
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_SECS) == 0
        eventually(lambda: not server.processes(), 10, "the grace period")


def test_a_server_with_nothing_installed_is_opened_as_well(growing: Server, tmp_path: Path) -> None:
    known(growing, tmp_path)
    with running(tmp_path, words(growing, "--json")) as process:
        ready = until(events(process), "ready")
        assert (ready["mode"], ready["environment"], ready["tunnel"]) == ("agent", None, None)
        eventually(lambda: httpx.get(f"{ready['url']}/api/runs").json()["runs"], 10, "the run")
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECS) == 0
    eventually_nothing(growing.traces, 3)


def test_a_server_that_shows_files_only_is_opened_where_its_runs_usually_are(
    files_only: Server, tmp_path: Path
) -> None:
    known(files_only, tmp_path)
    target = f"{files_only.account.username}@127.0.0.1:{files_only.sshd.port}"
    arguments = ["open", target, "--no-browser", "--key", str(files_only.key), "--json"]
    with running(tmp_path, arguments) as process:
        failed = until(events(process), "failed")
        assert failed["code"] == "REMOTE_ROOT_MISSING"
        assert "runicorn_data" in failed["detail"]
    (files_only.runs.parent / "runicorn_data").symlink_to("runs")
    with running(tmp_path, arguments) as process:
        ready = until(events(process), "ready")
        assert ready["mode"] == "sftp"
        assert httpx.get(f"{ready['url']}/api/runs").json()["runs"]
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECS) == 0
