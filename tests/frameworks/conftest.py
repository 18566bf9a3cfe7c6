"""Real frameworks train tiny models here, on one thread, with no network; what they recorded is read back."""

import json
import os
import signal

os.environ.update(
    HF_HUB_OFFLINE="1",
    KERAS_BACKEND="jax",
    OMP_NUM_THREADS="1",
    CUDA_VISIBLE_DEVICES="",
    JAX_PLATFORMS="cpu",
    TOKENIZERS_PARALLELISM="false",
)

# A shell has what it runs in the background ignore Ctrl-C, and all that this starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest

import runicorn as rn
from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.points import PointStore


class Recorded:
    """What a storage root holds."""

    def __init__(self, path):
        self.path = path

    def runs(self):
        return [item.run for item in RunIndex(LocalFiles(self.path)).runs()]

    def run(self):
        (found,) = self.runs()
        return found

    def metrics(self, run=None):
        names = PointStore(LocalFiles(self.path)).stats((run or self.run()).id).metrics
        return {name for name in names if not name.startswith("system/")}

    def series(self, metric, run=None):
        columns = PointStore(LocalFiles(self.path)).read((run or self.run()).id, [metric]).columns[metric]
        return list(zip(columns.step.tolist(), columns.value.tolist(), strict=True))

    def events(self, run=None, kind=None):
        folder = self.path / "runs" / (run or self.run()).id
        lines = [
            json.loads(line)
            for name in layout.event_files(path.name for path in folder.iterdir())
            for line in (folder / name).read_text().splitlines()
        ]
        return [line for line in lines if kind is None or line["type"] == kind]

    def warnings(self, run=None):
        return json.loads((self.path / "runs" / (run or self.run()).id / "status.json").read_text())["warnings"]

    def console(self, run=None):
        return (self.path / "runs" / (run or self.run()).id / "console.log").read_text()


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """An own storage root, and a working folder that frameworks may fill."""
    monkeypatch.setenv("RUNICORN_ROOT", str(tmp_path / "root"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield Recorded(tmp_path / "root")
    rn.finish()
