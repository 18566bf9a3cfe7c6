"""Eight sessions on eight servers: what two bad ones cost the other six; and what hundreds of cycles leave behind.

    python benchmarks/many_sessions.py [--cycles 500] [--requests 300]

Needs root (it makes a Unix user) and openssh-server. The figures beside are those of the same sessions before.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.link import Link, run_link  # noqa: E402
from tests.support.remote import accept, connect, start, stop  # noqa: E402
from tests.support.server import Server, build_wheel, make_server_account, run_server  # noqa: E402
from tests.support.serving import Viewer, run_viewer  # noqa: E402

HOSTS = 8
SLOW_RTT_SECS = 2.0


@dataclass
class Host:
    """A server behind a link, and the session on it."""

    server: Server
    link: Link
    session: dict[str, Any]


def percentiles(host: Host, requests: int) -> tuple[float, float]:
    """Return the median and the 95th percentile of a request through the session's tunnel, in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", host.session["localPort"], timeout=30)
    waits = []
    for _ in range(requests):
        began_at = time.perf_counter()
        connection.request("GET", "/api/runs", headers={"Host": f"localhost:{host.session['localPort']}"})
        connection.getresponse().read()
        waits.append(1000 * (time.perf_counter() - began_at))
        time.sleep(0.005)
    connection.close()
    return statistics.median(waits), statistics.quantiles(waits, n=20)[18]


def measure(hosts: list[Host], requests: int) -> tuple[float, float]:
    """Return the medians over the hosts, each asked at the same time as the others."""
    found: list[tuple[float, float]] = []
    threads = [threading.Thread(target=lambda host=host: found.append(percentiles(host, requests))) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.median(each[0] for each in found), statistics.median(each[1] for each in found)


def bench_bad_neighbours(viewer: Viewer, hosts: list[Host], requests: int) -> None:
    """Two go bad after the first measurement: one stalls, one has a round trip of two seconds. Three times."""
    good, slow, stalled = hosts[:-2], hosts[-2], hosts[-1]
    rounds = []
    for _ in range(3):
        before = measure(good, requests)
        slow.link.rtt_secs = SLOW_RTT_SECS
        stalled.link.stall()
        time.sleep(15)  # by now the one is missed, and every attempt to bring it back hangs as long as it may
        during = measure(good, requests)
        slow.link.rtt_secs = 0.0
        stalled.link.resume()
        wait_until_running(viewer, hosts)
        rounds.append((before, during))
    for name, number in (("p50", 0), ("p95", 1)):
        before_ms = statistics.median(before[number] for before, _ in rounds)
        during_ms = statistics.median(during[number] for _, during in rounds)
        print(f"{name} of six beside two bad ones, ms{during_ms:>22.2f}{before_ms:>12.2f}{during_ms / before_ms:>9.2f}")
    alive = viewer.get(f"/api/remote/viewer/status/{slow.session['sessionId']}").json()
    print(f"the one with a round trip of {SLOW_RTT_SECS:g} s: {alive['status']}, {alive['reconnects']} reconnects")


def wait_until_running(viewer: Viewer, hosts: list[Host]) -> None:
    for _ in range(1200):
        sessions = viewer.get("/api/remote/viewer/sessions").json()["sessions"]
        if [each["status"] for each in sessions] == ["running"] * len(hosts):
            return
        time.sleep(0.1)
    raise TimeoutError("not all sessions came back")


def bench_cycles(viewer: Viewer, server: Server, cycles: int) -> None:
    """Connect, start, stop, disconnect, again and again; what the viewer holds after the first tenth and at the end."""
    body = server.login(remote_root=str(server.runs))
    process = psutil.Process(viewer.process.pid)
    shots = {}
    for number in range(1, cycles + 1):
        assert connect(viewer, body).status_code == 200
        assert stop(viewer, start(viewer, body)).json()["ok"]
        assert viewer.post("/api/remote/disconnect", server.target()).json()["ok"]
        if number in (max(1, cycles // 10), cycles):
            time.sleep(8)  # what ends by itself has ended
            viewer.get("/api/health")
            shots[number] = (
                process.num_threads(),
                process.num_fds(),
                len(process.children(recursive=True)),
                round(process.memory_info().rss / 1e6, 1),
            )
    (early, before), (late, after) = sorted(shots.items())
    print(f"{'after ' + str(late) + ' cycles | after ' + str(early):<34}{'':>10}")
    for name, now, then in zip(("threads", "descriptors", "children", "memory, MB"), after, before, strict=True):
        print(f"    {name:<30}{now:>24}{then:>12}{now / then if then else 1:>9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--only", choices=["neighbours", "cycles"])
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("This benchmark makes a Unix user and needs root.")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        account = stack.enter_context(make_server_account(build_wheel(folder)))
        viewer = stack.enter_context(run_viewer(folder / "root", folder))
        print(f"{'':<34}{'then':>24}{'before':>12}{'ratio':>9}")
        if options.only != "cycles":
            hosts = []
            for number in range(HOSTS):
                (folder / str(number)).mkdir()
                server = stack.enter_context(run_server(account, folder / str(number)))
                link = stack.enter_context(run_link(server.sshd.port))
                body = {**server.login(remote_root=str(server.runs)), "port": link.port}
                accept(viewer, connect(viewer, body))
                hosts.append(Host(server, link, start(viewer, body)))
            bench_bad_neighbours(viewer, hosts, options.requests)
            for host in hosts:
                stop(viewer, host.session)
        if options.only != "neighbours":
            (folder / "cycles").mkdir()
            server = stack.enter_context(run_server(account, folder / "cycles"))
            accept(viewer, connect(viewer, server.login()))
            bench_cycles(viewer, server, options.cycles)


if __name__ == "__main__":
    main()
