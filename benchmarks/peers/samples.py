"""Sample runs in each viewer's own format: `python samples.py VIEWER KIND FOLDER COUNT`, in that viewer's environment.

KIND: runs (COUNT short runs), curve (one run, one metric, COUNT points), grid (ten runs, 100 metrics, COUNT steps
each), lines (a hundred runs, one metric, COUNT points each), metrics (one run with COUNT metrics of 200 steps), live
(one run that logs 20 times a second for COUNT calls, and prints each step with when its log() returned).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol

METRICS = ("train/loss", "train/acc", "val/loss", "val/acc", "lr")
GRID_RUNS, GRID_METRICS = 10, 100
LINE_RUNS, METRIC_STEPS = 100, 200
LIVE_RATE = 20.0


class Writer(Protocol):
    """Writes one viewer's runs."""

    def run(self, name: str, metrics: list[str], steps: int) -> None:
        """Write a run in which each of the metrics has a value at each step."""
        ...

    def live(self, name: str) -> Any:
        """Open a run as a script would; return what logs one value at a step."""
        ...


class Runicorn:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, name: str, metrics: list[str], steps: int) -> None:
        import numpy as np

        import runicorn as rn
        from runicorn.storage.columns import RECORD_DTYPE
        from runicorn.storage.records import MARK

        config = {"lr": 0.01, "model": {"name": "resnet50", "depth": 50}, "seed": 1}
        run = rn.init("bench", name, config, root=self.folder, console=False, system_metrics=False)
        run.log(dict.fromkeys(metrics, 0.0))
        run.finish()
        rows = np.zeros(steps * len(metrics), RECORD_DTYPE)
        rows["mark"] = MARK
        rows["metric"] = np.tile(np.arange(len(metrics)), steps)
        rows["step"] = np.repeat(np.arange(steps), len(metrics))
        rows["time"] = 1.7e9 + rows["step"] * 0.01
        rows["value"] = np.random.default_rng(1).normal(size=len(rows)).cumsum()
        rows.tofile(run.dir / "metrics.bin")

    def live(self, name: str) -> Any:
        import runicorn as rn

        run = rn.init("bench", name, root=self.folder)
        return lambda step: run.log({"loss": 0.5}, step)


class TensorBoard:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, name: str, metrics: list[str], steps: int) -> None:
        from tensorboardX.proto import event_pb2, summary_pb2
        from tensorboardX.record_writer import RecordWriter

        folder = self.folder / name
        folder.mkdir(parents=True)
        writer = RecordWriter(str(folder / "events.out.tfevents.1700000000.bench"))
        writer.write(event_pb2.Event(wall_time=1.7e9, file_version="brain.Event:2").SerializeToString())
        for step in range(steps):
            for metric in metrics:
                value = summary_pb2.Summary.Value(tag=metric, simple_value=step * 0.5)
                event = event_pb2.Event(wall_time=1.7e9 + step, step=step, summary=summary_pb2.Summary(value=[value]))
                writer.write(event.SerializeToString())
        writer.close()

    def live(self, name: str) -> Any:
        from tensorboardX import SummaryWriter

        writer = SummaryWriter(str(self.folder / name), flush_secs=1)

        def log(step: int) -> None:
            writer.add_scalar("loss", 0.5, step)
            writer.flush()

        return log


class Trackio:
    def __init__(self, folder: Path) -> None:
        os.environ["TRACKIO_DIR"] = str(folder)

    def run(self, name: str, metrics: list[str], steps: int) -> None:
        from trackio.sqlite_storage import SQLiteStorage

        rows = [dict.fromkeys(metrics, step * 0.5) for step in range(steps)]
        config = {"lr": 0.01, "model": {"name": "resnet50", "depth": 50}, "seed": 1}
        for start in range(0, steps, 100_000):
            part = rows[start : start + 100_000]
            SQLiteStorage.bulk_log("bench", name, part, list(range(start, start + len(part))), config=config)

    def live(self, name: str) -> Any:
        import trackio

        trackio.init(project="bench", name=name, auto_log_gpu=False)
        return lambda step: trackio.log({"loss": 0.5}, step=step)


WRITERS = {"runicorn": Runicorn, "tensorboard": TensorBoard, "trackio": Trackio}


def main() -> None:
    viewer, kind, folder, count = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    writer: Writer = WRITERS[viewer](folder)
    if kind == "runs":
        for number in range(count):
            writer.run(f"run-{number:05d}", list(METRICS), 3)
    elif kind == "curve":
        writer.run("curve", ["loss"], count)
    elif kind == "grid":
        for number in range(GRID_RUNS):
            writer.run(f"grid-{number}", [f"metric{at:03d}" for at in range(GRID_METRICS)], count)
    elif kind == "lines":
        for number in range(LINE_RUNS):
            writer.run(f"line-{number:03d}", ["loss"], count)
    elif kind == "metrics":
        writer.run("many", [f"group{at // 25}/metric{at:03d}" for at in range(count)], METRIC_STEPS)
    else:
        log = writer.live("live")
        for step in range(count):
            log(step)
            print("POINT", step, time.time(), flush=True)
            time.sleep(1 / LIVE_RATE)


if __name__ == "__main__":
    main()
