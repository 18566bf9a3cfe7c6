"""A command with its standard error on a real terminal, and what stands there in the end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.commands import environment

WAIT_SECS = 60
# The commands as they are, but for the second in which they are silent, and the pause between two lines.
EAGER = """
import sys
from runicorn import progress_line
progress_line.QUIET_SECS = 0.0
progress_line._TERMINAL_EVERY_SECS = 0.02
from runicorn.cli.main import main
main()
"""


class Started:
    """A command that runs. stderr: what it printed there so far."""

    def __init__(self, process: subprocess.Popen[str], master: int) -> None:
        self.process = process
        self._master = master
        self._read = b""
        self._reader = threading.Thread(target=self._pump, daemon=True)
        self._reader.start()

    @property
    def stderr(self) -> str:
        return self._read.decode()

    @property
    def screen(self) -> list[str]:
        """Return the lines that a person sees."""
        pyte = pytest.importorskip("pyte")
        screen = pyte.Screen(200, 200)
        pyte.Stream(screen).feed(self.stderr)
        return [line.rstrip() for line in screen.display if line.strip()]

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, while the command runs."""
        wait_for(self.process, condition)

    def end(self) -> int:
        """Wait for its end; return its exit code."""
        code = self.process.wait(WAIT_SECS)
        self._reader.join(WAIT_SECS)
        return code

    def _pump(self) -> None:
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while data := os.read(self._master, 65536):
                self._read += data


@contextlib.contextmanager
def started(*command: str, home: Path, on_terminal: bool = False) -> Iterator[Started]:
    """Start a command with its standard error on a terminal of 200 columns. on_terminal: its output as well."""
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    master, child_side = pty.openpty()
    fcntl.ioctl(child_side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen(
        command,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=child_side if on_terminal else subprocess.PIPE,
        stderr=child_side,
        text=True,
    )
    os.close(child_side)
    running = Started(process, master)
    try:
        yield running
    finally:
        process.kill()
        process.communicate(timeout=WAIT_SECS)
        running.end()
        os.close(master)


def wait_for(process: subprocess.Popen[str], condition: Callable[[], object]) -> None:
    """Wait until something is so, while a process runs. Raises AssertionError where it ended first."""
    deadline = time.monotonic() + WAIT_SECS
    while not condition():
        assert process.poll() is None, "it ended before that"
        assert time.monotonic() < deadline, "that never came"
        time.sleep(0.002)
