"""`runicorn runs` as a person and as a script use it, on this machine and on real servers."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.remote.test_questions_in_a_terminal import terminal
from tests.support.accounts import Account
from tests.support.commands import command, environment, run
from tests.support.link import run_link
from tests.support.server import Server, run_server
from tests.support.terminal import EAGER, started
from tests.support.waiting import eventually, eventually_nothing

import runicorn as rn

ONLY_SFTP = {"ForceCommand": "internal-sftp"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNICORN_HOME", str(tmp_path / "recording"))
    record(tmp_path / "root", "here", 3)
    return tmp_path / "root"


def record(root: Path, name: str, count: int) -> None:
    for number in range(count):
        with rn.init("p", name=f"{name}{number}", root=root, config={"lr": 0.1 * (number + 1)}) as recorded:
            recorded.log({"loss": 1 / (number + 3)})


@pytest.fixture(params=["agent", "sftp"])
def host(request: pytest.FixtureRequest, bare_account: Account, tmp_path: Path, root: Path) -> Iterator[Server]:
    with run_server(bare_account, tmp_path, options=ONLY_SFTP if request.param == "sftp" else {}) as server:
        record(server.runs, "there", 2)
        server.account.give(server.runs)
        yield server


@pytest.fixture
def server(bare: Server, root: Path) -> Server:
    record(bare.runs, "there", 2)
    bare.account.give(bare.runs)
    return bare


def known(server: Server, home: Path, port: int | None = None) -> None:
    (home / "runicorn").mkdir(parents=True, exist_ok=True)
    with (home / "runicorn" / "known_hosts").open("a") as file:
        file.write(f"[127.0.0.1]:{port or server.sshd.port} {server.sshd.host_key()}\n")


def place(server: Server, port: int | None = None) -> str:
    return f"ssh://{server.account.username}@127.0.0.1:{port or server.sshd.port}{server.runs}"


def names(stdout: str) -> list[str]:
    return [each["name"] for each in json.loads(stdout)["runs"]]


def test_the_runs_of_the_usual_root_are_listed(root: Path, tmp_path: Path) -> None:
    done = run("runs", home=tmp_path, RUNICORN_ROOT=str(root))
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = [line.split() for line in done.stdout.splitlines()]
    assert head == ["state", "name", "created", "config.lr", "summary.loss"]
    assert [row[1] for row in rows] == ["here2", "here1", "here0"]
    assert [row[4] for row in rows] == ["0.3", "0.2", "0.1"]
    assert "\x1b" not in done.stdout


def test_they_are_chosen_sorted_and_told_exactly(root: Path, tmp_path: Path) -> None:
    def ask(*words: str) -> str:
        done = run("runs", str(root), *words, home=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    assert names(ask("--json", "--sort", "config.lr", "--order", "asc")) == ["here0", "here1", "here2"]
    assert names(ask("--json", "--order", "asc")) == ["here0", "here1", "here2"]
    assert names(ask("--json", "--sort", "min.loss")) == ["here0", "here1", "here2"]
    assert names(ask("--json", "--query", "config.lr < 0.25", "--limit", "1")) == ["here1"]
    assert names(ask("--json", "--query", "nothing")) == []
    (row,) = csv.DictReader(io.StringIO(ask("--csv", "--columns", "min.loss,config.lr", "-q", "here2")))
    assert (float(row["min.loss"]), float(row["config.lr"])) == (1 / 5, 0.1 * 3)
    table = ask("--columns", "min.loss", "--sort", "name")
    assert table.splitlines()[0].split() == ["state", "name", "min.loss"]


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_shows_states_in_color_unless_nobody_wants_it(
    no_color: bool, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rn.init("p", name="broken", root=root).finish("failed")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    with started(*command("runs", str(root)), home=tmp_path, on_terminal=True) as running:
        assert running.end() == 0
        assert ("\x1b[31mfailed" in running.stderr) == (not no_color)
        assert "here2" in running.stderr
        assert max(map(len, running.screen)) < 200


def test_names_of_all_letters_are_printed_whatever_the_terminal_knows(root: Path, tmp_path: Path) -> None:
    record(root, "日本-", 1)
    for words in ((), ("--csv",), ("--json",)):
        done = subprocess.run(
            command("runs", str(root), *words),
            env=environment(tmp_path, PYTHONIOENCODING="ascii"),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.count(b"here") == 3
        assert words != ("--csv",) or "日本-0" in done.stdout.decode()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--query", "config.lr <"), "INVALID_QUERY"),
        (("--sort", "colour"), "cannot be sorted by 'colour'"),
        (("--order", "up"), "is no order"),
        (("--columns", "colour"), "'colour' is no column"),
        (("--json", "--csv"), "Both --json and --csv"),
        (("--limit", "0"), "Invalid value"),
        (("--state", "asleep"), "is no state"),
        (("gpu-7:2222",), "names a port and no folder"),
    ],
)
def test_a_wrong_call_is_told_and_answers_nothing(
    words: tuple[str, ...], said: str, root: Path, tmp_path: Path
) -> None:
    done = run("runs", *words, home=tmp_path, RUNICORN_ROOT=str(root))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_root_without_runs_says_so_beside_the_answer(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("runs", str(tmp_path / "empty"), home=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "There are no such runs.\n")


def test_a_host_tells_what_its_folder_tells(host: Server, tmp_path: Path) -> None:
    known(host, tmp_path)
    far = run("runs", place(host), "--json", "--key", str(host.key), home=tmp_path)
    near = run("runs", str(host.runs), "--json", home=tmp_path)
    assert (far.returncode, far.stderr, near.returncode) == (0, "", 0)
    theirs, ours = json.loads(far.stdout), json.loads(near.stdout)
    assert [each.pop("host") for each in theirs["runs"]] == ["127.0.0.1"] * 2
    for each in ours["runs"]:
        each.pop("host")
    assert theirs == ours
    assert len(ours["runs"]) == 2
    for words in (["--csv", "--columns", "config.lr"], ["--columns", "config.lr,min.loss"]):
        far, near = (
            run("runs", each, *words, "--key", str(host.key), home=tmp_path) for each in (place(host), str(host.runs))
        )
        assert far.stdout.replace("127.0.0.1", os.uname().nodename) == near.stdout
    eventually_nothing(host.traces, 5)


def test_a_name_of_the_ssh_config_and_a_path_are_a_place(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(
        f"Host gpu-7\n HostName 127.0.0.1\n Port {server.sshd.port}\n User {server.account.username}\n"
        f" IdentityFile {server.key}\n"
    )
    done = run("runs", f"gpu-7:{server.runs.name}", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [(each["name"], each["host"]) for each in json.loads(done.stdout)["runs"]] == [
        ("there1", "gpu-7"),
        ("there0", "gpu-7"),
    ]


def test_a_host_that_is_down_leaves_the_others(server: Server, root: Path, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link:
        known(server, tmp_path, link.port)
        words = ["runs", place(server, link.port), str(root), "--key", str(server.key)]
        done = run(*words, home=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        head, *rows = [line.split() for line in done.stdout.splitlines()]
        assert head[:3] == ["state", "name", "host"]
        assert [row[1] for row in rows] == ["there1", "there0", "here2", "here1", "here0"]
        assert [row[2] for row in rows] == ["127.0.0.1"] * 2 + [os.uname().nodename] * 3
        link.down()
        done = run(*words, "--json", home=tmp_path)
        assert done.returncode == 1
        assert "(CONNECTION_REFUSED)" in done.stderr
        told = json.loads(done.stdout)
        assert [each["name"] for each in told["runs"]] == ["here2", "here1", "here0"]
        assert [(each["place"], each["code"]) for each in told["failed"]] == [
            (place(server, link.port), "CONNECTION_REFUSED")
        ]


def test_an_unknown_host_key_is_an_error_for_a_script_and_a_question_for_a_person(
    server: Server, tmp_path: Path
) -> None:
    words = ["runs", place(server), "--key", str(server.key), "--json"]
    done = run(*words, home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "(HOST_KEY_CONFIRMATION_REQUIRED)" in done.stderr
    assert "runicorn doctor ssh://" in done.stderr
    with terminal(words, tmp_path) as me:
        me.type_at("to accept this key: ", "127.0.0.1\n")
        stdout, _ = me.process.communicate(timeout=60)
        assert me.process.returncode == 0
        assert names(stdout) == ["there1", "there0"]
    assert run(*words, home=tmp_path).returncode == 0
    with terminal([*words, "--batch"], tmp_path / "another") as me:
        assert me.end() == 1


def test_a_password_is_asked_for_on_the_terminal_and_nowhere_else(server: Server, tmp_path: Path) -> None:
    known(server, tmp_path)
    words = ["runs", place(server), "--json"]
    done = run(*words, home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    with terminal(words, tmp_path) as me:
        me.type_at(f"asks: Password for {server.account.username}@127.0.0.1: ", f"{server.account.password}\n")
        stdout, _ = me.process.communicate(timeout=60)
        assert (me.process.returncode, names(stdout)) == (0, ["there1", "there0"])
        assert server.account.password not in me.said
    with terminal(words, tmp_path) as me:
        me.type_at("127.0.0.1: ", "\x03")
        assert me.end() == 130
        assert me.said.endswith("runicorn: stopped.\n")
    eventually_nothing(server.sshd_children, 10)


def interrupted(words: list[str], home: Path, ready: Any) -> tuple[int, str, str, float]:
    """Return exit code, output and errors of a command that gets Ctrl-C once it is `ready`, and how long that took."""
    process = subprocess.Popen(
        command(*words),
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(ready, 20)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        return process.returncode, stdout, stderr, time.monotonic() - began
    finally:
        process.kill()


def test_how_far_it_is_stands_on_a_terminal_and_nowhere_else(server: Server, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link:
        known(server, tmp_path, link.port)
        link.rtt_secs = 0.1
        words = [sys.executable, "-c", EAGER, "runs", place(server, link.port), "--key", str(server.key), "--json"]
        with started(*words, home=tmp_path) as running:
            assert running.process.stdout
            assert names(running.process.stdout.read()) == ["there1", "there0"]
            assert running.end() == 0
            assert "connecting to 127.0.0.1, 0 of 1 host" in running.stderr
            assert running.screen == []
        done = subprocess.run(words, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=True)
        assert (names(done.stdout), done.stderr) == (["there1", "there0"], "")


@pytest.mark.parametrize("when", ["connecting", "reading"])
def test_ctrl_c_ends_it_at_once_and_leaves_nothing(when: str, server: Server, tmp_path: Path) -> None:
    with run_link(server.sshd.port) as link:
        known(server, tmp_path, link.port)
        link.rtt_secs = 1.0 if when == "connecting" else 0.5
        words = ["runs", place(server, link.port), "--key", str(server.key)]

        def ready() -> bool:
            agents = [each for each in server.processes() if "-IBuc" in each]
            return bool(agents if when == "reading" else link.pairs)

        code, stdout, stderr, secs = interrupted(words, tmp_path, ready)
        assert (code, stdout, stderr) == (130, "", "runicorn: stopped.\n")
        assert secs < 8
        eventually_nothing(server.sshd_children, 10)


def test_who_has_read_enough_ends_it(root: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("runs", str(root)), env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 0
