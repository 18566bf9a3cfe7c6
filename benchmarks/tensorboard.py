"""How fast event files become runs: each figure beside what tensorboardX takes to write the same, in the same run.

    python benchmarks/tensorboard.py

Prints the median of three, and the ratio to the reference.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event

from runicorn.exchange.importing import find_sources, import_source, open_target
from runicorn.storage.mirroring.mirror import Mirror
from runicorn.storage.tensorboard import decode, framing

EVENTS = 100_000
TIMES = 3
LIMIT_SECS = 120.0


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = seconds(lambda: write(folder / "logs" / "run"), times=1)
        (file,) = (folder / "logs" / "run").iterdir()
        data = file.read_bytes()
        contents = [data[start:end] for start, end in framing.frames(data).spans]
        reference = seconds(lambda: [Event.FromString(content) for content in contents])
        print(f"{EVENTS:,} events, {len(data) / 1e6:.1f} MB")
        show("tensorboardX writes", written, reference)
        show("protobuf's C decoder, without framing (reference)", reference, reference)
        show("framing and decoding", seconds(lambda: read(data)), reference)
        show("mirror, from the file to a run", seconds(lambda: mirror(folder)), reference)
        show("import", seconds(lambda: bring(folder)), reference)


def write(folder: Path) -> None:
    with SummaryWriter(str(folder)) as writer:
        for step in range(EVENTS):
            writer.add_scalar("loss/train", 1 / (step + 1), step)


def read(data: bytes) -> None:
    plugins = decode.Plugins()
    for start, end in framing.frames(data).spans:
        decode.decode(data, start, end, plugins)


def mirror(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        opened = Mirror(folder / "logs", Path(home))
        if not opened.settle(LIMIT_SECS):
            raise SystemExit("the mirror did not come to an end")
        opened.close()


def bring(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as root:
        (source,) = find_sources(folder / "logs")
        import_source(Path(root), source, known=open_target(Path(root)))


def seconds(work: Callable[[], object], times: int = TIMES) -> float:
    measured = []
    for _ in range(times):
        began_at = time.perf_counter()
        work()
        measured.append(time.perf_counter() - began_at)
    return statistics.median(measured)


def show(what: str, secs: float, reference: float) -> None:
    print(f"{what:52} {secs:7.3f} s  {EVENTS / secs:10,.0f} events/s  {secs / reference:6.1f} x the reference")


if __name__ == "__main__":
    main()
