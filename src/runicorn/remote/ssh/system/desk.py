"""Where `ssh` asks us: a Unix socket in the private folder, one call a connection, and two scripts that lead there."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runicorn.remote.ssh.interface import TunnelRefusedError
from runicorn.remote.ssh.system import helper
from runicorn.remote.ssh.unix_sockets import unix_socket

SOCKET = "d"
JUDGE, ASK = "judge", "ask"
MAX_CALL_BYTES = 256 * 1024
CALL_TIMEOUT_SECS = 10.0


@dataclass(frozen=True)
class Call:
    """kind: JUDGE or ASK. words: the arguments of the program. mode: SSH_ASKPASS_PROMPT: "", "confirm" or "none"."""

    kind: str
    words: tuple[str, ...]
    mode: str


@dataclass(frozen=True)
class Reply:
    """say: what the program prints; None where it has no answer. end: the `ssh` that asks is to end, then.

    hold: nothing is to be typed, but to be done by hand; the program is ended by who asked.
    """

    say: str | None = None
    end: bool = False
    hold: bool = False


Serve = Callable[[Call, Callable[[], bool]], Reply]


class Desk:
    """Answers calls, each in a thread of its own, until it is closed. serve: is given a call, and what tells whether
    somebody still waits for its answer.
    """

    def __init__(self, folder: Path, serve: Serve) -> None:
        self._serve = serve
        self._listener = unix_socket()
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()
        path = folder / SOCKET
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(16)
        threading.Thread(target=self._accept, name="ssh-desk", daemon=True).start()

    def close(self) -> None:
        """Hang up on everybody, who then end the `ssh` that they ask for."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._clients.add(client)
            threading.Thread(target=self._answer, args=(client,), name="ssh-desk-call", daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError, ValueError):
                client.settimeout(CALL_TIMEOUT_SECS)
                call = _receive(client)
                client.setblocking(False)  # it is looked at while a person thinks, which must never wait
                reply = self._serve(call, lambda: _is_there(client))
                if reply.hold:
                    client.settimeout(None)
                    client.recv(1)  # until it has gone
                client.settimeout(CALL_TIMEOUT_SECS)
                answer = {"end": reply.end} if reply.say is None else {"say": reply.say}
                client.sendall(json.dumps(answer).encode() + b"\n")
        finally:
            with self._lock:
                self._clients.discard(client)
            client.close()


def write_scripts(folder: Path) -> None:
    """Write the programs that `ssh` runs. Raises TunnelRefusedError where none can be run there."""
    for kind in (JUDGE, ASK):
        words = [sys.executable, "-I", "-S", str(Path(helper.__file__).absolute()), str(folder / SOCKET), kind]
        script = folder / kind
        script.write_text(f'#!/bin/sh\nexec {" ".join(map(shlex.quote, words))} "$@"\n', encoding="utf-8")
        script.chmod(0o700)
    if not os.access(folder / ASK, os.X_OK):
        raise TunnelRefusedError(f"no program may be run in {folder.parent}, which ssh would ask by")


def _receive(client: socket.socket) -> Call:
    """Raises ValueError for what is no call."""
    said = b""
    while not said.endswith(b"\n"):
        chunk = client.recv(65536)
        said += chunk
        if not chunk or len(said) > MAX_CALL_BYTES:
            raise ValueError("the call is cut short, or too long")
    call = json.loads(said)
    return Call(str(call["kind"]), tuple(str(each) for each in call["words"]), str(call["mode"]))


def _is_there(client: socket.socket) -> bool:
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
