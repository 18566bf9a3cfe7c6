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
from tests.support.remote import ACCEPT_FIELDS
from tests.support.server import run_server

from runicorn.errors import HostKeyConfirmationError
from runicorn.remote.host_keys import HostKeyFile
from runicorn.remote.progress import Progress
from runicorn.remote.ssh.interface import TunnelRequest
from runicorn.remote.ssh.paramiko import ParamikoConnection, connect, handshake
from runicorn.remote.ssh.tunnels.door import Door
from runicorn.remote.ssh.tunnels.paramiko import open_tunnel
from runicorn.remote.target import Credentials, Target

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


def log_in(target: Target, key: Path, folder: Path) -> tuple[ParamikoConnection, HostKeyFile]:
    host_keys = HostKeyFile(folder / "known_hosts")
    credentials = Credentials(private_key_path=str(key), use_agent=False)
    try:
        return connect(target, credentials, host_keys, Progress(lambda: None), folder), host_keys
    except HostKeyConfirmationError as error:
        host_keys.accept(*(error.payload[name] for name in ACCEPT_FIELDS))
        return log_in(target, key, folder)


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
        connection, host_keys = log_in(target, server.key, tmp_path)
        request = TunnelRequest(connection, source, tuple(host_keys.entries()), None, lambda line: None)
        tunnel = open_tunnel(request)
        door = Door(None, allow_other_users=False, log=lambda line: None)
        door.lead_to(tunnel)
        try:
            with ThreadPoolExecutor(8) as pool:
                sizes = list(pool.map(fetch, [door.local_port] * REQUESTS))
            assert sizes == [len(BODY)] * REQUESTS
            assert connection.alive
        finally:
            tunnel.close()
            door.close()
            connection.close()
