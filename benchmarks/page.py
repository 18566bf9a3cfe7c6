"""What a person waits for in the page, in a real Chromium, at the sizes that people have.

    python benchmarks/page.py [--parts list,lines,metrics,live,peers] [--points 1000000] [--runs 100] [--repeats 3]
                              [--peers tensorboard,trackio] [--peer-points 10000] [--check]

A real viewer in a process of its own, a real Chromium without a window beside it; every figure is the median of the
repeats. A frame is the time between two of the browser's, so that 16.7 ms is the best that there is. The reference of
the same run are `empty page`, how long the page takes to show a root without runs, and `scan of the lines`, what the
least of the work over their files takes (scanning.py): by it, targets are as many times as long as where they are from.

    list       10,000 runs: to the first rows; the 95th percentile of frames while the list is scrolled; from the last
               key of a filter, the click on a head, the choice of a grouping until the rows stand there
    lines      one metric of 100 runs of 1,000,000 points each, from opening the page to the last line drawn: where
               nothing was ever computed, with a new viewer that finds the pyramids on disk, and again; frames while the
               pointer moves over the chart; requests and bytes; the page's heap; the viewer's memory at its peak
    metrics    a run of 500 metrics: to the first chart, frames while it is scrolled to its end
    live       50 running runs of 20 metrics at 10 points a second for 30 s: bytes and processor time a minute, of the
               viewer and of the page
    peers      beside TensorBoard and trackio, where they have the function, at sizes that they stand: 1,000 runs, to
               the first rows, until nothing holds the page up, and until a filter by a name has left one row; 100 lines
               of 10,000 points, from opening the page until they have come and nothing holds it up, and again, frames
               while the pointer moves over them, the page's heap, the viewer's memory; 500 metrics, to the first chart,
               and frames while they are scrolled. Each viewer has loaded all before its page is opened. They do not
               sort, group or draw live runs of this number
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from tests.support.browser import run_chromium
from tests.support.drawn_sweeps import write_run

from peers.browsing import Traffic, begin_frames, end_frames, heap_mb, hover, scroll, since
from peers.page_trial import compare_pages
from peers.tables import behind, print_table
from peers.viewers import VIEWERS
from runicorn.files import replace_file
from runicorn.storage import layout
from runicorn.storage.columns import RECORD_DTYPE
from runicorn.storage.records import MARK
from scanning import HUNDRED_MS, scan_all, seconds

LIST_RUNS, METRICS, LIVE_RUNS, LIVE_METRICS, LIVE_RATE, LIVE_SECS = 10_000, 500, 50, 20, 10, 30
TIMEOUT_MS = 120_000
TWO_FRAMES_MS = 33.4
TARGETS = {"lines hover p95 ms": TWO_FRAMES_MS, "lines viewer MB": 200}
# Where HUNDRED_MS is what a plain scan of the same files takes; elsewhere, as many times as long as there.
SCALED_TARGETS = {"lines cold ms": 2000, "lines warm ms": 600}
DRAWN = """(lines) => {
    const { lines: drawn, complete } = document.querySelector(".chart")?.dataset ?? {};
    return drawn === lines && complete === "true" && document.querySelector(".chart-frame")?.dataset.painted;
}"""

Row = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description="What a person waits for in the page.")
    parser.add_argument("--parts", default="list,lines,metrics,live,peers")
    parser.add_argument("--peers", default=",".join(VIEWERS), help="by commas; runicorn is always measured")
    parser.add_argument("--peer-points", type=int, default=10_000, help="of each line beside the peers")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()
    parts: dict[str, Callable[[Path, Browser], Row]] = {
        "list": measure_list,
        "lines": measure_lines,
        "metrics": measure_metrics,
        "live": measure_live,
    }
    wanted = [name for name in parts if name in args.parts.split(",")]
    with tempfile.TemporaryDirectory(prefix="runicorn-bench-") as name, run_chromium() as browser:
        folder = Path(name)
        if "list" in wanted:
            write_list(folder / "list")
        if "lines" in wanted:
            write_lines(folder / "lines", args.runs, args.points)
        if "metrics" in wanted:
            write_metrics(folder / "metrics")
        if hasattr(os, "sync"):
            os.sync()  # or the first repeat waits for the disk that takes the samples
        rows: dict[str, list[float]] = {}
        for repeat in range(args.repeats):
            print(f"repeat {repeat + 1} of {args.repeats}", file=sys.stderr, flush=True)
            for found in [
                measure_empty(folder / "empty", browser),
                *(parts[each](folder / each, browser) for each in wanted),
            ]:
                for what, value in found.items():
                    rows.setdefault(what, []).append(value)
        medians = {what: statistics.median(values) for what, values in rows.items()}
        targets: Row = dict(TARGETS)
        if "lines" in wanted:
            record_files = sorted((folder / "lines").rglob("*.bin"))
            scan_ms = seconds(lambda: scan_all(record_files), 5) * 1000
            medians = {"scan of the lines ms": scan_ms, **medians}
            targets |= {what: ms * scan_ms / HUNDRED_MS for what, ms in SCALED_TARGETS.items()}
        missed = report(medians, targets, args.repeats)
        if "peers" in args.parts.split(","):
            peers = ["runicorn", *(name for name in VIEWERS if name in args.peers.split(",") and name != "runicorn")]
            compared = compare_pages(browser, folder / "peers", peers, args.peer_points, args.repeats)
            names = "1,000 runs, 100 lines of {:,} points and 500 metrics in each viewer's own page"
            print(names.format(args.peer_points) + "; in brackets how many times ours")
            print_table(compared, 36)
            print(behind(compared))
    return 1 if args.check and missed else 0


def report(medians: Row, targets: Row, repeats: int) -> int:
    """Print the figures; return how many targets are missed."""
    reference = medians["empty page ms"]
    missed = 0
    print(f"median of {repeats}; in brackets how many times the empty page's time")
    for what, value in medians.items():
        target = targets.get(what)
        late = target is not None and value > target
        missed += late
        ratio = f" ({value / reference:.1f})" if what.endswith(" ms") and "p95" not in what else ""
        wanted = f"  at most {target:,.1f}{', missed' if late else ''}" if target else ""
        if what in SCALED_TARGETS:
            wanted += f" ({SCALED_TARGETS[what]:,} where the scan takes {HUNDRED_MS:.0f})"
        print(f"{what:28}{value:12,.1f}{ratio:10}{wanted}", flush=True)
    return missed


# --- samples ----------------------------------------------------------------------------------------------------------


def write_list(root: Path) -> None:
    for number in range(LIST_RUNS):
        config = {
            "lr": 10.0 ** -(number % 5),
            "seed": number % 7,
            "model": ["resnet50", "vit-s", "convnext"][number % 3],
        }
        name = f"{config['model']}-imagenet-lr{config['lr']}-bs128-s{config['seed']}"
        loss = np.array([1.0, 0.5, number / LIST_RUNS])
        series = {"loss": (np.arange(3), loss), "acc": (np.arange(3), 1 - loss)}
        write_run(root, f"20261120-{number:06d}-{number:06x}", series,
                  {"name": name, "project": f"sweeps/{number % 10}", "config": config, "tags": ["sweep"]})  # fmt: skip


def write_lines(root: Path, runs: int, points: int) -> None:
    steps = np.arange(points)
    for number in range(runs):
        noise = np.random.default_rng(number).normal(size=points) * 0.1
        values = (3 * np.exp(-steps / points * (1 + number / 50)) + noise).astype(np.float32)
        write_run(root, f"20261120-{number:06d}-{number:06x}", {"loss": (steps, values)},
                  {"name": f"resnet50-imagenet-lr{number // 5}-bs128-s{number % 5}"})  # fmt: skip


def write_metrics(root: Path) -> None:
    steps = np.arange(200)
    series = {f"group{number // 25}/metric{number}": (steps, np.sin(steps / (number + 1))) for number in range(METRICS)}
    write_run(root, "many", series, {"name": "many metrics"})


# --- what is measured -------------------------------------------------------------------------------------------------


def measure_empty(root: Path, browser: Browser) -> Row:
    root.mkdir(exist_ok=True)
    with viewer(root, root.parent / "home-empty") as (_, url), opened(browser) as page:
        page.goto(url)
        page.wait_for_selector(".app", timeout=TIMEOUT_MS)
        began = time.perf_counter()
        page.goto("about:blank")
        page.goto(f"{url}#/runs")
        page.get_by_text("No runs yet").first.wait_for(timeout=TIMEOUT_MS)
        return {"empty page ms": since(began)}


def measure_list(root: Path, browser: Browser) -> Row:
    found: Row = {}
    with viewer(root, root.parent / "home-list") as (_, url), opened(browser) as page:
        began = time.perf_counter()
        page.goto(f"{url}#/runs?sel=none")
        page.locator(".row").first.wait_for(timeout=TIMEOUT_MS)
        found["list first rows ms"] = since(began)
        page.wait_for_timeout(1000)
        found["list scroll p95 ms"] = scroll(page, page.locator(".row").first, 60, 400)
        found["list filter ms"] = until_answer(page, lambda: page.evaluate(go({"q": "config.lr < 0.01 and acc > 0.5"})))
        found["list sort ms"] = until_answer(page, lambda: page.evaluate(go({"sort": "summary.loss", "order": "asc"})))
        found["list group ms"] = until_answer(page, lambda: page.evaluate(go({"group": "config.lr,config.model"})))
        found["list heap MB"] = heap_mb(page)
    return found


def measure_lines(root: Path, browser: Browser) -> Row:
    home = root.parent / "home-lines"
    shutil.rmtree(home, ignore_errors=True)
    ids = sorted(each.name for each in (root / "runs").iterdir())
    place = f"#/runs?sel={','.join(ids)}"
    found: Row = {}
    for what in ("cold", "saved"):
        with viewer(root, home) as (process, url), opened(browser) as page:
            traffic = Traffic(page)
            time.sleep(1)  # what is loaded behind the first page
            found[f"lines {what} ms"] = until_drawn(page, url + place, len(ids))
            found[f"lines {what} requests"] = traffic.requests
            found["lines bytes MB"] = traffic.bytes / 1e6
            if what == "saved":
                page.goto("about:blank")
                found["lines warm ms"] = until_drawn(page, url + place, len(ids))
                found["lines hover p95 ms"] = hover(page, page.locator(".chart .chart-over").first)
                found["lines heap MB"] = heap_mb(page)
            found["lines viewer MB"] = max(found.get("lines viewer MB", 0.0), peak_mb(process))
    return found


def measure_metrics(root: Path, browser: Browser) -> Row:
    with viewer(root, root.parent / "home-metrics") as (_, url), opened(browser) as page:
        began = time.perf_counter()
        page.goto(f"{url}#/runs/many/charts")
        page.wait_for_selector(".chart[data-complete=true] .chart-frame[data-painted]", timeout=TIMEOUT_MS)
        found = {"metrics first chart ms": since(began)}
        return {**found, "metrics scroll p95 ms": scroll(page, page.locator(".chart").first, 120, 300)}


def measure_live(root: Path, browser: Browser) -> Row:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    writer = subprocess.Popen([sys.executable, __file__, "--write-live", str(root)], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout
        ids = json.loads(writer.stdout.readline())
        with viewer(root, root.parent / "home-live") as (process, url), opened(browser) as page:
            session = page.context.new_cdp_session(page)
            traffic = Traffic(page)
            session.send("Performance.enable")
            page.goto(f"{url}#/runs?sel={','.join(ids)}")
            page.wait_for_selector(".chart[data-complete=true]", timeout=TIMEOUT_MS)
            page.wait_for_timeout(3000)
            begin_frames(page)
            bytes_before, cpu_before, busy_before = traffic.bytes, cpu_secs(process), busy_secs(session)
            page.wait_for_timeout(LIVE_SECS * 1000)
            minutes = LIVE_SECS / 60
            return {
                "live MB a minute": (traffic.bytes - bytes_before) / 1e6 / minutes,
                "live viewer CPU s a minute": (cpu_secs(process) - cpu_before) / minutes,
                "live page CPU s a minute": (busy_secs(session) - busy_before) / minutes,
                "live frame p95 ms": end_frames(page),
            }
    finally:
        writer.terminate()
        writer.wait(20)


def write_live(root: Path) -> None:
    """Write to running runs, as their recorders would, until this process is ended, or for ten minutes."""
    names = [f"metric{number}" for number in range(LIVE_METRICS)]
    folders = []
    for number in range(LIVE_RUNS):
        run_id = f"20261126-{number:06d}-{number:06x}"
        empty = {name: (np.arange(0), np.arange(0.0)) for name in names}
        write_run(root, run_id, empty, {"name": f"live-lr0.1-s{number}"}, state="running")
        folders.append(root / layout.run_path(run_id))
    files = [(folder / "metrics.bin").open("ab", buffering=0) for folder in folders]
    print(json.dumps([folder.name for folder in folders]), flush=True)
    until = time.monotonic() + 600
    rows = np.zeros(LIVE_METRICS, RECORD_DTYPE)
    rows["mark"], rows["metric"] = MARK, np.arange(LIVE_METRICS)
    step = 0
    while time.monotonic() < until:
        began = time.monotonic()
        if step % (5 * LIVE_RATE) == 0:
            for folder in folders:
                status = {"state": "running", "heartbeat_at": layout.iso(time.time())}
                replace_file(folder / "status.json", json.dumps(status).encode())
        rows["step"], rows["time"], rows["value"] = step, time.time(), np.sin(step / 30) + np.arange(LIVE_METRICS)
        for file in files:
            file.write(rows.tobytes())
        step += 1
        time.sleep(max(0.0, 1 / LIVE_RATE - (time.monotonic() - began)))


# --- the two programs -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def viewer(root: Path, home: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Run a viewer in a process of its own; yield it and the address of its page."""
    command = [sys.executable, "-m", "runicorn", "viewer", "--root", str(root), "--port", "0", "--no-browser"]
    environ = {**os.environ, "RUNICORN_HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            address = next(word for word in line.split() if word.startswith("http"))
            yield psutil.Process(process.pid), address.rstrip("/.") + "/"
        finally:
            process.terminate()
            process.wait(20)


@contextlib.contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        yield context.new_page()
    finally:
        context.close()


def go(params: dict[str, str]) -> str:
    """Return the code that changes parameters of the place."""
    return f"""() => {{
        const [path, query] = location.hash.split("?");
        const all = new URLSearchParams(query);
        for (const [name, value] of Object.entries({json.dumps(params)})) all.set(name, value);
        location.hash = path.slice(1) + "?" + all;
    }}"""


def until_answer(page: Page, act: Callable[[], Any]) -> float:
    """Return the ms from an act until the rows of the answer that it asks for stand there."""
    began = time.perf_counter()
    with page.expect_response(lambda answer: "/api/run" in answer.url, timeout=TIMEOUT_MS) as answer:
        act()
    answer.value.finished()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return since(began)


def until_drawn(page: Page, address: str, lines: int) -> float:
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function(DRAWN, arg=str(lines), timeout=TIMEOUT_MS)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    return since(began)


def peak_mb(process: psutil.Process) -> float:
    """Return the most memory that the viewer had so far, MB."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1000
    return float(process.memory_info().rss) / 1e6


def cpu_secs(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def busy_secs(session: Any) -> float:
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write-live"]:
        write_live(Path(sys.argv[2]))
    else:
        sys.exit(main())
