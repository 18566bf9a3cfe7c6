"""rn.open_root("ssh://HOST/PATH") gives what the folder gives on its own machine, and tells what is in the way."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.accounts import Account
from tests.support.asking import run_asking
from tests.support.commands import environment
from tests.support.link import Link, run_link
from tests.support.opened_roots import ONLY_SFTP, known, record, told, url, without_ssh_of_ones_own
from tests.support.server import Server, run_server
from tests.support.waiting import eventually, eventually_nothing

import runicorn as rn
from runicorn.errors import (
    AuthFailedError,
    ConnectError,
    HostKeyConfirmationError,
    InteractionRequiredError,
    InvalidQueryError,
    MetricNotFoundError,
    NoCredentialsError,
    NotConnectedError,
    RemoteRootMissingError,
    RunicornError,
    RunNotFoundError,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_ssh_of_ones_own(tmp_path / "me", monkeypatch)


@pytest.fixture(params=["agent", "sftp"])
def host(request: pytest.FixtureRequest, bare_account: Account, tmp_path: Path, home: Path) -> Iterator[Server]:
    """A server on which nothing is installed, where commands run or SFTP alone does; its key was accepted."""
    with run_server(bare_account, tmp_path, options=ONLY_SFTP if request.param == "sftp" else {}) as server:
        known(server, home)
        yield server


@pytest.fixture
def server(bare: Server, home: Path) -> Server:
    known(bare, home)
    return bare


def test_runs_points_and_tables_are_those_of_the_folder_itself(host: Server) -> None:
    polars_testing = pytest.importorskip("polars.testing")
    pandas = pytest.importorskip("pandas")
    record(host)
    with rn.open_root(host.runs) as here, rn.open_root(url(host), key=str(host.key)) as there:
        ours, theirs = there.runs(), here.runs()
        assert [run.name for run in ours] == [run.name for run in theirs]
        assert sorted(run.name for run in ours) == ["exp", "run0", "run1", "run2"]
        assert [repr(told(run)) for run in ours] == [repr(told(run)) for run in theirs]
        for query in ("", "config.lr < 0.05", "last.loss ~ nan", "not summary.best = 1"):
            assert [run.id for run in there.runs(query)] == [run.id for run in here.runs(query)], query
            pandas.testing.assert_frame_equal(there.to_pandas(query), here.to_pandas(query))
            polars_testing.assert_frame_equal(there.to_polars(query), here.to_polars(query))
        assert [run.name for run in there.runs(project="vision/exp1", state="finished")] == ["run1"]
        run, same = there.run("run1"), here.run("run1")
        for wide in (False, True):
            pandas.testing.assert_frame_equal(run.to_pandas(wide=wide), same.to_pandas(wide=wide))
            polars_testing.assert_frame_equal(run.to_polars(wide=wide), same.to_polars(wide=wide))
        assert run.series("loss").to_numpy().tobytes() == same.series("loss").to_numpy().tobytes()
        with pytest.raises(MetricNotFoundError):
            run.series("nothing")
        with pytest.raises(RunNotFoundError):
            there.run("nobody")
        with pytest.raises(InvalidQueryError):
            there.runs("config.lr <")
        assert there.runs("host:127.0.0.1")
        assert str(there.path) == str(host.runs)
    eventually_nothing(host.sshd_children, 5)


def test_the_home_folder_is_a_tilde(server: Server) -> None:
    record(server, 1)
    with rn.open_root(url(server, f"/~/{server.runs.name}"), key=str(server.key)) as root:
        assert str(root.path) == str(server.runs)
        assert "run0" in {run.name for run in root.runs()}
    with pytest.raises(RemoteRootMissingError, match="not-there"):
        rn.open_root(url(server, "/~/not-there"), key=str(server.key))
    eventually_nothing(server.sshd_children, 5)


def test_points_that_are_logged_later_are_there(growing: Server, home: Path) -> None:
    known(growing, home)
    with rn.open_root(url(growing), key=str(growing.key)) as root:
        found = eventually(root.runs)[0]
        # A run is as it was when it was asked for; its series are as they are now.
        eventually(lambda: "acc" in root.run(found.id).metrics, what="the first point")
        run = root.run(found.id)
        before = len(run.series("acc"))
        eventually(lambda: len(run.series("acc")) > before + 10)
        assert root.run(run.id).state == "running"


def test_a_host_whose_key_nobody_accepted_is_not_entered(bare: Server) -> None:
    with pytest.raises(HostKeyConfirmationError, match="is not known yet: SHA256:") as caught:
        rn.open_root(url(bare), key=str(bare.key))
    assert "runicorn doctor ssh://" in caught.value.hint
    assert "logged in" not in str(bare.traces())
    eventually_nothing(bare.sshd_children, 5)


def test_a_wrong_key_is_refused_with_a_next_step(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    with pytest.raises(AuthFailedError):
        rn.open_root(url(server), key=str(other), ask=False)
    with pytest.raises((NoCredentialsError, AuthFailedError, InteractionRequiredError)) as caught:
        rn.open_root(url(server))
    assert caught.value.hint


def asking_url(port: int) -> str:
    return f"ssh://me@127.0.0.1:{port}/~/data"


def accept(port: int, home: Path) -> None:
    scan = ["ssh-keyscan", "-p", str(port), "-t", "ed25519", "127.0.0.1"]
    done = subprocess.run(scan, capture_output=True, text=True, check=True)
    with (home / "runicorn" / "known_hosts").open("a") as file:
        file.write(done.stdout)


def test_a_password_is_asked_for_by_the_function_in_the_thread_of_who_opens(home: Path) -> None:
    asked = []
    with run_asking(["Password: "], ["Verification code: "]) as asking:
        accept(asking.port, home)

        def ask(prompt: str) -> str:
            asked.append((prompt, threading.current_thread()))
            return asking.password if "Password" in prompt else asking.codes[0]

        with pytest.raises(RunicornError):  # behind the login, this server has nothing
            rn.open_root(asking_url(asking.port), ask=ask)
        assert asking.logins == 1
    prompts = [prompt for prompt, _ in asked]
    assert prompts == ["127.0.0.1 asks: Password: ", "127.0.0.1 asks: Verification code: "]
    assert {thread for _, thread in asked} == {threading.current_thread()}


def test_several_hosts_ask_one_after_the_other(home: Path) -> None:
    under_way, most, threads = 0, 0, set()
    with run_asking(["Password: "]) as one, run_asking(["Password: "]) as two:
        for asking in (one, two):
            accept(asking.port, home)

        def ask(prompt: str) -> str:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            threads.add(threading.current_thread())
            time.sleep(0.3)
            under_way -= 1
            return one.password  # both have the same one

        with pytest.raises(RunicornError):  # behind the login, these servers have nothing
            rn.open_root([asking_url(one.port), asking_url(two.port)], ask=ask)
        assert (one.logins, two.logins) == (1, 1)
    assert (most, threads) == (1, {threading.current_thread()})


def test_a_wrong_answer_is_a_refused_login(home: Path) -> None:
    with run_asking(["Password: "]) as asking:
        accept(asking.port, home)
        with pytest.raises(AuthFailedError) as caught:
            rn.open_root(asking_url(asking.port), ask=lambda prompt: "not it")
        assert asking.logins == 0
        assert "not it" not in f"{caught.value.detail} {caught.value.hint}"


def test_where_nobody_can_be_asked_it_says_how(home: Path) -> None:
    with run_asking(["Password: "]) as asking:
        accept(asking.port, home)
        for ask in (None, False):
            with pytest.raises((InteractionRequiredError, NoCredentialsError, AuthFailedError)) as caught:
                rn.open_root(asking_url(asking.port), ask=ask)
            assert "ask=getpass.getpass" in caught.value.hint
        assert asking.typed == []


def test_a_question_that_is_not_answered_ends_the_login(home: Path) -> None:
    def leave(prompt: str) -> str:
        raise KeyboardInterrupt

    with run_asking(["Password: "]) as asking:
        accept(asking.port, home)
        with pytest.raises(KeyboardInterrupt):
            rn.open_root(asking_url(asking.port), ask=leave)
        eventually(lambda: asking.lost == asking.visits, 5, "the end of the connection")


def test_a_typed_password_is_typed_once_also_when_the_link_broke(server: Server, link: Link) -> None:
    record(server, 1)
    asked = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return server.account.password

    with rn.open_root(url(server, port=link.port), ask=ask) as root:
        run = root.run("run0")
        link.cut()
        assert len(run.series("loss")) == 51
        assert root.runs()
    assert asked == [f"127.0.0.1 asks: Password for {server.account.username}@127.0.0.1: "]
    assert server.account.password not in repr(vars(root._way))


def test_a_login_that_is_refused_while_the_link_is_made_again_is_not_repeated(server: Server, link: Link) -> None:
    record(server, 1)
    with rn.open_root(url(server, port=link.port), key=str(server.key)) as root:
        run = root.run("run0")
        (server.sshd.folder / "keys" / server.account.username).write_text("")
        link.cut()
        for _ in range(3):
            assert isinstance(refusal(lambda: run.series("loss")), AuthFailedError)
    assert server.sshd.log.count("Failed publickey") == 1


@pytest.fixture
def link(server: Server, home: Path) -> Iterator[Link]:
    with run_link(server.sshd.port) as running:
        known(server, home, running.port)
        yield running


def refusal(ask: Callable[[], Any]) -> RunicornError:
    """Return what ask() raises. Until a break is noticed on this side, what was told before it may be answered."""

    def refused() -> RunicornError | None:
        try:
            ask()
        except RunicornError as error:
            return error
        return None

    return eventually(refused)


def test_a_link_that_broke_is_made_again_by_the_next_call(server: Server, link: Link) -> None:
    record(server, 2)
    with rn.open_root(url(server, port=link.port), key=str(server.key)) as root:
        before = [told(run) for run in root.runs()]
        run = root.run("run0")
        link.cut()
        assert len(run.series("loss")) == 51
        server.kill_sshd_children()
        assert [repr(told(run)) for run in root.runs()] == [repr(each) for each in before]
        link.down()
        error = refusal(lambda: run.series("acc"))
        assert isinstance(error, ConnectError)
        assert error.hint
        link.accept()
        assert len(run.series("acc")) == 51
    eventually_nothing(server.sshd_children, 5)


def test_a_link_that_breaks_while_it_is_read_costs_nothing(server: Server, link: Link) -> None:
    record(server, 3)
    with rn.open_root(url(server, port=link.port), key=str(server.key)) as root:
        run = root.run("run1")
        first = {process.pid for process in server.sshd_children()}
        # What is asked goes out, and the answer never comes.
        link.rtt_secs = 0.4
        cutting = threading.Timer(0.1, link.cut)
        cutting.start()
        assert len(run.series("loss")) == 51
        cutting.join()
        eventually_nothing(lambda: first & {process.pid for process in server.sshd_children()}, 5)
        assert server.sshd_children()


@pytest.mark.waits
def test_a_link_that_goes_silent_is_given_up_in_time(server: Server, link: Link) -> None:
    record(server, 1)
    root = rn.open_root(url(server, port=link.port), key=str(server.key))
    run = root.run("run0")
    link.stall()
    began = time.monotonic()
    with pytest.raises(RunicornError):
        run.series("loss")
    assert time.monotonic() - began < 45
    began = time.monotonic()
    root.close()
    assert time.monotonic() - began < 10
    link.resume()


def test_a_closed_root_says_so(server: Server) -> None:
    record(server, 1)
    root = rn.open_root(url(server), key=str(server.key))
    run = root.run("run0")
    root.close()
    root.close()
    with pytest.raises(NotConnectedError, match="was closed"):
        run.series("loss")
    eventually_nothing(server.sshd_children, 5)


def test_a_root_that_nobody_holds_any_more_leaves_nothing(server: Server) -> None:
    record(server, 1)
    root = rn.open_root(url(server), key=str(server.key))
    run = root.run("run0")
    del root
    gc.collect()
    assert len(run.series("loss")) == 51  # whoever holds a run holds on to its root
    assert server.sshd_children()
    del run
    gc.collect()
    eventually_nothing(server.sshd_children, 5)


@pytest.mark.parametrize("connector", ["paramiko", "ssh"])
def test_a_program_that_ends_without_closing_ends_at_once(connector: str, server: Server, home: Path) -> None:
    record(server, 1)
    code = (
        "import runicorn as rn, sys, time\n"
        f"root = rn.open_root({url(server)!r}, key={str(server.key)!r})\n"
        "print(len(root.run('run0').series('loss')), time.time(), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(home, RUNICORN_CONNECTOR=connector),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ended_at = time.time()
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    count, said_at = done.stdout.split()
    assert count == "51"
    assert ended_at - float(said_at) < 6
    eventually_nothing(server.sshd_children, 5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_leaves_the_connection_to_its_parent(server: Server, home: Path) -> None:
    record(server, 1)
    code = (
        "import os, sys, runicorn as rn\n"
        f"root = rn.open_root({url(server)!r}, key={str(server.key)!r})\n"
        "run = root.run('run0')\n"
        "if not (child := os.fork()):\n"
        "    try:\n"
        "        run.series('loss')\n"
        "    except rn.RunicornError as error:\n"
        "        sys.exit(7 if error.code == 'NOT_CONNECTED' else 8)\n"
        "    sys.exit(9)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(run.series('loss')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("7 51\n", 0), done.stderr
