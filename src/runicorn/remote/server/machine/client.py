"""The near end of what tells of a machine: asks it, and waits for no longer than it said. For one thread at a time."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import secrets
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

from runicorn.errors import ConnectionClosedError, NoPythonError, StartError, StartTimeoutError
from runicorn.remote.server.agent import command
from runicorn.remote.ssh.interface import Sink

START_TIMEOUT_SECS = 20.0
_MAX_LINE_BYTES = 4 * 2**20
_NOISE_BYTES = 2**20
# What imports another one of them comes behind it, and the one that runs last.
_PARTS = ("nvml", "gpus", "program")


class Process(Protocol):
    """What runs it: a part of interface.RemoteProcess."""

    def follow(self, stdout: Sink, stderr: Sink, closed: Callable[[], None]) -> None: ...

    def write(self, data: bytes) -> None: ...

    def end_input(self) -> None: ...

    def wait(self, timeout_secs: float) -> int | None: ...

    def close(self) -> None: ...


class Machine:
    """A program that tells of a machine, and its channel. close() ends it."""

    def __init__(self, process: Process, lines: _Lines) -> None:
        self._process = process
        self._lines = lines
        self._questions = itertools.count(1)

    @property
    def alive(self) -> bool:
        return not self._lines.is_over

    def ask(self, paths: Sequence[str], wait_secs: float, timeout_secs: float) -> dict[str, Any]:
        """Return what the machine tells, see program.Teller. paths: whose disks are meant. wait_secs: how long it waits
        for its own parts. Raises TimeoutError, ConnectionResetError, ValueError.
        """
        number, end = next(self._questions), time.monotonic() + timeout_secs
        question = json.dumps({"number": number, "paths": list(paths), "wait_secs": wait_secs}).encode("ascii")
        try:
            self._process.write(question + b"\n")
        except ConnectionClosedError as error:
            raise ConnectionResetError("what tells of the machine has ended") from error
        while True:
            told = json.loads(self._lines.next(max(0.0, end - time.monotonic())))
            if not isinstance(told, dict):
                raise ValueError("what tells of the machine answers with something else")
            if told.get("number") == number:  # and no late answer to a question before
                return told

    def close(self) -> None:
        """May be called twice."""
        with contextlib.suppress(OSError, ConnectionClosedError):
            self._process.end_input()
        self._process.close()
        self._lines.finish()


@cache
def packed_program() -> bytes:
    """Return the program as it is sent."""
    return command.packed(__name__.rpartition(".")[0], _PARTS)


def start(begin: Callable[[str, bytes], Process], within: str = "") -> Machine:
    """Start it and return it once it runs. begin: runs a command with bytes for its standard input. within: see
    command.command.

    Raises NoPythonError, StartError, StartTimeoutError, and what `begin` raises.
    """
    marker = secrets.token_hex(8)
    process = begin(command.command(marker, packed_program(), within), packed_program())
    lines = _Lines()
    try:
        process.follow(lines, _Nowhere(), lines.finish)
        while lines.next(START_TIMEOUT_SECS).strip() != marker:
            pass
    except ConnectionResetError:
        status = process.wait(2.0)
        process.close()
        if status == command.NO_PYTHON:
            raise NoPythonError("No Python of version 3.6 or newer was found there.") from None
        raise StartError("No command of ours runs there.") from None
    except BaseException as error:
        process.close()
        if isinstance(error, TimeoutError):
            raise StartTimeoutError(f"No Python answered within {START_TIMEOUT_SECS:.0f} s.") from None
        raise
    return Machine(process, lines)


class _Lines:
    """Whole lines of what is printed. See interface.Sink: called by the connection's own thread."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._whole: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.is_over = False

    def deliver(self, data: bytes) -> None:
        self._received += data
        *whole, rest = self._received.split(b"\n")
        if len(rest) > _MAX_LINE_BYTES or len(whole) > _NOISE_BYTES:
            self.finish()
            return
        self._received = rest
        for line in whole:
            self._whole.put(line.decode("utf-8", "replace"))

    def finish(self) -> None:
        self.is_over = True
        self._whole.put(None)

    def next(self, timeout_secs: float) -> str:
        """Raises TimeoutError, ConnectionResetError."""
        if self.is_over and self._whole.empty():
            raise ConnectionResetError("what tells of the machine has ended")
        try:
            line = self._whole.get(timeout=timeout_secs)
        except queue.Empty:
            raise TimeoutError("what tells of the machine has not answered in time") from None
        if line is None:
            raise ConnectionResetError("what tells of the machine has ended")
        return line


class _Nowhere:
    def deliver(self, data: bytes) -> None:
        """What it says on the side is of no use."""

    def finish(self) -> None:
        """Nothing waits for it."""
