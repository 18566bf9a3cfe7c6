"""What log() costs a training loop, beside the bare write(2) that it cannot do without; and what importing costs.

    python benchmarks/recorder.py [--calls 20000] [--repeats 5] [--check]

--check exits with 1 if a target is missed: mean 3 us, p99 20 us, import 60 ms over a bare interpreter.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEAN_TARGET_US, P99_TARGET_US, IMPORT_TARGET_MS = 3.0, 20.0, 60.0
SCALARS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description="What log() costs a training loop.")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(Path(folder), args.calls) for _ in range(args.repeats)]
    mean, p99, write_mean, write_p99 = (statistics.median(column) for column in zip(*rows, strict=True))
    bare, imported = import_ms("pass", args.repeats), import_ms("import runicorn", args.repeats)

    print(f"{args.calls} calls of {SCALARS} scalars, median of {args.repeats}")
    print(f"{'':24}{'mean us':>10}{'p99 us':>10}")
    print(f"{'log()':24}{mean:10.2f}{p99:10.2f}")
    print(f"{'os.write of the same':24}{write_mean:10.2f}{write_p99:10.2f}")
    print(f"{'ratio':24}{mean / write_mean:10.2f}{p99 / write_p99:10.2f}")
    print(f"import runicorn: {imported - bare:.1f} ms over a bare interpreter ({bare:.1f} ms)")
    met = mean <= MEAN_TARGET_US and p99 <= P99_TARGET_US and imported - bare <= IMPORT_TARGET_MS
    return 0 if met or not args.check else 1


def measure(folder: Path, calls: int) -> tuple[float, float, float, float]:
    """Return mean and p99 in microseconds of log(), and of a write of as many bytes, taken in turn."""
    import runicorn as rn

    run = rn.init("benchmark", root=folder)
    values = {"loss": 0.5, "accuracy": 0.25, "lr": 0.001}
    fd = os.open(folder / "reference.bin", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    data = bytes(32 * SCALARS)
    try:
        ours = timed(rn.log, values, calls)
        reference = timed(functools.partial(os.write, fd), data, calls)
    finally:
        os.close(fd)
        run.finish()
    return (*ours, *reference)


def timed(call: Callable[[Any], object], argument: object, calls: int) -> tuple[float, float]:
    """Return mean and p99 of the call in microseconds."""
    clock = time.perf_counter_ns
    taken = []
    for _ in range(calls):
        started = clock()
        call(argument)
        taken.append(clock() - started)
    taken.sort()
    return sum(taken) / calls / 1000, taken[int(calls * 0.99)] / 1000


def import_ms(code: str, repeats: int) -> float:
    """Return the median time of a fresh interpreter that runs `code`."""
    taken = []
    for _ in range(max(repeats, 3) + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    sys.exit(main())
