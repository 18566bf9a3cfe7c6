"""What a server said before it hung up is kept, also when nobody had read it yet."""

from __future__ import annotations

import socket

from runicorn.remote.ssh.dialing import DialedSocket


def test_a_refusal_that_was_not_read_yet_is_kept_on_closing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialed = DialedSocket(socket.create_connection(listener.getsockname()))
        server, _ = listener.accept()
        server.sendall(b"Exceeded MaxStartups\r\n")
        server.close()
        dialed.close()
    assert dialed.first_bytes == b"Exceeded MaxStartups\r\n"


def test_closing_waits_for_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialed = DialedSocket(socket.create_connection(listener.getsockname()))
        dialed.close()
    assert dialed.first_bytes == b""
    assert dialed.fileno() == -1
