"""Agents without a server between: what sshd does with a command, done by a shell of this machine."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from runicorn.remote.server.agent import client
from runicorn.remote.ssh.interface import Sink

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
