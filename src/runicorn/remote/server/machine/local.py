"""What tells of this machine: the same program as on a host, as a child of this process."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from typing import IO

from runicorn.errors import ConnectionClosedError, StartError
from runicorn.remote.ssh.interface import Sink

_END_SECS = 2.0


def begin(command: str, stdin: bytes) -> LocalProcess:
    """Run a command of ours, see client.start. Raises StartError where this system has no such processes."""
    shell = shutil.which("sh")
    if shell is None or not hasattr(os, "fork"):
        raise StartError("What this machine has to offer is only told on Linux and macOS.")
    try:
        return LocalProcess([shell, "-c", command], stdin)
    except OSError as error:
        raise StartError(f"No process could be started: {error.strerror or error}.") from error


class LocalProcess:
    """See client.Process. Its output is handed on by a thread, which ends with it."""

    def __init__(self, command: list[str], stdin: bytes) -> None:
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._reading: threading.Thread | None = None
        self.write(stdin)

    def follow(self, stdout: Sink, stderr: Sink, closed: Callable[[], None]) -> None:
        def hand_on(stream: IO[bytes]) -> None:
            while data := os.read(stream.fileno(), 65536):
                stdout.deliver(data)
            stdout.finish()
            closed()

        assert self._child.stdout is not None
        self._reading = threading.Thread(target=hand_on, args=(self._child.stdout,), name="machine", daemon=True)
        self._reading.start()

    def write(self, data: bytes) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(data)
            self._child.stdin.flush()
        except (OSError, ValueError) as error:
            raise ConnectionClosedError("What tells of this machine has ended.") from error

    def end_input(self) -> None:
        assert self._child.stdin is not None
        with contextlib.suppress(OSError):
            self._child.stdin.close()

    def wait(self, timeout_secs: float) -> int | None:
        try:
            return self._child.wait(timeout_secs)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """May be called twice."""
        self.end_input()
        if self.wait(_END_SECS) is None:
            self._child.kill()
            self._child.wait()
        if self._reading is not None and self._reading is not threading.current_thread():
            self._reading.join(_END_SECS)
        if self._child.stdout is not None:
            self._child.stdout.close()
