"""One trial of one tracker, in the process that is measured: `python trial.py TRACKER MODE FOLDER CALLS RATE`.

Prints one JSON line. MODE: log (as fast as it goes), paced (RATE calls a second), until-killed (paced, printing how
many calls have returned), count (how many of them a reader finds).
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from adapters import PEERS, Opened, Result, prepare, size_bytes  # type: ignore[import-not-found,unused-ignore]


def main() -> None:
    name, mode, folder, calls, rate = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    peer = PEERS[name]
    if mode == "count":
        answer({"count": peer.count(folder)})
        return
    prepare(folder)
    importlib.import_module(peer.module)
    started = time.perf_counter()
    opened = peer.open(folder)
    init_secs = time.perf_counter() - started
    if mode == "until-killed":
        until_killed(opened, calls, rate)
        return
    taken = paced(opened, calls, rate) if mode == "paced" else unpaced(opened, calls)
    started = time.perf_counter()
    opened.finish()
    finish_secs = time.perf_counter() - started
    taken.sort()
    answer(
        {
            "calls": len(taken),
            "mean_us": statistics.fmean(taken) / 1000,
            "p50_us": taken[len(taken) // 2] / 1000,
            "p99_us": taken[int(len(taken) * 0.99)] / 1000,
            "max_ms": taken[-1] / 1e6,
            "init_ms": init_secs * 1000,
            "finish_ms": finish_secs * 1000,
            "size_bytes": size_bytes(folder),
        }
    )


def unpaced(opened: Opened, calls: int, limit_secs: float = 20.0) -> list[int]:
    """Return the nanoseconds of each call; fewer calls where the limit comes first."""
    clock, log = time.perf_counter_ns, opened.log
    taken = []
    end = clock() + int(limit_secs * 1e9)
    for step in range(calls):
        started = clock()
        log(step)
        ended = clock()
        taken.append(ended - started)
        if ended > end:
            break
    return taken


def paced(opened: Opened, calls: int, rate: float, limit_secs: float = 20.0) -> list[int]:
    """Return the nanoseconds of each call, `rate` of them a second where the tracker keeps up."""
    clock, log = time.perf_counter_ns, opened.log
    taken = []
    begun = clock()
    for step in range(calls):
        wait = begun + int(step / rate * 1e9) - clock()
        if wait > 0:
            time.sleep(wait / 1e9)
        started = clock()
        log(step)
        taken.append(clock() - started)
        if clock() - begun > limit_secs * 1e9:
            break
    return taken


def until_killed(opened: Opened, calls: int, rate: float) -> None:
    """Log until somebody kills this process; say after each call how many have returned."""
    begun = time.perf_counter()
    for step in range(calls):
        wait = begun + step / rate - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        opened.log(step)
        sys.stdout.write(f"{step + 1}\n")
        sys.stdout.flush()
    time.sleep(60)


def answer(result: Result) -> None:
    print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
