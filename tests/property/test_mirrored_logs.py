"""Whatever lies in the place of a log of another tool, following it raises nothing, and what is whole is shown."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runicorn.storage.files import LocalFiles
from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.recognition import HEAD_BYTES, kind_of
from runicorn.storage.mirroring.finding import LogFile, walk
from runicorn.storage.mirroring.log_mirror import LogMirror
from runicorn.storage.mirroring.wandb_mirror import WandbMirror
from runicorn.storage.points import PointStore

DATA = Path(__file__).parents[1] / "data" / "foreign"
LOGS = {
    "metrics.csv": DATA / "lightning/lightning_logs/version_0/metrics.csv",
    "training.csv": DATA / "keras/training.csv",
    "results.csv": DATA / "ultralytics/results.csv",
    "progress.csv": DATA / "stable_baselines3/progress.csv",
    "scalars.json": DATA / "mmengine/scalars.json",
    "trainer_state.json": DATA / "transformers/out/trainer_state.json",
    "run-seg1.wandb": DATA / "wandb/wandb/offline-run-20231114_231320-seg1/run-seg1.wandb",
}


def mutated(data: bytes, draw: st.DataObject) -> bytes:
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(data)))
        more = draw.draw(st.binary(max_size=20))
        match draw.draw(st.sampled_from(["cut", "flip", "insert", "drop", "double"])):
            case "cut":
                data = data[:at]
            case "flip":
                data = data[:at] + bytes(byte ^ 0x55 for byte in data[at : at + 3]) + data[at + 3 :]
            case "insert":
                data = data[:at] + more + data[at:]
            case "drop":
                data = data[:at] + data[at + 30 :]
            case "double":
                data = data[:at] + data
    return data


@pytest.mark.parametrize("name", LOGS)
@settings(max_examples=170, deadline=None)
@given(draw=st.data())
def test_a_log_that_is_replaced_by_anything_is_followed_all_the_same(name: str, draw: st.DataObject) -> None:
    whole = LOGS[name].read_bytes()
    place = Path(tempfile.mkdtemp())
    try:
        file = place / "logs" / "exp" / name
        file.parent.mkdir(parents=True)
        files = LocalFiles(place / "logs")
        file.write_bytes(whole)
        (log,) = [each for each in walk(files) if isinstance(each, LogFile)]
        kind = kind_of(log.candidate, whole[:HEAD_BYTES])
        assert kind is not None
        home = place / "home"
        mirror = (
            WandbMirror(home, log, files, "logs") if kind is Kind.WANDB else LogMirror(home, log, kind, files, "logs")
        )
        for content in (whole[: draw.draw(st.integers(0, len(whole)))], mutated(whole, draw), whole):
            file.write_bytes(content)
            for _ in range(20):
                (log,) = [each for each in walk(files) if isinstance(each, LogFile)]
                if not mirror.follow(log.files):
                    break
            else:
                raise AssertionError("it never ends")
        found = PointStore(LocalFiles(place / "home")).stats(mirror.run_id).metrics
        assert sum(each.count for each in found.values()) > 0
    finally:
        shutil.rmtree(place)
