"""Reading a root by SFTP alone, from the server program of OpenSSH, without a server between."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.agents import ShellConnection, assert_reads_as_here, assert_replaces_whole, make_odd_root, run_sftp
from tests.support.other_servers import SFTP_SERVER
from tests.support.waiting import eventually

from runicorn.errors import SessionLimitError, SftpUnavailableError
from runicorn.remote.server.inbox import Outbox
from runicorn.remote.server.sftp import client as sftp
from runicorn.remote.server.sftp.lane import Lane
from runicorn.remote.server.sftp.lanes import Lanes
from runicorn.remote.server.sftp.packets import Packets
from runicorn.sources.host_files import HostFiles
from runicorn.storage.files import FileStat, Range


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_odd_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(params=["one channel", "two channels"], autouse=True)
def channels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Everything holds before there is a second channel, or where there is none, and as soon as there is one."""
    if request.param == "one channel":
        monkeypatch.setattr(Lanes, "widen_behind", lambda lanes, folder: None)
        return 1
    monkeypatch.setattr(Lanes, "widen_behind", Lanes.widen)
    return 2


def as_told(entry: FileStat) -> tuple[Any, ...]:
    """Return what SFTP tells of a file: no inode, and times in whole seconds."""
    return entry.name, entry.is_dir, entry.size_bytes, entry.mtime_ns // 10**9, entry.is_link


def test_it_answers_as_files_of_this_machine_do(root: Path) -> None:
    with run_sftp() as reader:
        hello = reader.hello(str(root))
        assert (hello.root, hello.error, hello.pid) == (str(root), None, 0)
        assert_reads_as_here(reader, root, as_told)


def test_a_small_file_is_written_anew_or_is_as_it_was(tmp_path: Path) -> None:
    with run_sftp() as reader:
        reader.hello(str(tmp_path))
        assert_replaces_whole(reader, tmp_path)


@pytest.mark.parametrize("size", [0, 1, 32_767, 32_768, 32_769, 9 * 2**20 + 5])
def test_files_of_every_size_come_whole(size: int, tmp_path: Path) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    with run_sftp() as reader:
        reader.hello(str(tmp_path))
        files = HostFiles(reader)
        assert files.read("file") == data
        assert files.read("file", size // 2, size) == data[size // 2 :]


def test_a_file_that_changes_within_a_second_is_never_taken_for_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    file.write_text("1")
    with run_sftp() as reader:
        reader.hello(str(tmp_path))
        files = HostFiles(reader)
        first = files.stat("status.json")
        file.write_text("2")  # as long, and in the same second
        assert files.stat("status.json") != first
        # Once it can have changed no more, it is the same at each look.
        eventually(lambda: files.stat("status.json") == files.stat("status.json"), 6)
        calm = files.stat("status.json")
        assert files.list("")[0] == calm
        os.utime(file, (1, 1_600_000_000))
        assert files.stat("status.json") == files.stat("status.json") != calm


@pytest.mark.parametrize("size", [0, 5, 40_000, 3_000_000])
def test_a_file_that_changed_since_it_was_looked_at_is_read_as_it_is(size: int, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(50_000))
    with run_sftp() as reader:
        reader.hello(str(tmp_path))
        files = HostFiles(reader)
        assert files.list("")[0].size_bytes == 50_000
        file.write_bytes(data := os.urandom(size))
        assert files.fetch([Range("file"), Range("file", 3, 100_000)]) == [data, data[3:100_003]]


def test_what_lies_in_the_place_of_a_file_since_it_was_looked_at_is_told(tmp_path: Path) -> None:
    for name in ("gone", "folder"):
        (tmp_path / name).write_text("x")
    with run_sftp() as reader:
        reader.hello(str(tmp_path))
        files = HostFiles(reader)
        files.list("")
        for name in ("gone", "folder"):
            (tmp_path / name).unlink()
        (tmp_path / "folder").mkdir()
        gone, folder = files.fetch([Range("gone"), Range("folder")])
        assert isinstance(gone, FileNotFoundError)
        assert isinstance(folder, IsADirectoryError)


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], int]:
    """How many times something is sent for a question: what follows on one another, whatever is under way beside it."""
    sent: list[bytes] = []
    send = Outbox.send
    monkeypatch.setattr(Outbox, "send", lambda outbox, data: (sent.append(data), send(outbox, data))[1])

    def sends_for(ask: Callable[[], Any]) -> int:
        sent.clear()
        ask()
        return len(sent)

    return sends_for


def test_questions_of_a_call_are_sent_together(
    root: Path, channels: int, sends: Callable[[Callable[[], Any]], int]
) -> None:
    with run_sftp() as reader:
        # What closes is sent by itself, and not waited for.
        # That of the second channel: to open it, and to see how handles are told.
        assert sends(lambda: reader.hello(str(root))) == (2 if channels == 1 else 4)
        assert sends(lambda: reader.stats(["runs/one/run.json"] * 1000)) == 1
        assert sends(lambda: reader.fetch([("runs/one/run.json", 0, None)])) == (3 if channels == 1 else 1)
        reader.look(["many"])
        assert sends(lambda: reader.look(["many"])) == 3
        assert len(reader.look(["many"])[0]) == 2500


def test_over_a_second_channel_thousands_of_folders_and_files_come_in_one_go(
    tmp_path: Path, channels: int, sends: Callable[[Callable[[], Any]], int]
) -> None:
    if channels == 1:
        return
    folders = [f"run{number}" for number in range(3000)]
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "run.json").write_text(folder)
    with run_sftp() as reader:
        reader.hello(str(tmp_path))
        reader.look([""])
        assert sends(lambda: reader.look([*folders, "not-there"])) == 1
        found: list[Any] = []
        ranges = [(f"{folder}/run.json", 0, None) for folder in folders]
        assert sends(lambda: found.extend(reader.fetch(ranges))) == 1
        assert found == [[folder.encode() for folder in folders], {}]
        # Never was more than one of them open over there.
        assert len(reader.look([""])[0]) == 3000


OTHER_HANDLES = """
import subprocess, sys, threading
# A server that has something open already: the first handle that it tells is not the first of all.
server = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def whole(stream, count):
    data = b""
    while len(data) < count:
        more = stream.read(count - len(data))
        if not more:
            sys.exit()
        data += more
    return data
def packet(stream):
    size = whole(stream, 4)
    return size + whole(stream, int.from_bytes(size, "big"))
def send(data):
    server.stdin.write(data)
    server.stdin.flush()
def tell(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
send(packet(sys.stdin.buffer))
tell(packet(server.stdout))
send((10).to_bytes(4, "big") + bytes([11]) + b"mine" + (1).to_bytes(4, "big") + b"/")
packet(server.stdout)
def answers():
    while True:
        tell(packet(server.stdout))
threading.Thread(target=answers, daemon=True).start()
while True:
    send(packet(sys.stdin.buffer))
"""


def test_a_server_that_tells_other_handles_is_asked_step_by_step(root: Path, tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(OTHER_HANDLES)

    class Other(ShellConnection):
        def start_subsystem(self, name: str) -> Any:
            return self.start(f"exec {sys.executable} {program} {SFTP_SERVER}", stdin=b"")

    connection = Other()
    with run_sftp(connection) as reader:
        reader.hello(str(root))
        assert_reads_as_here(reader, root, as_told)
        assert reader._lanes._quick is None


def test_the_second_channel_is_opened_behind_what_is_asked_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    connection = ShellConnection()
    with run_sftp(connection) as reader:
        reader.hello(str(root))
        assert_reads_as_here(reader, root, as_told)
        eventually(lambda: reader._lanes._quick is not None, 10)
        assert_reads_as_here(reader, root, as_told)
    assert all(process.child.poll() is not None for process in connection.processes)


def test_a_server_that_gives_one_session_is_read_over_it(root: Path) -> None:
    class Alone(ShellConnection):
        def start_subsystem(self, name: str) -> Any:
            if self.processes:
                raise SessionLimitError("The server gives one session.")
            return super().start_subsystem(name)

    connection = Alone()
    with run_sftp(connection) as reader:
        reader.hello(str(root))
        assert_reads_as_here(reader, root, as_told)
        assert len(connection.processes) == 1


def test_where_the_second_channel_ends_the_first_one_goes_on(root: Path, channels: int) -> None:
    connection = ShellConnection()
    with run_sftp(connection) as reader:
        reader.hello(str(root))
        assert len(connection.processes) == channels
        for process in connection.processes[1:]:
            process.child.kill()
        assert_reads_as_here(reader, root, as_told)
        assert len(connection.processes) == channels
    assert all(process.child.poll() is not None for process in connection.processes)


def test_where_the_second_channel_stalls_it_is_given_up(
    root: Path, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if channels == 1:
        return
    connection = ShellConnection()
    with run_sftp(connection) as reader:
        reader.hello(str(root))
        process = psutil.Process(connection.processes[1].child.pid)
        process.suspend()
        run = Lane.run
        monkeypatch.setattr(Lane, "run", lambda lane, steps, *args: run(lane, steps, *args, timeout_secs=0.3))
        waking = threading.Timer(2, process.resume)  # closing a channel of these waits for the process
        waking.start()
        with pytest.raises(TimeoutError):
            reader.look([""])
        waking.join()
        assert len(reader.look([""])[0]) == 3


def test_a_pipe_is_told_and_holds_up_nothing(root: Path) -> None:
    with run_sftp() as reader:
        reader.hello(str(root))
        files = HostFiles(reader)
        for look in (list, files.list):  # at first nothing is known of it
            look("runs/one")
            (error, data) = files.fetch([Range("runs/one/pipe"), Range("runs/one/run.json")])
            assert isinstance(error, OSError)
            assert data == b'{"name": "one"}'


def test_many_threads_ask_at_once(root: Path) -> None:
    with run_sftp() as reader:
        reader.hello(str(root))
        files = HostFiles(reader)
        expected = (root / "runs/one/noise.bin").read_bytes()
        wrong: list[int] = []

        def ask(number: int) -> None:
            for _ in range(5):
                read = files.fetch([Range("runs/one/noise.bin"), Range(f"many/{number}")])
                if read != [expected, str(number).encode()]:
                    wrong.append(number)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_the_home_is_known_by_its_signs_and_nothing_else_is() -> None:
    with run_sftp() as reader:
        here = os.path.realpath(".")
        assert [reader.hello(typed).root for typed in ("~", "$HOME", ".")] == [here] * 3
        assert isinstance(reader.hello("/not/there").error, FileNotFoundError)
        assert isinstance(reader.hello("/etc/passwd").error, NotADirectoryError)


def test_who_waits_for_an_answer_is_told_when_it_ends(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2**20))
    connection = ShellConnection()
    with run_sftp(connection) as reader:
        reader.hello(str(tmp_path))
        failed: list[OSError] = []

        def ask_on() -> None:
            try:
                while True:
                    _, errors = reader.fetch([("large", 0, None)])
                    assert errors == {}
            except OSError as error:
                failed.append(error)

        asking = threading.Thread(target=ask_on)
        asking.start()
        psutil.Process(connection.processes[0].child.pid).kill()
        asking.join(10)
        assert isinstance(failed[0], ConnectionResetError)
        assert not reader.alive


def test_one_that_stalls_is_given_up(root: Path) -> None:
    connection = ShellConnection()
    with run_sftp(connection) as reader:
        reader.hello(str(root))
        reader.answers(10)  # behind all that was asked before: a late answer is a sign of life
        process = psutil.Process(connection.processes[0].child.pid)
        process.suspend()
        try:
            with pytest.raises(TimeoutError):
                reader.answers(0.3)
        finally:
            process.resume()
        assert reader.answers(10) > 0


SLOWLY = """
import os, sys, time
while data := os.read(0, 65536):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    time.sleep(0.1)
"""


def test_a_slow_link_that_is_full_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    class Slow(ShellConnection):
        def start_subsystem(self, name: str) -> Any:
            return self.start(f"{SFTP_SERVER} | {sys.executable} -c '{SLOWLY}'", stdin=b"")

    (tmp_path / "large").write_bytes(bytes(3 * 2**20))
    with run_sftp(Slow()) as reader:
        reader.hello(str(tmp_path))
        read: list[bytes] = []
        bulk = threading.Thread(target=lambda: read.extend(reader.fetch([("large", 0, None)])[0]))
        bulk.start()
        for _ in range(3):
            assert reader.answers(0.5) > 0
        assert bulk.is_alive()
        bulk.join()
        assert read == [bytes(3 * 2**20)]


def test_an_answer_that_ends_too_early_is_an_error_of_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    with run_sftp() as reader:
        reader.hello(str(tmp_path))
        monkeypatch.setattr(Packets, "_hand_on", cut(Packets._hand_on))
        with pytest.raises(OSError, match="cannot be read"):
            HostFiles(reader).stat("file")


def cut(hand_on: Any) -> Any:
    """Hand on packets without their second half."""
    return lambda inbox, kind, body: hand_on(inbox, kind, body[: 4 + len(body[4:]) // 2])


@pytest.mark.parametrize("said", ["echo Welcome to the cluster", "printf '\\377\\377\\377\\377 garbage'", "exit 1"])
def test_what_is_no_sftp_is_told_as_that(said: str) -> None:
    class Elsewhere(ShellConnection):
        class target:
            host = "gpu-7"

        def start_subsystem(self, name: str) -> Any:
            return self.start(said, stdin=b"")

    with pytest.raises(SftpUnavailableError, match="gpu-7 offers no file access"):
        sftp.start(Elsewhere(), lambda process: None, lambda line: None)  # type: ignore[arg-type]
