"""What recording costs a training script, here and with other trackers, in one run.

    python benchmarks/recorder.py [--peers trackio,wandb] [--repeats 3] [--check]

Each tracker is installed into an environment of its own. Every figure is the median of the repeats; in brackets stands
how many times ours it is. The tools take turns, so that a noisy moment hits all of them.

    log           20,000 calls of three scalars, as fast as they go (fewer for those that take longer than 20 s)
    import, init  over a bare interpreter; the first init() of a process. Ours loads most of what it needs in init(),
                  the others when they are imported: `both` is what a script waits for
    eight at once eight processes, 500 calls a second each, on a storage root that does not exist yet
    disk          KiB for 100,000 points
    lost          of 10,000 calls at 2,000 a second, those that returned before a kill -9 and are not found after it
    system        what sampling the machine costs, in percent of one core

--check exits with 1 if a target is missed: mean 3 us, p99 20 us, import 60 ms, eight at once without a failure, their
mean at most twice that of one and no call over 100 ms, 4,000 KiB, no point lost, 0.5 % of a core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from peers.adapters import PEERS
from peers.environments import python_of, version_of
from peers.tables import behind, print_table

TRIAL = Path(__file__).parent / "peers" / "trial.py"
TRIAL_TIMEOUT_SECS = 180
CROWD, CROWD_RATE, CROWD_CALLS = 8, 500.0, 2500
KILL_RATE, KILL_CALLS = 2000.0, 10_000

Row = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description="What recording costs, here and with other trackers.")
    parser.add_argument("--peers", default=",".join(PEERS), help="by commas; runicorn is always measured")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()
    wanted = ["runicorn", *(name for name in PEERS if name in args.peers.split(",") and name != "runicorn")]
    pythons = {name: python for name in wanted if (python := python_of(name, PEERS[name].packages)) is not None}

    rows: dict[str, list[Row]] = {name: [] for name in pythons}
    for repeat in range(args.repeats):
        for name, python in pythons.items():
            print(f"repeat {repeat + 1} of {args.repeats}: {name}", file=sys.stderr, flush=True)
            rows[name].append(measure(name, python))
    medians = {name: median_row(found) for name, found in rows.items()}
    for name, python in pythons.items():
        version = version_of(python, PEERS[name].module)
        print(f"{name} {version}", end="; ")
    print(f"median of {args.repeats}, in brackets how many times ours")
    print_table(medians, 12)
    ours = medians["runicorn"]
    system = statistics.median(system_percent() for _ in range(args.repeats))
    write_mean = statistics.median(bare_write_us() for _ in range(max(3, args.repeats)))
    print(
        f"one write(2) of the same bytes: {write_mean:.2f} us; log() is {ours['mean us'] / write_mean:.2f} times that"
    )
    print(f"sampling the machine: {system:.2f} % of one core")
    met = {
        "mean": ours["mean us"] <= 3.0,
        "p99": ours["p99 us"] <= 20.0,
        "import": ours["import ms"] <= 60.0,
        "eight fail": not ours["8: failed"],
        "eight mean": ours["8: mean us"] <= 2 * ours["1: mean us"],
        "eight max": ours["8: max ms"] <= 100.0,
        "disk": ours["KiB/100k"] <= 4000.0,
        "lost": not ours["lost"],
        "system": system <= 0.5,
    }
    missed = [name for name, good in met.items() if not good]
    print("all targets met" if not missed else f"missed: {', '.join(missed)}")
    print(behind(medians))
    return 0 if not missed or not args.check else 1


def measure(name: str, python: Path) -> Row:
    """Return all figures of one tracker."""
    with tempfile.TemporaryDirectory(prefix="runicorn-bench-") as folder:
        root = Path(folder)
        single = one(trial(name, python, "log", root / "log", PEERS[name].calls))
        paced = one(trial(name, python, "paced", root / "paced", CROWD_CALLS, CROWD_RATE))
        crowd = [trial(name, python, "paced", root / "crowd" / "root", CROWD_CALLS, CROWD_RATE) for _ in range(CROWD)]
        results = [result for process in crowd if (result := finished(process)) is not None]
        imported = import_ms(python, PEERS[name].module)
        return {
            "mean us": single["mean_us"],
            "p50 us": single["p50_us"],
            "p99 us": single["p99_us"],
            "import ms": imported,
            "init ms": single["init_ms"],
            "both ms": imported + single["init_ms"],
            "finish ms": single["finish_ms"],
            "1: mean us": paced["mean_us"],
            "8: mean us": statistics.fmean(result["mean_us"] for result in results) if results else float("inf"),
            "8: max ms": max((result["max_ms"] for result in results), default=float("inf")),
            "8: failed": float(CROWD - len(results)),
            "KiB/100k": single["size_bytes"] / (single["calls"] * 3) * 100_000 / 1024,
            "lost": float(lost_by_kill(name, python, root / "kill")),
        }


def trial(name: str, python: Path, mode: str, folder: Path, calls: int, rate: float = 0.0) -> subprocess.Popen[str]:
    """Start a trial in a process of its own; what it says on stderr is not read."""
    return subprocess.Popen(
        [python, TRIAL, name, mode, folder, str(calls), str(rate)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any] | None:
    """Return what a trial found, or None where it failed or hung."""
    try:
        output, _ = process.communicate(timeout=TRIAL_TIMEOUT_SECS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    if process.returncode or not lines:
        return None
    result: dict[str, Any] = json.loads(lines[-1][7:])
    return result


def one(process: subprocess.Popen[str]) -> dict[str, Any]:
    result = finished(process)
    if result is None:
        raise SystemExit(f"the trial {process.args} failed; run it by hand to see why")
    return result


def lost_by_kill(name: str, python: Path, folder: Path) -> int:
    """Return how many calls had returned, and are not found after the process was killed in the middle."""
    process = trial(name, python, "until-killed", folder, KILL_CALLS, KILL_RATE)
    assert process.stdout is not None
    last = 0
    for line in process.stdout:
        if line.strip().isdecimal():
            last = int(line)
            if last >= KILL_CALLS * 0.99:
                break
    process.kill()
    rest, _ = process.communicate()
    returned = max([last, *(int(line) for line in rest.splitlines() if line.isdecimal())])
    found = finished(trial(name, python, "count", folder, 0))
    return max(0, returned - (found["count"] if found else 0))


def import_ms(python: Path, module: str) -> float:
    """Return what importing costs over a bare interpreter; the median of five, in turns."""
    taken: dict[str, list[float]] = {"pass": [], f"import {module}": []}
    for _ in range(6):
        for code, times in taken.items():
            started = time.perf_counter()
            subprocess.run([python, "-c", code], check=True, timeout=120, capture_output=True)
            times.append((time.perf_counter() - started) * 1000)
    bare, imported = (statistics.median(times[1:]) for times in taken.values())
    return imported - bare


def system_percent() -> float:
    """Return what sampling the machine costs, in percent of one core, at the interval that runs sample it."""
    code = """
import tempfile, time
from pathlib import Path
from runicorn.sdk.background import SAMPLE_EVERY_SECS
from runicorn.sdk.system.sampler import SystemSampler
from runicorn.sdk.warnings import Warnings
sampler = SystemSampler(Path(tempfile.mkdtemp()), Warnings())
sampler.sample()
started = time.process_time()
for _ in range(50):
    sampler.sample()
print((time.process_time() - started) / 50 / SAMPLE_EVERY_SECS * 100)
sampler.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return float(done.stdout)


def bare_write_us() -> float:
    """Return the mean of a write(2) of as many bytes as three records take, appended to a file."""
    code = """
import os, tempfile, time
fd = os.open(tempfile.mkstemp()[1], os.O_WRONLY | os.O_APPEND)
data = bytes(96)
clock, taken = time.perf_counter_ns, 0
for _ in range(20000):
    started = clock()
    os.write(fd, data)
    taken += clock() - started
print(taken / 20000 / 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return float(done.stdout)


def median_row(rows: list[Row]) -> Row:
    return {column: statistics.median(row[column] for row in rows) for column in rows[0]}


if __name__ == "__main__":
    sys.exit(main())
