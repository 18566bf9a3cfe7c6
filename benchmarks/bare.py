"""What a page of a GPU server costs in each mode: an installed viewer there, an agent, SFTP alone; by a delayed link.

    python benchmarks/bare.py [--only rows,chart,list,live] [--modes viewer,agent,sftp] [--rtt-ms 0,50,200]
                              [--runs 1000,10000] [--points 1000000] [--live-secs 60] [--repeats 3]

Needs root (it makes a Unix user) and openssh-server. All modes go through one relay, and `ssh HOST true` as well, whose
median in this run is what the figures in brackets are multiples of. Every figure is a median, but for those of a live
run, which is watched once. Round trips are those that follow on one another, whatever is under way beside them.

    rows    from the host's name (POST viewer/start, a host whose key is known) until the session's own address shows
            the first run: not connected before, and again, connected
    chart   a new session, one metric of a million points: what the page asks for it (POST /api/metrics and /api/lines);
            bytes over the link, and the most memory that what reads it took on the server, and our viewer
    list    a new session: until GET /api/runs has all runs; and again, after nothing changed
    live    a run that logs 100 values a second, watched by a live stream: memory of what reads it on the server, at
            rest and at most; processor time there and here, and bytes, of a minute
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside_ssh import login_by_ssh  # noqa: E402
from tests.support.drawn_sweeps import write_run  # noqa: E402
from tests.support.link import Link, run_link  # noqa: E402
from tests.support.other_servers import SFTP_SERVER  # noqa: E402
from tests.support.remote import login_by, start, stop, viewer_that_knows  # noqa: E402
from tests.support.server import Server, build_wheel, make_server_account, run_server  # noqa: E402
from tests.support.serving import Viewer  # noqa: E402

from runicorn.storage.writer import prepare_root  # noqa: E402

MODES = ("viewer", "agent", "sftp")
PARTS = ("rows", "chart", "list", "live")
NEVER_SECS = 300.0
CHART_POINTS = 800  # pixels across
REST_SECS = 3.0
Row = dict[str, float]  # what is measured by its name, in the order in which it is printed


@dataclass
class Scene:
    """One server, and one viewer of ours that reaches it by a link. samples: roots on the server, by name.

    home: the viewer's.
    """

    server: Server
    viewer: Viewer
    link: Link
    samples: dict[str, Path]
    home: Path

    @contextlib.contextmanager
    def session(self, mode: str, root: Path) -> Iterator[tuple[dict[str, Any], httpx.Client]]:
        """Start a session, with nothing kept from before on either side; yield it and who asks it."""
        for kept in (self.server.account.home / ".cache", self.home / "runicorn" / "cache"):
            shutil.rmtree(kept, ignore_errors=True)
        session = start(self.viewer, {**login_by(self.server, self.link), "remote_root": str(root), "mode": mode})
        try:
            with httpx.Client(base_url=session["url"], timeout=NEVER_SECS) as client:
                yield session, client
        finally:
            stop(self.viewer, session)

    @contextlib.contextmanager
    def taken(self, row: Row, what: str) -> Iterator[None]:
        """Note the seconds, round trips and bytes of what is done meanwhile."""
        rounds, carried, began_at = self.link.rounds, self.link.bytes_carried, time.perf_counter()
        yield
        row[f"{what}, s"] = time.perf_counter() - began_at
        row[f"{what}, round trips"] = self.link.rounds - rounds
        row[f"{what}, kB"] = (self.link.bytes_carried - carried) / 1000

    def reader(self, session: dict[str, Any]) -> psutil.Process:
        """Return what reads the root on the server."""
        if session["remotePid"]:
            return psutil.Process(session["remotePid"])
        return next(each for words, each in self.server.processes().items() if words.startswith(SFTP_SERVER))


# --- what is measured -------------------------------------------------------------------------------------------------


def measure_rows(scene: Scene, mode: str) -> Row:
    row: Row = {}
    for what in ("first row", "first row again"):
        if what == "first row":
            scene.viewer.post("/api/remote/disconnect", scene.server.target(port=scene.link.port))
        with contextlib.ExitStack() as sessions, scene.taken(row, what):  # its end is not measured
            _, client = sessions.enter_context(scene.session(mode, scene.samples["chart"]))
            until(lambda client=client: bool(client.get("/api/runs").json()["runs"]))
    return row


def measure_chart(scene: Scene, mode: str) -> Row:
    row: Row = {}
    root = scene.samples["chart"]
    (run,) = (each.name for each in (root / "runs").iterdir())
    here = psutil.Process(scene.viewer.process.pid)
    with scene.session(mode, root) as (session, client):
        forget_peak(here)
        with scene.taken(row, "chart"):
            client.post("/api/metrics", json={"runs": [run]}).raise_for_status()
            question = {"runs": [run], "charts": [{"metric": "loss", "runs": [0]}], "points": CHART_POINTS}
            client.post("/api/lines", json=question).raise_for_status()
        row["chart, server's MB at most"] = peak_mb(scene.reader(session))
        row["chart, our viewer's MB at most"] = peak_mb(here)
    return row


def measure_list(scene: Scene, mode: str, runs: int) -> Row:
    row: Row = {}

    def is_complete() -> bool:
        found = client.get("/api/runs").json()
        return found["total"] == runs and found["indexing"] is None

    with scene.session(mode, scene.samples[f"list {runs}"]) as (session, client):
        with scene.taken(row, f"{runs:,} runs"):
            until(is_complete)
        time.sleep(REST_SECS)  # it does not look again at once where the last look took long
        with scene.taken(row, f"{runs:,} runs again"):
            until(is_complete)
        row[f"{runs:,} runs, server's MB at most"] = peak_mb(scene.reader(session))
    return row


def measure_live(scene: Scene, mode: str, secs: float) -> Row:
    row: Row = {}
    writer = scene.server.train(steps=10**7)
    ended = threading.Event()
    try:
        with scene.session(mode, scene.server.runs) as (session, client):
            until(lambda: bool(client.get("/api/runs").json()["runs"]))
            run = client.get("/api/runs").json()["runs"][0]["id"]
            reader, here = scene.reader(session), psutil.Process(scene.viewer.process.pid)
            time.sleep(REST_SECS)
            row["live, server's MB at rest"] = reader.memory_info().rss / 1e6
            watch = threading.Thread(target=listen, args=(session["url"], run, ended))
            watch.start()
            time.sleep(REST_SECS)
            each = {"reader": [reader], "sshd": scene.server.sshd_children(), "here": [here]}
            before = {name: cpu_secs(processes) for name, processes in each.items()}
            carried = scene.link.bytes_carried
            time.sleep(secs)
            row["live, server's MB at most"] = peak_mb(reader)
            for name, processes in each.items():
                row[f"live minute, CPU s of {name}"] = (cpu_secs(processes) - before[name]) * 60 / secs
            row["live minute, kB"] = (scene.link.bytes_carried - carried) * 60 / secs / 1000
            ended.set()
            watch.join()
    finally:
        ended.set()
        writer.kill()
        writer.wait()
        shutil.rmtree(scene.server.runs / "runs", ignore_errors=True)
    return row


def listen(url: str, run: str, ended: threading.Event) -> None:
    """Read a live stream, as a page does, until it shall end."""
    with httpx.stream("GET", f"{url}/api/live", params={"run": run}, timeout=NEVER_SECS) as answer:
        for _ in answer.iter_raw():
            if ended.is_set():
                return


def until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + NEVER_SECS
    while not check():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.002)


def forget_peak(process: psutil.Process) -> None:
    """Let peak_mb() tell of the time from now on."""
    Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")


def peak_mb(process: psutil.Process) -> float:
    """Return the most memory that it ever held, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def cpu_secs(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for each in processes for times in [each.cpu_times()])


# --- samples, and the table -------------------------------------------------------------------------------------------


def write_samples(home: Path, runs: list[int], points: int, parts: list[str]) -> dict[str, Path]:
    samples = {"chart": home / "chart"}
    noise = np.random.default_rng(1).normal(size=points) * 0.1
    loss = (3 * np.exp(-np.arange(points) / points) + noise).astype(np.float32)
    write_run(samples["chart"], "20261120-000000-000000", {"loss": (range(points), loss)}, {"name": "long"})
    for count in runs if "list" in parts else []:
        samples[f"list {count}"] = home / f"list-{count}"
        for number in range(count):
            values = (range(3), np.array([1.0, 0.5, number / count]))
            info = {"name": f"resnet50-s{number}", "project": "sweeps", "config": {"seed": number, "model": "resnet50"}}
            run_id = f"20261120-{number:06d}-{number:06x}"
            write_run(samples[f"list {count}"], run_id, {"loss": values, "acc": values}, info)
    for root in samples.values():  # as recorders leave it, and a viewer knows it by
        prepare_root(root, now=time.time())
    return samples


def wanted(what: str, rtt_secs: float, reference: float) -> float | None:
    """Return what the agent shall take at most."""
    limits = {
        "first row, s": reference + 3 * rtt_secs,
        "1,000 runs, s": 0.6 if rtt_secs <= 0.05 else None,
        "chart, s": 0.7,
        "live, server's MB at rest": 30.0,
    }
    return limits.get(what)


def report(medians: dict[str, Row], rtt_secs: float, reference: float) -> None:
    """Print a line for each figure. medians: by mode."""
    for what in next(iter(medians.values()), {}):
        is_time = what.endswith(", s")
        cells = [
            f"{row[what]:,.3f} ({row[what] / reference:.1f})" if is_time else f"{row[what]:,.1f}"
            for row in medians.values()
        ]
        limit, notes = wanted(what, rtt_secs, reference), []
        agent, sftp = (medians.get(mode, {}).get(what) for mode in ("agent", "sftp"))
        if limit is not None and agent is not None:
            notes.append(f"at most {limit:.2f}{', missed' if agent > limit else ''}")
        if is_time and agent is not None and sftp is not None:
            notes.append(f"sftp / agent {sftp / agent:.1f}{', missed' if sftp > 3 * agent else ''}")
        print(f"{what:<34}{''.join(f'{cell:>18}' for cell in cells)}   {'; '.join(notes)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--rtt-ms", default="0,50,200")
    parser.add_argument("--runs", default="1000,10000")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--live-secs", type=float, default=60.0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("This benchmark makes a Unix user and needs root.")
    parts, modes, counts = options.only.split(","), options.modes.split(","), list(map(int, options.runs.split(",")))
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        account = stack.enter_context(make_server_account(build_wheel(folder)))
        server = stack.enter_context(run_server(account, folder, options={"Subsystem": f"sftp {SFTP_SERVER}"}))
        samples = write_samples(account.home, counts, options.points, parts)
        account.give(account.home)
        os.sync()  # or the first repeat waits for the disk that takes the samples
        for rtt_ms in map(float, options.rtt_ms.split(",")):
            (folder / f"{rtt_ms:g}").mkdir()
            with (
                run_link(server.sshd.port, rtt_ms / 1000) as link,
                viewer_that_knows(server, link, folder / f"{rtt_ms:g}") as viewer,
            ):
                home = folder / f"{rtt_ms:g}" / "home"
                measure(Scene(server, viewer, link, samples, home), parts, modes, counts, options)


def measure(scene: Scene, parts: list[str], modes: list[str], counts: list[int], options: argparse.Namespace) -> None:
    works: list[tuple[Callable[[str], Row], int]] = []
    if "rows" in parts:
        works.append((lambda mode: measure_rows(scene, mode), options.repeats))
    if "chart" in parts:
        works.append((lambda mode: measure_chart(scene, mode), options.repeats))
    if "list" in parts:
        works += [(lambda mode, count=count: measure_list(scene, mode, count), options.repeats) for count in counts]
    if "live" in parts:
        works.append((lambda mode: measure_live(scene, mode, options.live_secs), 1))
    rounds = scene.link.rounds
    reference = statistics.median(login_by_ssh(scene.server, scene.link) for _ in range(max(3, options.repeats)))
    rounds = (scene.link.rounds - rounds) // max(3, options.repeats)
    title = f"round trip {scene.link.rtt_secs * 1000:g} ms, median of {options.repeats}"
    print(f"\n{title:<34}{''.join(f'{mode:>18}' for mode in modes)}")
    print(f"ssh HOST true, s{reference:>36.3f}   {rounds} round trips", flush=True)
    measure_rows(scene, modes[0])  # what is loaded with the first session counts for none
    for work, repeats in works:
        rows = {mode: [work(mode) for _ in range(repeats)] for mode in modes}
        medians = {
            mode: {what: statistics.median(each[what] for each in found) for what in found[0]}
            for mode, found in rows.items()
        }
        report(medians, scene.link.rtt_secs, reference)


if __name__ == "__main__":
    main()
