"""How each tracker records three scalars a call, and how many of them a reader finds afterwards.

Runs in the tracker's own environment, so it imports nothing but the standard library until a tracker is asked for.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

VALUES = {"loss": 0.5, "accuracy": 0.25, "lr": 0.001}


class Opened(NamedTuple):
    """A run that is open. log: called with a step. finish: called once."""

    log: Callable[[int], None]
    finish: Callable[[], None]


def prepare(folder: Path) -> None:
    """Set what the trackers read from the environment when they are imported; nothing may go to a network."""
    os.environ.update(
        TRACKIO_DIR=str(folder),
        MLFLOW_DISABLE_TELEMETRY="true",
        AIM_ANALYTICS="0",
        WANDB_MODE="offline",
        WANDB_SILENT="true",
        WANDB_DIR=str(folder),
        WANDB_ERROR_REPORTING="false",
        HF_HUB_OFFLINE="1",
    )


def runicorn(folder: Path) -> Opened:
    import runicorn as rn

    run = rn.init("bench", root=folder)
    return Opened(lambda step: rn.log(VALUES, step), run.finish)


def count_runicorn(folder: Path) -> int:
    from runicorn.storage.files import LocalFiles
    from runicorn.storage.index import RunIndex
    from runicorn.storage.points import PointStore

    files = LocalFiles(folder)
    return sum(PointStore(files).stats(item.run.id).metrics["loss"].count for item in RunIndex(files).runs())


def tensorboardx(folder: Path) -> Opened:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(folder / f"run-{os.getpid()}"))

    def log(step: int) -> None:
        for name, value in VALUES.items():
            writer.add_scalar(name, value, step)

    return Opened(log, writer.close)


def count_tensorboardx(folder: Path) -> int:
    records = 0
    for path in folder.rglob("events.out.tfevents.*"):
        data, at = path.read_bytes(), 0
        while at + 12 <= len(data):
            at += 12 + struct.unpack_from("<Q", data, at)[0] + 4
            records += at <= len(data)
        records -= 1  # the file's own version comes first
    return max(0, records) // len(VALUES)


def trackio(folder: Path) -> Opened:
    import trackio

    trackio.init(project="bench", name=f"run-{os.getpid()}", auto_log_gpu=False)
    return Opened(lambda step: trackio.log(VALUES, step=step), trackio.finish)


def count_trackio(folder: Path) -> int:
    return sum(_count_rows(path, "select count(*) from metrics") for path in folder.rglob("*.db"))


def mlflow(folder: Path) -> Opened:
    folder.mkdir(parents=True, exist_ok=True)
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("bench")
    mlflow.start_run()
    return Opened(lambda step: mlflow.log_metrics(VALUES, step=step), mlflow.end_run)


def count_mlflow(folder: Path) -> int:
    return _count_rows(folder / "mlflow.db", "select count(*) from metrics where key = 'loss'")


def aim(folder: Path) -> Opened:
    folder.mkdir(parents=True, exist_ok=True)
    from aim import Run

    run = Run(repo=str(folder), experiment="bench", system_tracking_interval=None, log_system_params=False)

    def log(step: int) -> None:
        for name, value in VALUES.items():
            run.track(value, name=name, step=step)

    return Opened(log, run.close)


def count_aim(folder: Path) -> int:
    from aim import Repo

    return sum(
        len(metric.values.sparse_list()[1])
        for run in Repo(str(folder)).iter_runs()
        for metric in run.metrics()
        if metric.name == "loss"
    )


def wandb(folder: Path) -> Opened:
    folder.mkdir(parents=True, exist_ok=True)
    import wandb

    run = wandb.init(project="bench", mode="offline", dir=str(folder))
    return Opened(lambda step: run.log(VALUES, step=step), run.finish)


def count_wandb(folder: Path) -> int:
    import importlib.util

    from wandb.proto import wandb_internal_pb2

    # W&B has no reader of its own files in Python any more; this project's knows their framing.
    path = Path(__file__).parents[2] / "src" / "runicorn" / "exchange" / "leveldb_log.py"
    spec = importlib.util.spec_from_file_location("leveldb_log", path)
    assert spec is not None
    assert spec.loader is not None
    framing = sys.modules["leveldb_log"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(framing)
    found = 0
    for file in folder.rglob("*.wandb"):
        for data in framing.records(file.read_bytes(), framing.Damage()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            found += record.HasField("history")
    return found


class Peer(NamedTuple):
    """A tracker. packages: what its environment holds. module: what a script imports. calls: as many as it can bear."""

    packages: tuple[str, ...]
    module: str
    open: Callable[[Path], Opened]
    count: Callable[[Path], int]
    calls: int = 20_000


PEERS: dict[str, Peer] = {
    "runicorn": Peer((), "runicorn", runicorn, count_runicorn),
    "tensorboardX": Peer(("tensorboardX",), "tensorboardX", tensorboardx, count_tensorboardx),
    "trackio": Peer(("trackio",), "trackio", trackio, count_trackio),
    "wandb": Peer(("wandb",), "wandb", wandb, count_wandb),
    "aim": Peer(("aim", "setuptools<81"), "aim", aim, count_aim, 5_000),
    "mlflow": Peer(("mlflow",), "mlflow", mlflow, count_mlflow, 1_000),
}


def _count_rows(path: Path, query: str) -> int:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return int(database.execute(query).fetchone()[0])
    except sqlite3.Error as error:
        print(error, file=sys.stderr)
        return 0


def size_bytes(folder: Path) -> int:
    """Return how much room everything below a folder takes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


Result = dict[str, Any]
