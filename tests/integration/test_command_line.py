"""What a person types, and what the terminal answers: one line on what happened, one on what to do."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.support.commands import run
from tests.support.remote import accept, connect
from tests.support.server import Server
from tests.support.serving import Viewer, run_viewer
from tests.support.waiting import eventually_nothing

import runicorn as rn

TIMEOUT_SECS = 30


def test_the_version_is_printed(tmp_path: Path) -> None:
    from runicorn import __version__

    assert run("--version", home=tmp_path).stdout == f"runicorn {__version__}\n"


def test_ctrl_c_while_a_command_is_loaded_leaves_no_traceback(tmp_path: Path) -> None:
    code = """
import runpy, sys
class CtrlC:
    def find_spec(self, name, *rest):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
sys.argv = ["runicorn", "--help"]
runpy.run_module("runicorn", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT_SECS, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(("chosen", "threads"), [(None, "1"), ("4", "4")])
def test_numpy_gets_no_thread_for_each_processor_unless_somebody_wants_them(chosen: str | None, threads: str) -> None:
    code = """
import atexit, os, sys
from runicorn.cli.main import main
atexit.register(lambda: print(os.environ["OPENBLAS_NUM_THREADS"]))
sys.argv = ["runicorn", "--version"]
main()
"""
    environ = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if chosen is not None:
        environ["OPENBLAS_NUM_THREADS"] = chosen
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT_SECS, check=True, env=environ
    )
    assert done.stdout.splitlines()[-1] == threads


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("viewer", "--root", "{file}"), 1, "is not a folder"),
        (("viewer", "--root", "{file}/below"), 1, "lies below a file"),
        (("viewer", "--root", "/proc/nope"), 1, "cannot be created"),
        (("viewer", "--port", "{taken}"), 1, "in use by another program"),
        (("viewer", "--port", "65536"), 2, "is no port"),
        (("viewer", "--port", "abc"), 2, "Invalid value for '--port'"),
        (("viewer", "--host", "192.0.2.1"), 2, "cannot be listened on"),
        (("open", "--", "-oProxyCommand=x"), 2, "is no host name"),
        (("open", "me@nosuch.invalid"), 1, "could not be resolved"),
        (("open", "me@127.0.0.1:0"), 2, "is no port"),
        (("viewr",), 2, "Did you mean"),
    ],
)
def test_bad_input_has_a_clear_answer(tmp_path: Path, words: tuple[str, ...], status: int, said: str) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        values = {"file": str(tmp_path / "file"), "taken": str(taken.getsockname()[1])}
        done = run(*(word.format(**values) for word in words), home=tmp_path)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (status, "")


def test_artifacts_are_listed_and_fetched(tmp_path: Path) -> None:
    root, model = tmp_path / "root", tmp_path / "model.pt"
    with rn.init(root=root, id="run1") as recorded:
        for weights in ("one", "two!"):
            model.write_text(weights)
            recorded.log_artifact(model, type="model", aliases=["best"] if weights == "one" else [])

    def ask(*words: str, elsewhere: bool = False) -> list[list[str]]:
        done = run("artifacts", *words, home=tmp_path, RUNICORN_ROOT=str(tmp_path if elsewhere else root))
        assert (done.returncode, done.stderr) == (0, "")
        return [line.split() for line in done.stdout.splitlines()]

    assert ask()[1][:8] == ["model.pt", "model", "2", "best=v0,", "latest=v1", "4", "bytes", "run1"]
    newest, oldest = ask("list", "model.pt")[1:]
    for words in (("model.pt",), ("--root", str(root), "model.pt"), ("model.pt", "--root", str(root))):
        assert ask(*words, elsewhere=len(words) > 1) == ask("list", "model.pt")
    assert newest[:6] == ["v1", "latest", "1", "4", "bytes", "run1"]
    assert oldest[:6] == ["v0", "best", "1", "3", "bytes", "run1"]
    ask("get", "model.pt:best", "-o", str(tmp_path / "out"))
    assert (tmp_path / "out" / "model.pt").read_text() == "one"
    for words in (("list", "nope"), ("get", "model.pt:v9", "-o", str(tmp_path / "out"))):
        refused = run("artifacts", *words, home=tmp_path, RUNICORN_ROOT=str(root))
        assert (refused.returncode, "ARTIFACT_NOT_FOUND" in refused.stderr) == (1, True)


@pytest.mark.parametrize("name", ["RUNICORN_TUNNEL", "RUNICORN_CONNECTOR"])
def test_a_wrong_environment_variable_is_named(tmp_path: Path, name: str) -> None:
    done = run("viewer", home=tmp_path, **{name: "pigeon"})
    assert (done.returncode, name in done.stderr) == (2, True)


def test_the_viewer_ends_by_ctrl_c_without_a_word(tmp_path: Path) -> None:
    with run_viewer(tmp_path / "root", tmp_path) as viewer:
        viewer.process.send_signal(signal.SIGINT)
        assert viewer.process.wait(TIMEOUT_SECS) == 0
        assert viewer.process.stderr
        assert viewer.process.stderr.read() == ""


def open_command(server: Server) -> list[str]:
    target = f"{server.account.username}@127.0.0.1:{server.sshd.port}"
    where = ["--key", str(server.key), "--root", str(server.runs), "--no-browser"]
    return [sys.executable, "-m", "runicorn", "open", target, *where]


def test_open_shows_the_server_until_ctrl_c_and_leaves_nothing(server: Server, viewer: Viewer, tmp_path: Path) -> None:
    accept(viewer, connect(viewer, server.login()))
    environment = {**os.environ, "HOME": str(tmp_path), "RUNICORN_HOME": str(tmp_path / "home" / "runicorn")}
    with subprocess.Popen(
        open_command(server), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().split()[-1]
        assert httpx.get(f"{url}/api/health").json()["root"] == str(server.runs)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECS) == 0
        printed = process.stderr.read()
    for stage in ("name", "host key", "login", "start", "tunnel", "ready"):
        assert f"{stage} ok" in printed
    assert "environments" not in printed  # an agent needs none
    eventually_nothing(server.traces, 3)


def test_open_without_a_terminal_never_accepts_a_host_key(server: Server, tmp_path: Path) -> None:
    done = run(*open_command(server)[3:], home=tmp_path)
    assert done.returncode == 1
    assert "Host key verification failed" in done.stderr
    assert not (tmp_path / "runicorn" / "known_hosts").exists()


@pytest.mark.parametrize("answer", ["127.0.0.1", "yes"])
def test_open_asks_a_person_about_the_host_key(server: Server, tmp_path: Path, answer: str) -> None:
    """Only the host's name typed in full is a yes."""
    terminal, child_side = pty.openpty()
    environment = {**os.environ, "HOME": str(tmp_path), "RUNICORN_HOME": str(tmp_path / "runicorn")}
    process = subprocess.Popen(
        open_command(server), env=environment, stdin=child_side, stdout=subprocess.PIPE, stderr=child_side, text=True
    )
    os.close(child_side)
    try:
        os.write(terminal, f"{answer}\n".encode())
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("Remote viewer: http://localhost:") == (answer == "127.0.0.1")
        if answer == "127.0.0.1":
            process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECS) == (0 if answer == "127.0.0.1" else 1)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert (tmp_path / "runicorn" / "known_hosts").exists() == (answer == "127.0.0.1")
