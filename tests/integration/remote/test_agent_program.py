"""The agent's program on every Python of this machine, without a server between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests.support.agents import (
    ShellConnection,
    assert_reads_as_here,
    assert_replaces_whole,
    make_odd_root,
    pythons,
    run_agent,
)
from tests.support.pyramids import Run
from tests.support.waiting import eventually

from runicorn.errors import LoginShellRefusedError, NoPythonError
from runicorn.model import Axis
from runicorn.remote.server.agent import client, command
from runicorn.sources.host_files import HostFiles
from runicorn.storage.files import Condensing, LocalFiles, Range
from runicorn.storage.series import Window

PYTHONS = pythons()
on_each_python = pytest.mark.parametrize("version", PYTHONS)


@pytest.fixture
def by_python(monkeypatch: pytest.MonkeyPatch) -> Any:
    def choose(*paths: str) -> None:
        monkeypatch.setattr(command, "_PYTHONS", paths)

    return choose


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_odd_root(tmp_path_factory.mktemp("root"))


@on_each_python
def test_it_answers_as_files_of_this_machine_do(version: str, by_python: Any, root: Path) -> None:
    by_python(PYTHONS[version])
    with run_agent() as agent:
        hello = agent.hello(str(root))
        assert (hello.what, hello.root, hello.error) == (f"agent on Python {whole(version)}", str(root), None)
        assert_reads_as_here(agent, root, lambda entry: entry)
        (below, too_long) = HostFiles(agent).stats(["runs/one/run.json/below", "x" * 300])
        assert (below, too_long) == (None, None)


@on_each_python
def test_a_small_file_is_written_anew_or_is_as_it_was(version: str, by_python: Any, tmp_path: Path) -> None:
    by_python(PYTHONS[version])
    with run_agent() as agent:
        agent.hello(str(tmp_path))
        assert_replaces_whole(agent, tmp_path)


def whole(version: str) -> str:
    """Return a version with its last number."""
    told = subprocess.run([PYTHONS[version], "-V"], capture_output=True, text=True, check=True).stdout
    return told.split()[1]


@on_each_python
def test_what_is_urgent_does_not_wait_for_what_is_much(version: str, by_python: Any, tmp_path: Path) -> None:
    by_python(PYTHONS[version])
    with (tmp_path / "large").open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(2**20))
    with run_agent() as agent:
        agent.hello(str(tmp_path))
        done: list[bytes] = []
        bulk = threading.Thread(target=lambda: done.extend(agent.fetch([("large", 0, None)], urgency=9, pack=False)[0]))
        bulk.start()
        meanwhile = 0
        while bulk.is_alive() and meanwhile < 20:
            assert agent.stats(["large"])[0][2] == 64 * 2**20
            meanwhile += not done
        bulk.join()
        assert done == [(tmp_path / "large").read_bytes()]
        assert meanwhile >= 2


@on_each_python
def test_long_series_are_condensed_to_the_bit_as_here(version: str, by_python: Any, tmp_path: Path) -> None:
    by_python(PYTHONS[version])
    run = Run(tmp_path)
    run.keys("loss", "lr")
    values = np.random.default_rng(1).normal(size=(4, 60_000)) * 10.0 ** np.arange(-3, 1).reshape(4, 1)
    values[1, ::700] = np.nan
    for block in values:  # one metric, two in turns, and steps that go back
        run.append(run.rows(np.arange(60_000) % (1 + (block[0] > 0)), np.arange(60_000), block))
    answers = []
    with run_agent() as agent:
        agent.hello(str(tmp_path))
        for files in (LocalFiles(tmp_path), HostFiles(agent)):
            found = run.ask(run.store(files=files), ["loss", "lr"], Window(Axis.STEP, 200)).metrics
            answers.append({name: buckets.rows.tobytes() for name, buckets in found.items()})
    assert answers[0] == answers[1]
    assert set(answers[0]) == {"loss", "lr"}


def test_what_cannot_be_condensed_is_told_by_file_and_the_others_are(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.append(run.rows(0, np.arange(20_000), 1.0))
    (run.path / "damaged.bin").write_bytes(
        run.rows(0, np.arange(20_000), 1.0).tobytes()[: 5000 * 32 + 7] + bytes(10**5)
    )
    (run.path / "noise.bin").write_bytes(bytes(10**6))
    os.mkfifo(run.path / "pipe.bin")
    names = ("metrics.bin", "damaged.bin", "noise.bin", "pipe.bin", "not-there.bin")
    with run_agent() as agent:
        agent.hello(str(run.path))
        wishes = [Condensing(name, 10**6, 512, 64, 8) for name in names]
        made, (read,) = HostFiles(agent).condense(wishes, [Range("metrics.bin", 0, 32)])
        assert read == (run.path / "metrics.bin").read_bytes()[:32]
    assert [each and (each.offset, len(each.rows) // 144) for each in made] == [
        (20_000 * 32, 39), (5000 * 32, 9), None, None, None,
    ]  # fmt: skip


def test_what_is_condensed_holds_up_nothing_urgent_and_takes_little_memory(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for number in range(20):
        run.append(run.rows(np.arange(50_000) % 200, np.arange(50_000) + number * 50_000, 1.0))
    wish = Condensing("metrics.bin", 32 * 10**6, 512, 64, 8)
    with run_agent() as agent:
        process = psutil.Process(agent.hello(str(run.path)).pid)
        done: list[Any] = []
        bulk = threading.Thread(target=lambda: done.append(HostFiles(agent).condense([wish], [])))
        bulk.start()
        meanwhile = 0
        while bulk.is_alive() and meanwhile < 20:
            assert agent.stats(["metrics.bin"])[0][2] == 32 * 10**6
            meanwhile += not done
        bulk.join()
        assert done[0][0][0].offset == 32 * 10**6
        assert meanwhile >= 5
        assert process.memory_info().rss < 60 * 2**20


@on_each_python
def test_it_writes_no_file_and_opens_no_port(version: str, by_python: Any, root: Path, tmp_path: Path) -> None:
    traced = tmp_path / "python3"
    traced.write_text(f'#!/bin/sh\nexec strace -f -qq -o {tmp_path}/trace {PYTHONS[version]} "$@"\n')
    traced.chmod(0o755)
    by_python(str(traced))
    with run_agent() as agent:
        agent.hello(str(root))
        far = HostFiles(agent)
        far.look(["runs/one"])
        assert not isinstance(far.fetch([Range("runs/one/metrics.bin")])[0], OSError)
    calls = [line.split(None, 1)[1] for line in (tmp_path / "trace").read_text(errors="replace").splitlines()]
    assert any("metrics.bin" in call for call in calls)
    changing = (
        "mkdir",
        "mknod",
        "creat(",
        "rename",
        "link",
        "symlink",
        "unlink",
        "truncate",
        "chmod",
        "chown",
        "utime",
    )
    for call in calls:
        assert not call.startswith((*changing, "bind(", "listen(", "socket(", "fork", "vfork", "clone")), call
        assert "O_CREAT" not in call, call
        assert "O_WRONLY" not in call, call
        assert "O_RDWR" not in call, call


def test_it_ends_when_nobody_has_said_a_word_for_its_lease(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_WORD_EVERY_SECS", 1000.0)
    with run_agent() as agent:
        process = psutil.Process(agent.hello(str(root), lease_secs=2).pid)
        began = time.monotonic()
        eventually(lambda: not agent.alive, 10, "the agent's channel")
        assert time.monotonic() - began > 1
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        with pytest.raises(ConnectionResetError):
            agent.names("")


def test_words_keep_it_alive_for_longer_than_its_lease(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_WORD_EVERY_SECS", 0.2)
    with run_agent() as agent:
        agent.hello(str(root), lease_secs=1)
        time.sleep(2.5)
        assert agent.names("runs") == ["one"]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_who_waits_for_an_answer_is_told_when_it_is_killed(ending: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2**20))
    with run_agent() as agent:
        pid = agent.hello(str(tmp_path)).pid
        failed: list[OSError] = []

        def ask_on() -> None:
            try:
                while True:
                    agent.fetch([("large", 0, None)])
            except OSError as error:
                failed.append(error)

        asking = threading.Thread(target=ask_on)
        asking.start()
        os.kill(pid, ending)
        asking.join(10)
        assert isinstance(failed[0], ConnectionResetError)


def test_it_is_gone_with_its_input(root: Path) -> None:
    connection = ShellConnection()
    with run_agent(connection) as agent:
        process = psutil.Process(agent.hello(str(root)).pid)
    assert not process.is_running()
    assert connection.processes[0].child.returncode == 0


def test_a_python_that_is_too_old_or_broken_is_passed_over(by_python: Any, root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho Could not find platform independent libraries >&2\nexit 1\n")
    broken.chmod(0o755)
    old = tmp_path / "old"  # what Python 2 does with an option that it does not know
    old.write_text("#!/bin/sh\nexit 2\n")
    old.chmod(0o755)
    by_python(str(tmp_path / "missing"), str(broken), str(old), "/usr/bin/python3")
    with run_agent() as agent:
        assert agent.hello(str(root)).error is None


def test_without_any_python_it_says_so(by_python: Any) -> None:
    by_python("/not/there", shutil.which("false"))
    with pytest.raises(NoPythonError, match=r"No Python of version 3\.6 or newer"), run_agent():
        pass


def test_where_no_command_runs_it_says_what_was_said_instead() -> None:
    connection = ShellConnection(before="echo 'This service allows sftp connections only.'; exit 1; ")
    with (
        pytest.raises(LoginShellRefusedError, match="This service allows sftp connections only"),
        run_agent(connection),
    ):
        pass


def test_what_start_files_print_is_no_answer(root: Path) -> None:
    noise = "printf 'Welcome\\n%s\\0\\377' \"$(head -c 300000 /dev/zero | tr '\\0' x)\"; "
    with run_agent(ShellConnection(before=noise)) as agent:
        assert agent.hello(str(root)).error is None


def test_start_files_cannot_change_what_runs(root: Path, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    with run_agent(ShellConnection({"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere"})) as agent:
        assert agent.hello(str(root)).error is None


def test_a_root_is_opened_as_a_person_types_it(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with run_agent(ShellConnection({"HOME": str(tmp_path), "DATA": str(tmp_path)})) as agent:
        for typed in ("runs", "~/runs", "$HOME/runs", "${DATA}/runs", f"{tmp_path}/runs/"):
            assert agent.hello(typed).root == f"{tmp_path}/runs"
        error = agent.hello("~/missing").error
        assert isinstance(error, FileNotFoundError)
        assert isinstance(agent.hello("/etc/passwd").error, NotADirectoryError)


def test_it_is_a_small_guest(root: Path) -> None:
    with run_agent() as agent:
        process = psutil.Process(agent.hello(str(root)).pid)
        far = HostFiles(agent)
        far.look(["many"])
        far.fetch([Range("runs/one/metrics.bin")])
        far.condense([Condensing("runs/one/metrics.bin", 1_600_000, 512, 64, 8)], [])
        assert process.nice() >= 10
        assert process.num_threads() == 1
        assert process.memory_info().rss < 30 * 2**20
        assert process.cwd() == "/"
    assert len(command.packed_program()) < 20 * 1024


def test_the_command_is_short_enough_for_every_login_shell() -> None:
    assert len(command.command("f" * 16)) < 1000
    for shell in ("dash", "bash", "zsh", "fish", "tcsh", "busybox sh"):
        done = subprocess.run(
            [*shell.split(), "-c", command.command("f" * 16)],
            input=command.packed_program(), capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.stdout, done.returncode) == (b"f" * 16 + b"\n", 0), (shell, done.stderr)
