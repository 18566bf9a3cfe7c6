"""Makes the files of other trackers in this folder, with the real programs. Not a part of the tests.

    python -m venv /tmp/foreign && /tmp/foreign/bin/pip install wandb==0.31 mlflow==3.17 tensorboard==2.21 pillow
    /tmp/foreign/bin/python tests/data/make_foreign_runs.py

Nothing of the machine that it runs on gets in: names, hosts and folders are made up, and checked in the end.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HOST, USER = "gpu7", "me"
START_MS = 1_700_000_000_123


def wandb_run(home: Path) -> None:
    """An offline run with numbers of all kinds, nested ones, a text, a histogram, a page, pictures, and output."""
    import wandb
    from PIL import Image

    settings = wandb.Settings(
        host=HOST,
        username=USER,
        email="",
        program="train.py",
        root_dir=str(home),
        x_disable_meta=True,
        x_disable_stats=True,
        disable_git=True,
        disable_code=True,
        save_code=False,
        console="wrap",
    )
    run = wandb.init(
        project="vision",
        name="first",
        notes="why",
        tags=["good", "lr"],
        group="sweep1",
        config={"lr": 0.1, "model": {"depth": 18}},
        id="abcd1234",
        settings=settings,
    )
    for step in range(20):
        run.log({"loss": 1 / (step + 3), "val": {"acc": step * 0.1}})
    run.log({"bad": float("nan"), "top": float("inf"), "low": float("-inf"), "zero": -0.0})
    run.log({"hist": wandb.Histogram([1, 2, 2, 5]), "note": "hello", "page": wandb.Html("<b>bold</b>")})
    grey = Image.new("L", (6, 4))
    run.log({"one": wandb.Image(grey, caption="grey"), "two": [wandb.Image(grey, caption="a"), wandb.Image(grey)]})
    run.log({"list": [1, 2]})
    run.log({"loss": 0.125}, step=2**40)
    run.summary["best"] = 0.25
    print("a line of output")
    run.finish()
    (folder,) = (home / "wandb").glob("offline-run-*")
    target = HERE / "wandb" / "offline-run-20231114_221320-abcd1234"
    (target / "files").mkdir(parents=True)
    shutil.copy(folder / "run-abcd1234.wandb", target)
    shutil.copy(folder / "files" / "output.log", target / "files")
    shutil.copytree(folder / "files" / "media", target / "files" / "media")


def mlflow_run(uri: str) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    experiment = client.create_experiment("vision", artifact_location="mlflow-artifacts:/1")
    tags = {"mlflow.user": USER, "team": "blue", "mlflow.note.content": "why"}
    run = client.create_run(experiment, start_time=START_MS, run_name="first", tags=tags).info.run_id
    for step in range(20):
        client.log_metric(run, "train/loss", 1 / (step + 3), timestamp=START_MS + step * 500, step=step)
    for step, (name, value) in enumerate((("bad", "nan"), ("top", "inf"), ("low", "-inf"), ("zero", "-0.0"))):
        client.log_metric(run, name, float(value), timestamp=START_MS, step=step)
    client.log_metric(run, "train/loss", 0.125, timestamp=START_MS + 20_000, step=2**40)
    client.log_param(run, "lr", "0.1")
    client.log_param(run, "opt", "adam")
    client.set_terminated(run, "FAILED", end_time=START_MS + 60_000)


def mlflow_files(home: Path) -> None:
    mlflow_run(f"file:{home / 'mlruns'}")
    shutil.rmtree(home / "mlruns" / "0")
    shutil.copytree(home / "mlruns", HERE / "mlruns", ignore=shutil.ignore_patterns(".trash"))


def mlflow_database(home: Path) -> None:
    """The tables of a real database as text: the file itself has a megabyte of empty pages."""
    mlflow_run(f"sqlite:///{home / 'mlflow.db'}")
    lines = []
    with sqlite3.connect(home / "mlflow.db") as database:
        database.execute("DELETE FROM experiments WHERE experiment_id = 0")
        for name in ("experiments", "runs", "metrics", "params", "tags"):
            lines += [sql + ";" for (sql,) in database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,))]
        for line in database.iterdump():
            lines += [line] if line.startswith(tuple(f'INSERT INTO "{n}"' for n in _TABLES)) else []
    (HERE / "mlflow.sql").write_text("\n".join(lines) + "\n", encoding="utf-8")


_TABLES = ("experiments", "runs", "metrics", "params", "tags")


def tensorboard_run(home: Path) -> None:
    """What TensorFlow 2 writes, by TensorBoard's own messages and its own writer."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.histogram import summary_v2 as histogram
    from tensorboard.plugins.hparams import summary_v2 as hparams
    from tensorboard.plugins.scalar import summary_v2 as scalar
    from tensorboard.plugins.text import summary_v2 as text
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder = home / "tensorboard" / "train"
    writer = EventFileWriter(str(folder))

    def add(step: int, summary: Any) -> None:
        writer.add_event(Event(wall_time=START_MS / 1000 + step, step=step, summary=summary))

    add(0, hparams.hparams_pb({"lr": 0.1, "layers": 3, "opt": "adam"}, start_time_secs=START_MS / 1000))
    for step in range(20):
        summary = scalar.scalar_pb("loss", 1 / (step + 3))
        if step:  # as TensorFlow does it: the plugin is named with a tag's first value only
            for value in summary.value:
                value.ClearField("metadata")
        add(step, summary)
    add(3, histogram.histogram_pb("weights", [1.0, 2.0, 2.0, 5.0], buckets=4))
    add(4, text.text_pb("note", "hello"))
    add(5, Summary(value=[Summary.Value(tag="plain", simple_value=0.1)]))
    writer.close()
    (file,) = folder.iterdir()
    target = HERE / "tensorboard" / "train"
    target.mkdir(parents=True)
    shutil.copy(file, target / f"events.out.tfevents.1700000000.{HOST}.123.0.v2")


def main() -> None:
    names = {socket.gethostname(), getpass.getuser()}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name in ("HOME", "WANDB_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
            os.environ[name] = folder
        os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", LOGNAME=USER, USER=USER, DO_NOT_TRACK="true")
        os.environ.update(MLFLOW_ALLOW_FILE_STORE="true", MLFLOW_DISABLE_TELEMETRY="true")
        for name in ("wandb", "mlruns", "tensorboard"):
            shutil.rmtree(HERE / name, ignore_errors=True)
        for make in (wandb_run, mlflow_files, mlflow_database, tensorboard_run):
            make(home)
        for meta in HERE.glob("mlruns/**/meta.yaml"):
            meta.write_text(meta.read_text().replace(folder, ""))
        for path in HERE.rglob("*"):
            if path.is_file() and path != Path(__file__):
                data = path.read_bytes()
                for name in (*names - {"root"}, folder, str(Path.home())):
                    assert name.encode() not in data or len(name) < 4, (path, name)


if __name__ == "__main__":
    main()
