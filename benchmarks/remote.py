"""How the Remote Viewer compares with plain `ssh` on a real sshd: connect, start, listing, throughput.

    python benchmarks/remote.py [--repeats 3] [--megabytes 200] [--rtt-ms 50]

Needs root (it makes a Unix user) and openssh-server. Every row is a median, beside `ssh` doing the same in this run.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import fetching  # noqa: E402
from tests.support.environments import fifty_environments  # noqa: E402
from tests.support.link import run_link  # noqa: E402
from tests.support.remote import accept, start, stop  # noqa: E402
from tests.support.remote import connect as connect_by_api  # noqa: E402
from tests.support.server import Server, build_wheel, make_server_account, run_server  # noqa: E402
from tests.support.serving import Viewer, run_viewer  # noqa: E402
from tests.support.sshd import free_port  # noqa: E402
from tests.support.tunnels import BACKENDS, log_in, run_tunnel  # noqa: E402

from runicorn.remote.server import files, probing  # noqa: E402
from runicorn.remote.ssh.paramiko import ParamikoConnection  # noqa: E402
from runicorn.remote.trust.host_keys import HostKeyFile  # noqa: E402
from runicorn.remote.trust.target import Target  # noqa: E402

ENTRIES = 50_000

SOURCE = """
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        size = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        piece = bytes(262144)
        while size > 0:
            self.wfile.write(piece[:size])
            size -= len(piece)
    def log_message(self, *args):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Bench:
    """One server, one person's keys, and the ways to do a thing that are compared."""

    def __init__(self, server: Server, folder: Path, repeats: int) -> None:
        self.server = server
        self.repeats = repeats
        self.host_keys = HostKeyFile(folder / "known_hosts")
        self.folder = folder

    def target(self, port: int) -> Target:
        return Target.make("127.0.0.1", port, self.server.account.username)

    def connect(self, port: int) -> ParamikoConnection:
        return log_in(self.target(port), self.server.key, self.host_keys)

    def ssh(self, port: int, *words: str) -> list[str]:
        files_of_ours = ["-F", "none", "-i", str(self.server.key), "-o", f"UserKnownHostsFile={self.host_keys.path}"]
        strict = ["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentityAgent=none"]
        return ["ssh", *files_of_ours, *strict, "-p", str(port), "-l", self.server.account.username, *words]

    def median(self, work: Callable[[], Any]) -> float:
        return statistics.median(timed(work) for _ in range(self.repeats))


def timed(work: Callable[[], Any]) -> float:
    began_at = time.perf_counter()
    work()
    return time.perf_counter() - began_at


def row(what: str, ours: float, reference: float, unit: str = "s") -> None:
    print(f"{what:<44}{ours:>10.3f}{reference:>12.3f}{ours / reference:>9.2f}   {unit}")


def bench_connect(bench: Bench, port: int, label: str) -> None:
    bench.connect(port).close()
    ours = bench.median(lambda: bench.connect(port).close())
    reference = bench.median(lambda: subprocess.run(bench.ssh(port, "127.0.0.1", "true"), check=True))
    row(f"connect and log in, {label} | ssh HOST true", ours, reference)


def bench_listing(bench: Bench, port: int, label: str) -> None:
    folder = bench.server.account.home / "many"
    connection = bench.connect(port)
    ours = bench.median(lambda: files.list_folder(connection, str(folder)))
    words = bench.ssh(port, "127.0.0.1", f"ls -lanU --time-style=+%s {folder}")
    reference = bench.median(lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL))
    row(f"list {ENTRIES:,} names, {label} | ssh HOST ls", ours, reference)
    row(
        f"probe environments, {label} | ssh HOST true",
        bench.median(lambda: probing.ask(connection)),
        bench.median(lambda: subprocess.run(bench.ssh(port, "127.0.0.1", "true"), check=True)),
    )
    connection.close()


def bench_start(bench: Bench, port: int, label: str) -> None:
    """viewer/start to a working page, beside `ssh -N -L` to its first byte and the interpreter's own start-up."""
    server = bench.server
    python = [str(server.python), "-m", "runicorn", "viewer", "--no-browser", "--root", str(server.runs), "--port"]

    def start_by_hand() -> None:
        port = free_port()
        with subprocess.Popen(
            [*python, str(port)],
            user=server.account.uid,
            stdout=subprocess.PIPE,
            env={"HOME": str(server.account.home)},
        ) as process:
            assert process.stdout
            process.stdout.readline()
            process.terminate()

    def ssh_to_first_byte() -> None:
        local = free_port()
        words = bench.ssh(port, "-N", "-L", f"127.0.0.1:{local}:127.0.0.1:{remote}", "127.0.0.1")
        with subprocess.Popen(words) as process:
            wait_for(local)
            process.terminate()

    bench.connect(port).close()  # so that ssh finds the host key, too
    with running_source(server) as remote:
        tunnel = bench.median(ssh_to_first_byte)
    interpreter = bench.median(start_by_hand)
    home = bench.folder / f"home-{port}"
    home.mkdir()
    login = {**server.login(), "port": port}
    with run_viewer(bench.folder / "root", home) as viewer:
        accept(viewer, connect_by_api(viewer, login))
        connect_by_api(viewer, login)
        times = []
        for _ in range(bench.repeats):
            began_at = time.perf_counter()
            session = start(viewer, {**login, "remote_root": str(server.runs)})
            fetch_page(session["localPort"])
            times.append(time.perf_counter() - began_at)
            stop(viewer, session)
    row(f"viewer/start to a page, {label} | ssh -L + start", statistics.median(times), tunnel + interpreter)
    print(f"    (ssh -N -L to its first byte {tunnel:.3f} s, the viewer's own start on the server {interpreter:.3f} s)")


def bench_environments(bench: Bench, port: int, label: str) -> None:
    """The probe of a home with fifty environments of every kind, broken ones and odd names among them."""
    with fifty_environments(bench.server.account):
        connection = bench.connect(port)
        ours = bench.median(lambda: probing.ask(connection))
        reference = bench.median(lambda: subprocess.run(bench.ssh(port, "127.0.0.1", "true"), check=True))
        row(f"probe 50 environments, {label} | ssh HOST true", ours, reference)
        connection.close()


def bench_forwarding(bench: Bench, megabytes: int) -> None:
    """Throughput of each tunnel, and small requests beside a transfer; `ssh -N -L` takes turns with each."""
    port = bench.server.sshd.port
    with contextlib.closing(bench.connect(port)) as connection, running_source(bench.server) as remote:
        reference = free_port()
        words = bench.ssh(port, "-N", "-L", f"127.0.0.1:{reference}:127.0.0.1:{remote}", "127.0.0.1")
        with subprocess.Popen(words) as process:
            try:
                wait_for(reference)
                for name in BACKENDS:
                    with run_tunnel(name, connection, remote, bench.host_keys) as ours:
                        compare_forwards(bench, name, (ours, reference), megabytes)
            finally:
                process.terminate()


def compare_forwards(bench: Bench, name: str, ports: tuple[int, int], megabytes: int) -> None:
    for streams in (1, 8):
        ours, reference = in_turns(bench, ports, lambda port, n=streams: megabytes / fetching.bulk(port, megabytes, n))
        label = f"{name}, {streams} stream{'s' if streams > 1 else ''} | ssh -N -L"
        row(label, ours, reference, "MB/s, more is better")
    for what, number in (("p50", 49), ("p99", 98)):
        ours, reference = in_turns(
            bench, ports, lambda port, n=number: 1000 * statistics.quantiles(fetching.small_beside_bulk(port), n=100)[n]
        )
        row(f"{name}, small {what} beside bulk | ssh -N -L", ours, reference, "ms")


def in_turns(bench: Bench, ports: tuple[int, int], measure: Callable[[int], float]) -> tuple[float, float]:
    """Return the medians of both, measured by turns: what else the machine does then meets both alike."""
    pairs = [(measure(ports[0]), measure(ports[1])) for _ in range(bench.repeats)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def bench_page_during_starts(bench: Bench, rtt_secs: float) -> None:
    """How long the viewer's own page waits while eight starts to slow hosts run, beside an idle viewer."""
    home = bench.folder / "busy"
    home.mkdir()
    with contextlib.ExitStack() as stack:
        viewer = stack.enter_context(run_viewer(bench.folder / "busy-root", home))
        logins = []
        for _ in range(8):
            link = stack.enter_context(run_link(bench.server.sshd.port, rtt_secs))
            login = {**bench.server.login(), "port": link.port}
            accept(viewer, connect_by_api(viewer, login))
            logins.append(login)
        until = time.monotonic() + 5
        idle = page_waits(viewer, lambda: time.monotonic() < until)
        with ThreadPoolExecutor(8) as pool:
            root = str(bench.server.runs)
            starts = [pool.submit(start, viewer, {**login, "remote_root": root}) for login in logins]
            time.sleep(0.5)  # until this program's own eight threads have sent what they send
            busy = page_waits(viewer, lambda: not all(each.done() for each in starts))
            sessions = [each.result() for each in starts]
        for session in sessions:
            stop(viewer, session)
    for name, number in (("p50", 49), ("p99", 98)):
        row(f"page {name} during 8 starts at {rtt_secs * 1000:g} ms | idle", busy[number], idle[number], "ms")
    row("page, slowest of all, during 8 starts | idle", busy[-1], idle[-1], "ms")


def bench_page_during_silence(bench: Bench) -> None:
    """The same while eight starts wait for servers that say nothing: none of what they cost is on this machine."""
    home = bench.folder / "silence"
    home.mkdir()
    with contextlib.ExitStack() as stack:
        viewer = stack.enter_context(run_viewer(bench.folder / "silence-root", home))
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(8)]
        viewer.get("/api/runs")
        until = time.monotonic() + 5
        idle = page_waits(viewer, lambda: time.monotonic() < until)
        with ThreadPoolExecutor(8) as pool:
            who = {"host": "127.0.0.1", "username": "me", "password": "x", "remote_root": "/data"}
            bodies = [{**who, "port": listener.getsockname()[1]} for listener in silent]
            starts = [pool.submit(viewer.post, "/api/remote/viewer/start", body) for body in bodies]
            time.sleep(0.5)  # until this program's own eight threads have sent what they send
            busy = page_waits(viewer, lambda: not any(each.done() for each in starts))
    row("page p99 during 8 starts to silent hosts | idle", busy[98], idle[98], "ms")
    row("page, slowest of all, silent hosts | idle", busy[-1], idle[-1], "ms")


def page_waits(viewer: Viewer, go_on: Callable[[], bool]) -> list[float]:
    """Ask for the runs again and again; return the milliseconds: 99 quantiles and the slowest."""
    waits = []
    while go_on():
        waits.append(1000 * timed(lambda: viewer.get("/api/runs").raise_for_status()))
        time.sleep(0.005)
    return [*statistics.quantiles(waits, n=100), max(waits)]


@contextlib.contextmanager
def running_source(server: Server) -> Iterator[int]:
    """Serve bytes on the server's loopback; yield the port."""
    with subprocess.Popen([sys.executable, "-c", SOURCE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def fetch_page(port: int) -> None:
    connection = http.client.HTTPConnection("localhost", port, timeout=30)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.status == 200
    assert b"<script" in response.read()
    connection.close()


def wait_for(port: int) -> None:
    for _ in range(5000):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(b"GET /1 HTTP/1.0\r\n\r\n")
            if sock.recv(5) == b"HTTP/":
                return
        time.sleep(0.002)
    raise TimeoutError(port)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rtt-ms", type=float, default=50)
    parser.add_argument("--only", choices=["latency", "start", "throughput", "page"], help="run one part")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("This benchmark makes a Unix user and needs root.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build_wheel(folder)
        with make_server_account(wheel) as account, run_server(account, folder) as server:
            bench = Bench(server, folder, options.repeats)
            many = account.home / "many"
            many.mkdir()
            for number in range(ENTRIES):
                (many / f"20261123-093015-{number:06x}").touch()
            print(f"{'median of ' + str(options.repeats):<44}{'ours':>10}{'reference':>12}{'ratio':>9}")
            if options.only in (None, "latency"):
                with run_link(server.sshd.port, options.rtt_ms / 1000) as link:
                    for port, label in ((server.sshd.port, "loopback"), (link.port, f"{options.rtt_ms:g} ms")):
                        bench_connect(bench, port, label)
                        bench_listing(bench, port, label)
            if options.only in (None, "start"):
                bench_start(bench, server.sshd.port, "loopback")
                with run_link(server.sshd.port, options.rtt_ms / 1000) as link:
                    bench_start(bench, link.port, f"{options.rtt_ms:g} ms")
                with run_link(server.sshd.port, 0.1) as link:
                    bench_environments(bench, link.port, "100 ms")
            if options.only in (None, "throughput"):
                bench_forwarding(bench, options.megabytes)
            if options.only in (None, "page"):
                bench_page_during_silence(bench)
                bench_page_during_starts(bench, 0.2)


if __name__ == "__main__":
    main()
