"""A command on the server, as the three pipes of the local `ssh` that carries it."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from runicorn.errors import ConnectionClosedError
from runicorn.remote.ssh.interface import Sink

CHUNK_BYTES = 64 * 1024
WRITE_TIMEOUT_SECS = 15.0
END_SECS = 2.0
LOOK_SECS = 0.02


class SystemProcess:
    """See interface.RemoteProcess. Owns the local process and its pipes."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin and child.stdout and child.stderr
        self._child = child
        self._stdin, self._stdout, self._stderr = child.stdin, child.stdout, child.stderr
        self._errors = bytearray()
        self._ended = False
        self._closed = False
        self._closing = threading.Lock()
        self._late = threading.Event()
        self._follower: threading.Thread | None = None
        self._wake, self._woken = os.pipe()
        self._selector = selectors.DefaultSelector()
        for stream in (self._stdin, self._stdout, self._stderr):
            if sys.platform != "win32":  # where none of this is run
                os.set_blocking(stream.fileno(), False)
        for number in (self._stdout.fileno(), self._stderr.fileno(), self._wake):
            self._selector.register(number, selectors.EVENT_READ)

    def read(self, timeout_secs: float, size: int = CHUNK_BYTES) -> bytes:
        deadline = time.monotonic() + timeout_secs
        while True:
            self._take_errors()
            chunk = self._take(size)
            if chunk is not None:
                return chunk
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the command printed nothing")
            self._selector.select(left)

    def read_stderr(self) -> bytes:
        self._take_errors()
        said = bytes(self._errors)
        self._errors.clear()
        return said

    def follow(self, stdout: Sink, stderr: Sink, closed: Callable[[], None]) -> None:
        self._follower = threading.Thread(
            target=self._hand_on, args=(stdout, stderr, closed), name="ssh-session-output", daemon=True
        )
        self._follower.start()

    def write(self, data: bytes) -> None:
        deadline = time.monotonic() + WRITE_TIMEOUT_SECS
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._stdin.fileno(), left) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ConnectionClosedError("The command takes no input.") from None
                with selectors.DefaultSelector() as selector:
                    selector.register(self._stdin.fileno(), selectors.EVENT_WRITE)
                    selector.select(LOOK_SECS)
            except (OSError, ValueError) as error:
                raise ConnectionClosedError("The command's channel is closed.") from error

    def end_input(self) -> None:
        with contextlib.suppress(OSError):
            self._stdin.close()

    def wait(self, timeout_secs: float) -> int | None:
        deadline = time.monotonic() + timeout_secs
        while self._child.poll() is None and time.monotonic() < deadline:
            if self._follower is None:
                self._take_errors()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(min(LOOK_SECS, max(0.0, deadline - time.monotonic())))
        status = self._child.poll()
        return -1 if status is not None and status < 0 else status

    @property
    def open(self) -> bool:
        return not self._closed and not self._ended and self._child.poll() is None

    def close(self) -> None:
        """End the local process; the server sees the channel closed. May be called twice."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._child.terminate()
        try:
            self._child.wait(END_SECS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._follower is not None:
            os.write(self._woken, b"x")
            if self._follower is not threading.current_thread():
                self._follower.join(END_SECS)
            if self._follower.is_alive():  # it closes them itself, once it is no longer held up
                self._late.set()
                return
        self._close_pipes()

    def _take(self, size: int) -> bytes | None:
        """Return what stdout has, b"" at its end, None if there is nothing yet."""
        if self._ended or self._closed:
            return b""
        try:
            chunk = os.read(self._stdout.fileno(), size)
        except BlockingIOError:
            return None
        except (OSError, ValueError):
            return b""
        self._ended = not chunk
        return chunk

    def _take_errors(self) -> bool:
        """Keep what stderr has, so that the command never waits for its reader; return whether more may come."""
        if self._closed:
            return False
        try:
            while chunk := os.read(self._stderr.fileno(), CHUNK_BYTES):
                self._errors += chunk
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._stderr.fileno())
        return False

    def _hand_on(self, stdout: Sink, stderr: Sink, closed: Callable[[], None]) -> None:
        try:
            errors_come = True
            while not self._closed and (errors_come or not self._ended):
                self._selector.select()
                errors_come = errors_come and self._take_errors()
                if said := bytes(self._errors):
                    self._errors.clear()
                    stderr.deliver(said)
                while not self._ended and (chunk := self._take(CHUNK_BYTES)):
                    stdout.deliver(chunk)
                if self._ended:
                    with contextlib.suppress(KeyError, ValueError):
                        self._selector.unregister(self._stdout.fileno())
        finally:
            stdout.finish()
            stderr.finish()
            if not self._closed:
                self._child.wait()
            closed()
            if self._late.is_set():
                self._close_pipes()

    def _close_pipes(self) -> None:
        self._selector.close()
        for stream in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                stream.close()
        for number in (self._wake, self._woken):
            os.close(number)
