"""What every tunnel promises about the bytes it carries, on a real sshd: one file for all three."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from tests.support.accounts import make_account
from tests.support.processes import living
from tests.support.sshd import find_sshd, make_key, run_sshd
from tests.support.tunnels import BACKENDS, log_in, run_tunnel
from tests.support.waiting import eventually

from runicorn.remote.ssh import kept_ssh
from runicorn.remote.ssh.paramiko import ParamikoConnection
from runicorn.remote.trust.host_keys import HostKeyFile
from runicorn.remote.trust.target import Target

TIMEOUT_SECS = 30
MANY_BYTES = 12_000_000  # several windows of 2 MiB, and more than all buffers in between
GREETING = b"hello from the server\n"


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ParamikoConnection, HostKeyFile]]:
    """A connection that the tunnels of this file are made from."""
    if not find_sshd():
        pytest.skip("needs sshd: apt-get install openssh-server")
    folder = tmp_path_factory.mktemp("tunnels")
    with make_account() as account, run_sshd() as sshd:
        key = make_key(folder / "id")
        sshd.authorize(account.username, key.with_suffix(".pub"))
        host_keys = HostKeyFile(folder / "known_hosts")
        connection = log_in(Target.make("127.0.0.1", sshd.port, account.username), key, host_keys)
        yield connection, host_keys
        connection.close()


class Service(socketserver.BaseRequestHandler):
    """Greets first, then echoes until the client says that it has ended, then says the digest of what came."""

    request: socket.socket

    def handle(self) -> None:
        digest = hashlib.sha256()
        with contextlib.suppress(ConnectionError):  # clients of these tests may hang up
            self.request.sendall(GREETING)
            while data := self.request.recv(65536):
                digest.update(data)
                self.request.sendall(data)
            self.request.sendall(digest.digest())


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    """Run the service on the server's loopback; yield its port."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(params=sorted(BACKENDS))
def port(request: pytest.FixtureRequest, link: tuple[ParamikoConnection, HostKeyFile], service: int) -> Iterator[int]:
    with run_tunnel(request.param, link[0], service, link[1]) as local_port:
        yield local_port


def call(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECS)


def receive(sock: socket.socket, size: int) -> bytes:
    """Return the next `size` bytes, fewer at the end of the stream."""
    received = bytearray()
    while len(received) < size and (data := sock.recv(min(size - len(received), 65536))):
        received += data
    return bytes(received)


def exchange(port: int, data: bytes) -> tuple[bytes, bytes, bytes]:
    """Send all of `data` while the echo comes back, then end; return greeting, echo and what came after the end."""
    with call(port) as sock:
        greeting = receive(sock, len(GREETING))

        def send() -> None:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        echo = receive(sock, len(data))
        sender.join()
        return greeting, echo, receive(sock, 1000)


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def test_every_byte_arrives_in_both_directions_and_the_end_of_one_is_not_the_end_of_the_other(port: int) -> None:
    data = noise(MANY_BYTES, 1)
    greeting, echo, rest = exchange(port, data)
    assert greeting == GREETING
    assert hashlib.sha256(echo).digest() == hashlib.sha256(data).digest()
    assert rest == hashlib.sha256(data).digest()


def test_many_at_once_stay_apart(port: int) -> None:
    sent = [noise(200_000 + seed, seed) for seed in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda data: exchange(port, data), sent))
    for data, (greeting, echo, rest) in zip(sent, answers, strict=True):
        assert (greeting, echo, rest) == (GREETING, data, hashlib.sha256(data).digest())


def test_a_client_that_does_not_read_holds_nobody_up_and_still_gets_everything(port: int) -> None:
    data = noise(MANY_BYTES, 2)
    with call(port) as lazy:
        sender = threading.Thread(target=lambda: (lazy.sendall(data), lazy.shutdown(socket.SHUT_WR)))
        sender.start()
        for seed in range(3):  # all buffers of the lazy one fill up meanwhile
            small = noise(100_000, seed)
            assert exchange(port, small)[1] == small
        expected = GREETING + data + hashlib.sha256(data).digest()
        received = receive(lazy, len(expected) + 1)
        sender.join()
    assert hashlib.sha256(received).digest() == hashlib.sha256(expected).digest()


def test_clients_that_hang_up_at_any_moment_leave_the_tunnel_working(port: int) -> None:
    data = noise(300_000, 3)
    for read in (0, 1, len(GREETING), 70_000):
        for linger in (False, True):
            with call(port) as sock:
                if linger:  # closing sends a reset
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sender = threading.Thread(target=send_what_can_be_sent, args=(sock, data))
                sender.start()
                receive(sock, read)
            sender.join()
    assert exchange(port, data)[1] == data


def send_what_can_be_sent(sock: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.sendall(data)


def test_closing_the_tunnel_ends_what_it_carries_and_its_threads(
    link: tuple[ParamikoConnection, HostKeyFile], service: int
) -> None:
    for backend in BACKENDS:
        before = set(threading.enumerate())
        with run_tunnel(backend, link[0], service, link[1]) as local_port:
            sock = call(local_port)
            assert receive(sock, len(GREETING)) == GREETING
        with sock:
            assert len(receive(sock, 1000)) <= 32  # the service may still say its digest, and then it is over
        eventually(lambda before=before: not set(threading.enumerate()) - before, what=f"threads of {backend}")


def test_an_ssh_that_hears_no_signal_ends_with_its_tunnel(
    link: tuple[ParamikoConnection, HostKeyFile], service: int
) -> None:
    before = set(threading.enumerate())
    with run_tunnel("openssh", link[0], service, link[1]):
        (ssh,) = living(psutil.Process().children(recursive=True), lambda each: each.name() == "ssh")
        folder = Path(ssh.cwd())
        ssh.suspend()
    eventually(lambda: not set(threading.enumerate()) - before, what="the threads of a stopped ssh")
    assert not ssh.is_running() or ssh.status() == psutil.STATUS_ZOMBIE
    assert not folder.exists()


def test_an_ssh_that_hears_no_signal_ends_also_when_the_viewer_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "of the tunnel"
    folder.mkdir()
    deaf = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"]
    tunnel = subprocess.Popen(
        ["/bin/sh", "-c", kept_ssh.WHILE_STDIN_IS_OPEN, "tunnel", str(folder), *deaf],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert tunnel.stdin and tunnel.stdout
    assert tunnel.stdout.read(1) == b"1"
    tunnel.stdin.close()
    tunnel.wait(10)
    tunnel.stdout.close()
    assert not folder.exists()
