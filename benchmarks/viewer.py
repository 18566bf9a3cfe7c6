"""What the viewer takes to answer: a curve of a million points, and a list of a thousand runs.

    python benchmarks/viewer.py [--points 1000000] [--runs 1000] [--repeats 5] [--check]

Beside each stands what cannot be done without: reading the points with numpy.fromfile, and the runs' files with json.
Cold means the first such request of a viewer process; the files are in the page cache either way.
--check exits with 1 if a target is missed: curve 150 ms cold and 15 ms warm, list 25 ms warm.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CURVE_COLD_MS, CURVE_WARM_MS, LIST_WARM_MS = 150.0, 15.0, 25.0
START = """
import sys
from pathlib import Path
from runicorn.settings import Settings
from runicorn.viewer.server import serve
serve(Settings(root=Path(sys.argv[1]), home=Path(sys.argv[1]), port=0))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="What the viewer takes to answer.")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_runs(root, args.runs)
        run_id = make_curve(root, args.points)
        curve = f"/api/series?run={run_id}&metric=loss&points=2000"
        listing = "/api/runs?limit=1000"
        colds, warms, sizes = {}, {}, {}
        for path in (curve, listing):
            taken = [measure(root, path) for _ in range(args.repeats)]
            colds[path], warms[path], sizes[path] = (statistics.median(column) for column in zip(*taken, strict=True))
        fromfile = median_ms(lambda: read_points(root, run_id), args.repeats)
        plain = median_ms(lambda: read_runs(root), args.repeats)

    titles = ("cold ms", "warm ms", "reference", "cold x", "warm x", "kB")
    print(f"{f'median of {args.repeats}':32}" + "".join(f"{title:>10}" for title in titles))
    for path, name, reference in (
        (curve, f"curve of {args.points:,} points", fromfile),
        (listing, f"list of {args.runs:,} runs", plain),
    ):
        cold, warm = colds[path], warms[path]
        numbers = (cold, warm, reference, cold / reference, warm / reference, sizes[path] / 1000)
        print(f"{name:32}" + "".join(f"{number:10.1f}" for number in numbers))
    met = colds[curve] <= CURVE_COLD_MS and warms[curve] <= CURVE_WARM_MS and warms[listing] <= LIST_WARM_MS
    return 0 if met or not args.check else 1


def make_runs(root: Path, count: int) -> None:
    """Write runs as the SDK does, with the configuration and the metrics of an ordinary script."""
    import runicorn as rn

    config = {"lr": 0.01, "batch_size": 64, "model": {"name": "resnet50", "depth": 50}, "epochs": 90, "seed": 1}
    for number in range(count):
        run = rn.init(f"project{number % 10}/part", config={**config, "seed": number}, root=root)
        for step in range(3):
            run.log({"train/loss": 1 / (step + 1), "train/acc": 0.5, "val/loss": 0.7, "val/acc": 0.4, "lr": 0.01})
        run.finish()


def make_curve(root: Path, points: int) -> str:
    """Write one run with one long metric; return its id."""
    import numpy as np

    import runicorn as rn
    from runicorn.storage.columns import RECORD_DTYPE
    from runicorn.storage.records import MARK

    run = rn.init("curve", root=root)
    run.log({"loss": 1.0})
    run.finish()
    rows = np.zeros(points, RECORD_DTYPE)
    rows["mark"] = MARK
    rows["step"] = np.arange(points)
    rows["time"] = 1.7e9 + np.arange(points) * 0.01
    rows["value"] = np.random.default_rng(1).normal(size=points).cumsum()
    rows.tofile(run.dir / "metrics.bin")
    return run.id


def measure(root: Path, path: str) -> tuple[float, float, float]:
    """Return milliseconds of the first request and of the median of ten more, and the bytes of the answer."""
    with viewer(root) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            request(connection, "/api/health")
            cold, size = request(connection, path)
            warm = statistics.median(request(connection, path)[0] for _ in range(10))
        finally:
            connection.close()
    return cold, warm, float(size)


def request(connection: http.client.HTTPConnection, path: str) -> tuple[float, int]:
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    taken = (time.perf_counter() - started) * 1000
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body[:200]!r}")
    return taken, len(body)


@contextlib.contextmanager
def viewer(root: Path) -> Iterator[int]:
    """Run a viewer process; give its port."""
    process = subprocess.Popen([sys.executable, "-c", START, str(root)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rsplit(":", 1)[1].strip().rstrip("/"))
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


def read_points(root: Path, run_id: str) -> None:
    import numpy as np

    np.fromfile(root / "runs" / run_id / "metrics.bin", np.uint8)


def read_runs(root: Path) -> None:
    for folder in (root / "runs").iterdir():
        for name in ("run.json", "status.json"):
            json.loads((folder / name).read_bytes())


def median_ms(work: Callable[[], None], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
