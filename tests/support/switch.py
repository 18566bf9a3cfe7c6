"""An address that leads to one server and then to another, as after an attack or a reinstallation."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Switch:
    """A TCP relay on 127.0.0.1. to_port: where new connections lead from now on; it may be changed at any time.

    next_port: where the next connection leads, and only that one.
    """

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.next_port: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, name="switch", daemon=True).start()

    def cut(self) -> None:
        """End every connection that runs over it."""
        for sock in self._open[:]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        del self._open[:]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            port, self.next_port = self.next_port or self.to_port, None
            try:
                there = socket.create_connection(("127.0.0.1", port), timeout=10)
            except OSError:
                client.close()
                continue
            there.settimeout(None)
            self._open += [client, there]
            for one, other in ((client, there), (there, client)):
                threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for sock in (one, other):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def run_switch(to_port: int) -> Iterator[Switch]:
    switch = Switch(to_port)
    try:
        yield switch
    finally:
        switch.close()
