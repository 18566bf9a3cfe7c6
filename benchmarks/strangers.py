"""How long the viewer's owner waits while another Unix user of the machine connects without end.

    python benchmarks/strangers.py [--connections 4000] [--repeats 3]

Needs root (it makes a Unix user) and Linux. Each figure is the median of the repeats; beside it stands its ratio to the
same requests of the same viewer while nobody else connects.
"""

from __future__ import annotations

import argparse
import http.client
import json
import pwd
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.accounts import Account, make_account  # noqa: E402
from tests.support.serving import Viewer, run_viewer  # noqa: E402

QUIET_REQUESTS = 300
PAUSE_SECS = 0.005
STRANGER = """
import json, socket, sys, time
port, wanted, over_secs = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
began_at, kept = time.monotonic(), []
for number in range(wanted):
    kept.append(socket.create_connection(("127.0.0.1", port), timeout=60))
    if len(kept) > 200:
        kept.pop(0).close()
    time.sleep(max(0, began_at + over_secs * number / wanted - time.monotonic()))
print(json.dumps(time.monotonic() - began_at))
"""


def wait_ms(viewer: Viewer) -> float:
    """Return how long a request over a new connection took."""
    began_at = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", viewer.port, timeout=120)
    connection.request("GET", "/api/health")
    connection.getresponse().read()
    connection.close()
    return 1000 * (time.perf_counter() - began_at)


def quiet(viewer: Viewer) -> list[float]:
    waits = []
    for _ in range(QUIET_REQUESTS):
        waits.append(wait_ms(viewer))
        time.sleep(PAUSE_SECS)
    return waits


def beside(viewer: Viewer, stranger: Account, connections: int, over_secs: float) -> list[float]:
    """Return the owner's waits while the stranger makes this many connections."""
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", STRANGER, str(viewer.port), str(connections), str(over_secs)],
        user=stranger.uid,
        group=pwd.getpwuid(stranger.uid).pw_gid,
        extra_groups=[],
        cwd="/",
        stdout=subprocess.PIPE,
    )
    waits = []
    while process.poll() is None:
        waits.append(wait_ms(viewer))
        time.sleep(PAUSE_SECS)
    assert process.stdout
    print(f"    {connections / json.loads(process.stdout.read()):,.0f} connections/s", file=sys.stderr)
    return waits


def table(viewer: Viewer, stranger: Account, connections: int, repeats: int) -> Iterator[str]:
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(repeats):
        for name, waits in (
            ("nobody else", quiet(viewer)),
            (f"{connections} connections over 8 s", beside(viewer, stranger, connections, 8.0)),
            (f"{4 * connections} as fast as they go", beside(viewer, stranger, 4 * connections, 0.0)),
            ("afterwards", quiet(viewer)),
        ):
            figures = statistics.median(waits), statistics.quantiles(waits, n=20)[18], max(waits)
            rows.setdefault(name, []).append(figures)
    yield "| while | p50 ms | p95 ms | slowest ms |"
    yield "| --- | --- | --- | --- |"
    reference = [statistics.median(column) for column in zip(*rows["nobody else"], strict=True)]
    for name, found in rows.items():
        figures = [statistics.median(column) for column in zip(*found, strict=True)]
        cells = [f"{value:.1f} ({value / base:.1f})" for value, base in zip(figures, reference, strict=True)]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, make_account() as stranger:
        home = Path(folder) / "home"
        home.mkdir()
        with run_viewer(Path(folder) / "root", home) as viewer:
            for line in table(viewer, stranger, chosen.connections, chosen.repeats):
                print(line)


if __name__ == "__main__":
    main()
