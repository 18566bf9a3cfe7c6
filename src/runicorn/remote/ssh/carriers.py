"""What carries the connection to the first hop: TCP, or the command that the person's config names for it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import IO

from runicorn.errors import ProxyCommandError
from runicorn.remote.names.way import Hop
from runicorn.remote.ssh import dialing
from runicorn.remote.ssh.dialing import DialedSocket
from runicorn.remote.telling.progress import Progress

END_SECS = 2.0
COMPLAINT_BYTES_KEPT = 4096
CHUNK_BYTES = 64 * 1024


def dial_first(hop: Hop, progress: Progress) -> DialedSocket:
    """Return a stream to a hop that is reached from here. Raises the errors under ConnectError."""
    if hop.proxy_command is None:
        return dialing.dial(hop.target, progress)
    with progress.stage("tcp") as tell:
        tell("by the command of your ssh config")
        return DialedSocket(CommandStream(hop.proxy_command, hop.target.host))


def shell_words(command: str) -> list[str]:
    """Return what runs a ProxyCommand as `ssh` does: in the person's shell, which gives way to it."""
    if sys.platform == "win32":
        return [os.environ.get("COMSPEC") or "cmd.exe", "/c", command]
    return [os.environ.get("SHELL") or "/bin/sh", "-c", f"exec {command}"]


class CommandStream:
    """Standard input and output of a command, as a stream. It ends with the stream, and with what started it.

    The command gets one end of a pair of sockets for both, so that nothing here has to copy; on Windows, where no
    program takes one, two threads copy. Its complaints are kept for an error.
    """

    def __init__(self, command: str, host: str) -> None:
        self._complaint = bytearray()
        ours, theirs = socket.socketpair()
        self._sock = ours
        on_windows = sys.platform == "win32"
        pipe = subprocess.PIPE if on_windows else theirs.fileno()
        try:
            self._process = subprocess.Popen(
                shell_words(command),
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in the viewer's terminal is for the viewer
            )
        except OSError as error:
            ours.close()
            theirs.close()
            raise ProxyCommandError(f"The command to {host} could not be started: {error.strerror}.") from error
        self._threads = [threading.Thread(target=self._listen, name="proxy-command-stderr", daemon=True)]
        if on_windows:
            self._threads += [
                threading.Thread(target=_copy_in, args=(theirs, self._process.stdin), name="proxy-in", daemon=True),
                threading.Thread(target=_copy_out, args=(self._process.stdout, theirs), name="proxy-out", daemon=True),
            ]
        else:
            theirs.close()
        for thread in self._threads:
            thread.start()

    def recv(self, size: int, /) -> bytes:
        return self._sock.recv(size)

    def send(self, data: bytes, /) -> int:
        return self._sock.send(data)

    def settimeout(self, secs: float | None, /) -> None:
        self._sock.settimeout(secs)

    @property
    def complaint(self) -> str:
        """The last line of what the command said on its standard error."""
        lines = self._complaint.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def close(self) -> None:
        """End the command and all that it runs. May be called twice, from any thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._end(graceful=True)
        try:
            self._process.wait(END_SECS)
        except subprocess.TimeoutExpired:
            self._end(graceful=False)
            self._process.wait()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(END_SECS)

    def _end(self, *, graceful: bool) -> None:
        if self._process.poll() is not None:
            return
        if sys.platform == "win32":
            self._process.terminate()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM if graceful else signal.SIGKILL)

    def _listen(self) -> None:
        assert self._process.stderr
        with self._process.stderr as stream:
            while chunk := os.read(stream.fileno(), CHUNK_BYTES):
                self._complaint = (self._complaint + chunk)[-COMPLAINT_BYTES_KEPT:]


def _copy_in(source: socket.socket, sink: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.write(chunk)
            sink.flush()
        sink.close()


def _copy_out(source: IO[bytes], sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := os.read(source.fileno(), CHUNK_BYTES):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
