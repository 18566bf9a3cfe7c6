"""Agents without a server between: what sshd does with a command, done by a shell of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.other_servers import SFTP_SERVER

from runicorn.remote.server.agent import client, program
from runicorn.remote.server.agent.parts import Asked, Opening, Part
from runicorn.remote.server.inbox import Answers
from runicorn.remote.server.reading import Reader
from runicorn.remote.server.sftp import client as sftp
from runicorn.remote.ssh.interface import Sink
from runicorn.sources.host_files import HostFiles
from runicorn.storage import records
from runicorn.storage.files import FileStat, LocalFiles, Range, Scan

OLDEST, NEWEST = (3, 6), (3, 13)


def pythons() -> dict[str, str]:
    """Return every Python of this machine that an agent has to run on: paths by version."""
    found = {}
    versions = Path("~/.pyenv/versions").expanduser()
    for path in ["/usr/bin/python3", *map(str, sorted(versions.glob("3.*/bin/python3")))]:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            told = subprocess.run([path, "-V"], capture_output=True, text=True, check=True, timeout=30).stdout
            version = re.search(r"(\d+)\.(\d+)", told)
            if version and OLDEST <= (int(version[1]), int(version[2])) <= NEWEST:
                found.setdefault(version[0], path)
    return found


class ShellProcess:
    """A command as sshd runs it for one that logs in: see interface.RemoteProcess."""

    def __init__(self, command: str, stdin: bytes, environ: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=pipe, stdout=pipe, stderr=pipe, env=environ, start_new_session=True
        )
        self._threads: list[threading.Thread] = []
        self._writing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._start(self._write)
        self.write(stdin)

    def follow(self, stdout: Sink, stderr: Sink, closed: Any) -> None:
        self._start(self._hand_on, self.child.stdout, stdout, closed)
        self._start(self._hand_on, self.child.stderr, stderr, lambda: None)

    def write(self, data: bytes) -> None:
        self._writing.put(data)

    def end_input(self) -> None:
        self._writing.put(None)

    def wait(self, timeout_secs: float) -> int | None:
        try:
            return self.child.wait(timeout_secs)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        self.end_input()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            cast(Any, stream).close()
        self.child.wait(10)

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _write(self) -> None:
        stdin = cast(Any, self.child.stdin)
        with contextlib.suppress(BrokenPipeError):
            while (data := self._writing.get()) is not None:
                stdin.write(data)
                stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            stdin.close()

    @staticmethod
    def _hand_on(stream: Any, sink: Sink, closed: Any) -> None:
        while data := os.read(stream.fileno(), 65536):
            sink.deliver(data)
        sink.finish()
        closed()


class ShellConnection:
    """A host on which commands run: what client.start() asks of a connection. before: what its start files do."""

    alive = True

    def __init__(self, environ: dict[str, str] | None = None, before: str = "") -> None:
        self._environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | (environ or {})
        self._before = before
        self.processes: list[ShellProcess] = []

    def start_subsystem(self, name: str) -> ShellProcess:
        assert name == "sftp"
        return self.start(f"exec {SFTP_SERVER}", stdin=b"")

    def start(self, command: str, *, stdin: bytes) -> ShellProcess:
        self.processes.append(ShellProcess(self._before + command, stdin, self._environ))
        return self.processes[-1]


@contextlib.contextmanager
def run_agent(connection: ShellConnection | None = None) -> Iterator[client.Agent]:
    """Start an agent, and end it with its process."""
    used = connection or ShellConnection()
    agent = client.start(cast(Any, used), lambda process: None, lambda line: None)
    try:
        yield agent
    finally:
        agent.close()


class NearbyAgent(client.Agent):
    """An agent's program within this process, with no channel to it: only what reads."""

    def __init__(self, root: Path) -> None:
        self._program = program.Agent(0, 1)
        self._program.root = os.fsencode(root)

    def _ask(self, request: dict[str, Any], timeout_secs: float = 0.0) -> Iterator[tuple[int, int, bytes]]:
        answer = getattr(self._program, f"do_{request['do']}")({**json.loads(json.dumps(request)), "number": 0})
        self._program.jobs[0] = (0, answer)
        while hasattr(answer, "send"):
            try:
                body, packed, _ = next(answer)
            except StopIteration as end:
                answer = end.value
            else:
                yield program.PART, packed, body
        yield program.DONE, 0, json.dumps(answer).encode()

    def open(self, folder: str, rule: Sequence[Any] | None) -> Opening:
        answers: Answers[Part] = Answers("The agent")
        for part in self._ask({"do": "open", "folder": folder, "rule": rule}):
            answers.put(part)
        return Opening(Asked(answers, lambda *, is_whole: None))

    def watch(self, folders: Sequence[str], paths: Sequence[str]) -> None:
        """Nothing tells of changes without a channel."""


@contextlib.contextmanager
def run_sftp(connection: ShellConnection | None = None) -> Iterator[sftp.Sftp]:
    """Start a server's SFTP, and end it with its process."""
    used = connection or ShellConnection()
    reader = sftp.start(cast(Any, used), lambda process: None, lambda line: None)
    try:
        yield reader
    finally:
        reader.close()


def make_odd_root(root: Path) -> Path:
    """Make a folder with what is met in folders: links, circles, pipes, odd names, and files of many sizes."""
    runs = root / "runs" / "one"
    runs.mkdir(parents=True)
    points = [records.pack(0, step, step * 0.5, 1.0 / (step + 1)) for step in range(50_000)]
    (runs / "metrics.bin").write_bytes(b"".join(points) + b"torn")
    (runs / "noise.bin").write_bytes(os.urandom(700_001))
    (runs / "empty").touch()
    (runs / "run.json").write_text('{"name": "one"}')
    os.mkfifo(runs / "pipe")
    (runs / "nowhere").symlink_to("not-there")
    (runs / "circle").symlink_to("circle")
    (runs / "out").symlink_to("/etc/passwd")
    (runs / "within").symlink_to("run.json")
    (root / "also").symlink_to("runs")
    (runs / "größe 😀\n.txt").write_text("x")
    Path(os.fsdecode(os.fsencode(runs) + b"/no\xffutf8")).touch()
    (root / "many").mkdir()
    for number in range(2_500):
        (root / "many" / str(number)).write_text(str(number))
    return root


def assert_reads_as_here(reader: Reader, root: Path, shown: Callable[[FileStat], Any]) -> None:
    """Compare what it reads below an odd root with what is read there directly. shown: what of a file it can tell."""
    local, far = LocalFiles(root), HostFiles(reader)
    for path in ("", "runs", "runs/one", "many", "not-there", "runs/one/circle"):
        assert sorted(far.names(path)) == sorted(local.names(path)), path
    folders = ["runs/one", "not-there", "", "many", "runs/one/circle", "also/one"]
    for ours, theirs in zip(local.look(folders), far.look(folders), strict=True):
        assert sorted(map(shown, cast(Any, theirs))) == sorted(map(shown, cast(Any, ours)))
    inside = [f"runs/one/{name}" for name in local.names("runs/one") if name != "circle"]
    paths = [*inside, "not-there", "also/one", "many/7"]
    assert _comparable(far.stats(paths), shown) == _comparable(local.stats(paths), shown)
    ranges = [Range(path) for path in [*inside, "not-there", "runs"]]
    ranges += [Range(f"many/{number}") for number in range(2_500)]
    parts = ((1_600_000, None), (32, 64), (10**9, 5), (3, 1_000_000), (0, 0))
    ranges += [Range("runs/one/metrics.bin", *each) for each in parts]
    assert _comparable(far.fetch(ranges), shown) == _comparable(local.fetch(ranges), shown)
    odd = ("out", "nowhere", "circle", "../one/run.json", "/etc/passwd", "pipe", "", "a\0b")
    for path in ("run.json", "within", *odd):
        assert far.inside("runs/one", path) == local.inside("runs/one", path), path
    marks = ("run.json", ".bin")
    for ours, theirs in zip(local.scan(folders, marks), far.scan(folders, marks), strict=True):
        assert isinstance(ours, Scan)
        assert isinstance(theirs, Scan)
        assert sorted(map(shown, theirs.files)) == sorted(map(shown, ours.files))
        assert theirs.folders == ours.folders
    for path in ("", "also/one", "runs/one/within", "runs/one/out"):
        assert far.real(path) == local.real(path).rstrip("/")
    assert far.look([]) == far.stats([]) == far.fetch([]) == far.scan([], marks) == []


def assert_replaces_whole(reader: Reader, folder: Path) -> None:
    """A small file is written anew, or is as it was; nothing else is left."""
    files = HostFiles(reader)
    for content in (b'{"note": "gr\xc3\xb6\xc3\x9fer"}', b"", bytes(range(256)) * 700):
        files.replace("notes.json", content)
        assert (folder / "notes.json").read_bytes() == content
    assert [path.name for path in folder.iterdir()] == ["notes.json"]
    (folder / "taken").mkdir()
    for path in ("not-there/notes.json", "taken"):
        with pytest.raises(OSError, match=r".+"):
            files.replace(path, b"lost")
    assert sorted(path.name for path in folder.rglob("*")) == ["notes.json", "taken"]


def _comparable(found: Sequence[Any], shown: Callable[[FileStat], Any]) -> list[Any]:
    """Return answers of Files in a form in which those of two can be compared: errors by what they are."""
    return [
        (type(each), each.errno) if isinstance(each, OSError) else shown(each) if isinstance(each, FileStat) else each
        for each in found
    ]
