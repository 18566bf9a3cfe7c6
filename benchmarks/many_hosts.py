"""All machines in one page: what the merged list, its order and its charts cost, by the number of hosts.

    python benchmarks/many_hosts.py [--hosts 1,2,4,8] [--runs 1000] [--rtt-ms 50] [--live-secs 20] [--repeats 3]
                                    [--only growth,trouble]

Needs root (it makes a Unix user) and openssh-server. Each host is an sshd of its own behind a link, with so many runs,
read by agent and by SFTP in turns; the reference is one viewer of one root on this machine that holds as many runs as
all hosts together. Every figure is the median of the repeats, but for the live minute, which is watched once.

    first rows   from the start of the first session, all at once, until GET /api/runs has a row of a host; of all of
                 them, until it has every run
    sort, group  a page of 200 by a value of the summary; groups by the host and a value of the configuration
    100 lines    one metric of 100 runs, spread over all hosts: first time, and again
    live minute  a stream that follows one running run of each host, which logs ten times a second: bytes over all
                 links, processor time of this viewer, and its memory

Then the trouble that two hosts are to the others, of as many as were asked for at most: one that says nothing any more
and one 2 s away, beside the same viewer before that. Of so many questions in a row, the 95th percentile; and the first
rows where both were like that before any session began, with what the slowest answer until then took.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.drawn_sweeps import write_run  # noqa: E402
from tests.support.link import Link, run_link  # noqa: E402
from tests.support.remote import accept, connect, stop  # noqa: E402
from tests.support.server import Server, make_account, run_server  # noqa: E402
from tests.support.serving import Viewer, run_viewer  # noqa: E402

from runicorn.storage import layout  # noqa: E402
from runicorn.storage.columns import RECORD_DTYPE  # noqa: E402
from runicorn.storage.records import MARK  # noqa: E402
from runicorn.storage.writer import prepare_root  # noqa: E402

LINES, POINTS = 100, 1000
LIVE_SECS_APART = 0.1
NEVER_SECS = 300.0
FAR_SECS, QUESTIONS = 2.0, 100
Row = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", default="1,2,4,8")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rtt-ms", type=float, default=50)
    parser.add_argument("--live-secs", type=float, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="growth,trouble")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("This benchmark makes a Unix user and needs root.")
    counts = [int(each) for each in options.hosts.split(",")]
    columns: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        account = stack.enter_context(make_account())
        hosts = []
        for number in range(max(counts)):
            (folder / str(number)).mkdir()
            server = stack.enter_context(run_server(account, folder / str(number)))
            write_runs(server.runs, number, options.runs)
            account.give(server.runs)
            link = stack.enter_context(run_link(server.sshd.port, rtt_secs=options.rtt_ms / 1000))
            hosts.append((server, link))
        for count in counts if "growth" in options.only else []:
            whole = folder / f"whole{count}"
            for number in range(count):
                write_runs(whole, number, options.runs)
            rows = [measure_hosts(folder, hosts[:count], options.runs, options.live_secs * (not repeat))
                    for repeat in range(options.repeats)]  # fmt: skip
            columns[f"{count} hosts"] = median_of(rows)
            rows = [measure_root(folder, whole, count * options.runs) for _ in range(options.repeats)]
            columns[f"{count * options.runs:,} here"] = median_of(rows)
        if columns:
            print_columns(columns, options.rtt_ms)
        if "trouble" in options.only and len(hosts) > 2:
            found = [measure_trouble(folder, hosts, options.runs) for _ in range(options.repeats)]
            print()
            print_columns({what: median_of([each[what] for each in found]) for what in found[0]}, options.rtt_ms)


def write_runs(root: Path, number: int, runs: int) -> None:
    """Write the runs of a host, the last one running."""
    prepare_root(root, now=time.time())
    steps = np.arange(POINTS)
    random = np.random.default_rng(number)
    for run in range(runs):
        loss = np.exp(-steps / 300) + random.normal(size=POINTS) * 0.01 if run < LINES else np.array([1.0, 0.5])
        write_run(
            root,
            f"20261120-{run:06d}-{number:02x}{run:04x}",
            {"loss": (steps[: len(loss)], loss)},
            {"name": f"resnet50-lr{run // 5}-s{run % 5}", "config": {"lr": 10.0 ** -(run % 5), "seed": run % 7}},
            state="running" if run == 0 else "finished",
        )


# --- what is measured -------------------------------------------------------------------------------------------------


def measure_hosts(folder: Path, hosts: Sequence[tuple[Server, Link]], runs: int, live_secs: float) -> Row:
    row: Row = {}
    with connected(folder, hosts) as (viewer, client):
        began = time.perf_counter()
        with started(viewer, hosts) as sessions:
            until(lambda: bool(client.get("/api/runs?limit=200").json()["runs"]))
            row["first rows s"] = time.perf_counter() - began
            until(lambda: client.get("/api/runs?limit=1").json()["total"] == len(hosts) * runs)
            row["all rows s"] = time.perf_counter() - began
            wait_for(sessions, len(hosts))
            row |= ask_of_page(client)
            if live_secs:
                row |= live(client, viewer, hosts, live_secs)
            row["memory MB"] = psutil.Process(viewer.process.pid).memory_info().rss / 2**20
            for session in sessions.values():
                stop(viewer, session)
    return row


def measure_trouble(folder: Path, hosts: Sequence[tuple[Server, Link]], runs: int) -> dict[str, Row]:
    """Return what is waited for while all hosts are well, and while the last two are in trouble."""
    columns: dict[str, Row] = {}
    with connected(folder, hosts) as (viewer, client), started(viewer, hosts) as sessions:
        until(lambda: client.get("/api/runs?limit=1").json()["total"] == len(hosts) * runs)
        wait_for(sessions, len(hosts))
        question = chart_of(client, [link.port for _, link in hosts[:-2]])
        columns["all well"] = often(client, question)
        with in_trouble(*hosts[-2:]):
            columns["two in trouble"] = often(client, question)
        for session in sessions.values():
            stop(viewer, session)
    for what, row in columns.items():
        trouble = in_trouble(*hosts[-2:]) if what == "two in trouble" else contextlib.nullcontext()
        with connected(folder, hosts) as (viewer, client), trouble, started(viewer, hosts):
            began, slowest = time.perf_counter(), 0.0
            for name, least in ("first rows s", 1), ("as many rows as the others have s", (len(hosts) - 2) * runs):
                total = 0
                while total < least:
                    asked = time.perf_counter()
                    total = client.get("/api/runs?limit=200").json()["total"]
                    slowest = max(slowest, time.perf_counter() - asked)
                row[name] = time.perf_counter() - began
            row["slowest answer s"] = slowest
    return columns


@contextlib.contextmanager
def connected(folder: Path, hosts: Sequence[tuple[Server, Link]]) -> Iterator[tuple[Viewer, httpx.Client]]:
    """Yield a new viewer that is connected to all of them, and who asks it."""
    with tempfile.TemporaryDirectory(dir=folder) as home, run_viewer(Path(home) / "root", Path(home)) as viewer:
        for server, link in hosts:
            accept(viewer, connect(viewer, {**server.login(), "port": link.port}))
            assert connect(viewer, {**server.login(), "port": link.port}).status_code == 200
        with httpx.Client(base_url=viewer.url, timeout=NEVER_SECS) as client:
            yield viewer, client


@contextlib.contextmanager
def in_trouble(far: tuple[Server, Link], hole: tuple[Server, Link]) -> Iterator[None]:
    """Have one host 2 s away, and let nothing through to or from another one."""
    before, far[1].rtt_secs = far[1].rtt_secs, FAR_SECS
    hole[1].stall()
    try:
        yield
    finally:
        far[1].rtt_secs = before
        hole[1].resume()


@contextlib.contextmanager
def started(viewer: Viewer, hosts: Sequence[tuple[Server, Link]]) -> Iterator[dict[int, Any]]:
    """Start a session on each of them at the same time; those that have begun are in what this gives."""
    sessions: dict[int, Any] = {}

    def begin(number: int, server: Server, link: Link) -> None:
        mode = ["agent", "sftp"][number % 2]
        body = {**server.login(), "port": link.port, "remote_root": str(server.runs), "mode": mode}
        answer = viewer.post("/api/remote/viewer/start", body)
        if answer.status_code == 200:  # of one that is silent it fails
            sessions[number] = answer.json()["session"]

    threads = [threading.Thread(target=begin, args=(number, *host)) for number, host in enumerate(hosts)]
    for thread in threads:
        thread.start()
    try:
        yield sessions
    finally:
        for thread in threads:
            thread.join()


def wait_for(sessions: dict[int, Any], count: int) -> None:
    until(lambda: [session["status"] for session in sessions.values()] == ["running"] * count)


def measure_root(folder: Path, root: Path, runs: int) -> Row:
    row: Row = {}
    with tempfile.TemporaryDirectory(dir=folder) as home:
        began = time.perf_counter()
        with run_viewer(root, Path(home)) as viewer, httpx.Client(base_url=viewer.url, timeout=NEVER_SECS) as client:
            until(lambda: bool(client.get("/api/runs?limit=200").json()["runs"]))
            row["first rows s"] = time.perf_counter() - began
            until(lambda: client.get("/api/runs?limit=1").json()["total"] == runs)
            row["all rows s"] = time.perf_counter() - began
            row |= ask_of_page(client)
            row["memory MB"] = psutil.Process(viewer.process.pid).memory_info().rss / 2**20
    return row


def ask_of_page(client: httpx.Client) -> Row:
    """Return what a page waits for once all rows are there, in milliseconds."""

    def get(path: str) -> float:
        return millis(lambda: client.get(path).raise_for_status())

    question = chart_of(client)
    return {
        "sort ms": get("/api/runs?limit=200&sort=summary.loss&order=asc"),
        "group ms": get("/api/run-groups?by=host&by=config.lr&range=0-100"),
        "100 lines ms": millis(lambda: client.post("/api/lines", json=question).raise_for_status(), 1),
        "100 lines again ms": millis(lambda: client.post("/api/lines", json=question).raise_for_status()),
    }


def chart_of(client: httpx.Client, ports: Collection[int] | None = None) -> dict[str, Any]:
    """Return what a page asks for a chart of 100 runs: of all sources, or of the hosts that are reached by these."""
    by_source: dict[str, list[str]] = {}
    found = client.get("/api/runs?limit=1000&sort=name&order=asc").json()
    reached = {each["id"]: int((each["connection_id"] or ":0").rpartition(":")[2]) for each in found["sources"]}
    for run in found["runs"]:
        if run["name"].endswith("-s0") and (ports is None or reached[run["source"]] in ports):
            by_source.setdefault(run["source"], []).append(run["id"])
    chosen = [run for each in by_source.values() for run in each[: -(-LINES // len(by_source))]][:LINES]
    return {"runs": chosen, "charts": [{"metric": "loss"}], "points": 800}


def often(client: httpx.Client, question: dict[str, Any]) -> Row:
    """Return the 95th percentiles of what a page waits for, in milliseconds."""
    client.post("/api/lines", json=question).raise_for_status()
    sort, chart = [], []
    for _ in range(QUESTIONS):
        sort.append(millis(lambda: client.get("/api/runs?limit=200&sort=summary.loss").raise_for_status(), 1))
        chart.append(millis(lambda: client.post("/api/lines", json=question).raise_for_status(), 1))
        time.sleep(0.1)
    return {
        "sort p95 ms": float(np.percentile(sort, 95)),
        "100 lines p95 ms": float(np.percentile(chart, 95)),
        "sort median ms": statistics.median(sort),
        "100 lines median ms": statistics.median(chart),
    }


def live(client: httpx.Client, viewer: Viewer, hosts: Sequence[tuple[Server, Link]], secs: float) -> Row:
    """Follow the running run of each host, and return what that costs a minute."""
    running = [run["id"] for run in client.get("/api/runs?limit=1000&q=resnet50-lr0-s0").json()["runs"]]
    ends = threading.Event()
    seen = {"points": 0}

    def write() -> None:
        files = [
            next((server.runs / layout.RUNS).glob("20261120-000000-*")) / layout.METRICS_FILE for server, _ in hosts
        ]
        step = POINTS
        while not ends.wait(LIVE_SECS_APART):
            row = np.zeros(1, RECORD_DTYPE)
            row["mark"], row["step"], row["time"], row["value"] = MARK, step, time.time(), 0.5
            for file in files:
                with file.open("ab") as opened:
                    opened.write(row.tobytes())
            step += 1

    def listen() -> None:
        with client.stream("GET", "/api/live", params={"run": running}) as answer:
            for line in answer.iter_lines():
                seen["points"] += line == "event: points"
                if ends.is_set():
                    return

    threads = [threading.Thread(target=work) for work in (write, listen)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    process = psutil.Process(viewer.process.pid)
    carried, cpu = sum(link.bytes_carried for _, link in hosts), sum(process.cpu_times()[:2])
    time.sleep(secs)
    minutes = secs / 60
    row = {
        "live kB a minute": (sum(link.bytes_carried for _, link in hosts) - carried) / 1000 / minutes,
        "live CPU s a minute": (sum(process.cpu_times()[:2]) - cpu) / minutes,
    }
    ends.set()
    for thread in threads:
        thread.join()
    assert seen["points"], "no point came by the stream"
    return row


# --- helpers ----------------------------------------------------------------------------------------------------------


def millis(work: Callable[[], object], times: int = 5) -> float:
    measured = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        measured.append(1000 * (time.perf_counter() - began))
    return statistics.median(measured)


def until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + NEVER_SECS
    while not is_so():
        if time.monotonic() > ends_at:
            raise TimeoutError("it did not come about")
        time.sleep(0.02)


def median_of(rows: Sequence[Row]) -> Row:
    return {what: statistics.median(row[what] for row in rows if what in row) for what in rows[0]}


def print_columns(columns: dict[str, Row], rtt_ms: float) -> None:
    print(f"round trip {rtt_ms:g} ms; in brackets times what the first column has")
    print(f"{'':36}" + "".join(f"{name:>20}" for name in columns))
    first = next(iter(columns.values()))
    for what, value in first.items():
        cells = [
            "" if what not in row else f"{row[what]:,.1f} ({row[what] / value:,.1f})" if value else f"{row[what]:,.1f}"
            for row in columns.values()
        ]
        print(f"{what:36}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
