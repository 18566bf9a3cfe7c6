"""New keys in the middle of everything, as every long connection agrees on them now and then."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.accounts import Account
from tests.support.link import run_link
from tests.support.server import run_server
from tests.support.tunnels import log_in, run_tunnel

from runicorn.remote.ssh.paramiko import handshake
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Target

BODY = bytes(300_000)
REQUESTS = 120
RTT_SECS = 0.02  # how long an exchange is under way, and so how easily a close falls into it


@pytest.fixture
def source() -> Iterator[int]:
    """Serve bytes and wait for more requests, so that the client hangs up first and the server's close comes after."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def fetch(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/")
        return len(connection.getresponse().read())
    finally:
        connection.close()


@pytest.mark.parametrize("asks", ["we", "the server"])
def test_channels_that_close_during_a_key_exchange_do_not_kill_the_connection(
    server_account: Account, tmp_path: Path, source: int, asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """36 MB in 120 connections, eight at a time, with new keys after every megabyte or less."""
    options = {}
    if asks == "we":
        monkeypatch.setattr(handshake, "REKEY_BYTES", 300_000)
    else:
        options["RekeyLimit"] = "1M"
    with run_server(server_account, tmp_path, options=options) as server, run_link(server.sshd.port, RTT_SECS) as link:
        target = Target.make("127.0.0.1", link.port, server.account.username)
        host_keys = HostKeyFile(tmp_path / "known_hosts")
        connection = log_in(target, server.key, host_keys)
        with run_tunnel("paramiko", connection, source, host_keys) as port, ThreadPoolExecutor(8) as pool:
            sizes = list(pool.map(fetch, [port] * REQUESTS))
        assert sizes == [len(BODY)] * REQUESTS
        assert connection.alive
        connection.close()
