"""Small files and metrics' names, written by one who is interrupted by another: the newest wins, no number moves."""

import json
import os
import threading
from pathlib import Path

import pytest

from runicorn.sdk.metric_names import MetricNames
from runicorn.sdk.recorder import Recorder
from runicorn.sdk.small_files import SmallFile
from runicorn.sdk.warnings import Warnings
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import decode_keys
from runicorn.storage.points import PointStore


@pytest.fixture
def state():
    return {"at": 0}


@pytest.fixture
def file(tmp_path, state):
    return SmallFile(tmp_path / "status.json", lambda: dict(state), Warnings())


def stored(tmp_path):
    return json.loads((tmp_path / "status.json").read_text())


@pytest.mark.parametrize("call", ["write_bytes", "replace"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_a_signal_handler_wrote_is_not_undone_by_what_it_interrupted(
    file, state, tmp_path, monkeypatch, call, moment
):
    real = getattr(Path, call)
    interrupted = []

    def interrupt():
        if not interrupted:
            interrupted.append(1)
            state["at"] = 1
            file.write()
            assert stored(tmp_path) == {"at": 1}

    def patched(self, *args):
        if moment == "before":
            interrupt()
        found = real(self, *args)
        if moment == "after":
            interrupt()
        return found

    monkeypatch.setattr(Path, call, patched)
    file.write()
    assert interrupted
    assert stored(tmp_path) == {"at": 1}
    assert os.listdir(tmp_path) == ["status.json"]  # noqa: PTH208
    assert file._warnings.counts() == {}


def test_a_thread_that_comes_back_from_a_slow_disk_undoes_nothing(file, state, tmp_path, monkeypatch):
    real, waits, go_on = Path.replace, threading.Event(), threading.Event()

    def slow(self, target):
        if threading.current_thread() is thread and not go_on.is_set():
            waits.set()
            go_on.wait(30)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", slow)
    thread = threading.Thread(target=file.write)
    thread.start()
    assert waits.wait(30)
    state["at"] = 1
    file.write()
    assert stored(tmp_path) == {"at": 1}
    go_on.set()
    thread.join(30)
    assert stored(tmp_path) == {"at": 1}
    assert os.listdir(tmp_path) == ["status.json"]  # noqa: PTH208


def test_what_cannot_be_written_is_a_warning(tmp_path):
    warnings = Warnings()
    SmallFile(tmp_path / "gone" / "run.json", dict, warnings).write()
    assert warnings.counts() == {"write:run.json": 1}
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.skipif(not hasattr(os, "pwrite"), reason="needs pwrite")
@pytest.mark.parametrize("inner", ["inner", "outer"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_metric_that_is_named_in_the_middle_of_anothers_naming_moves_no_number(tmp_path, monkeypatch, inner, moment):
    (tmp_path / "runs/r").mkdir(parents=True)
    recorder = Recorder(tmp_path / "runs/r", "metrics.bin", Warnings())
    recorder.log({"first": 1.0})
    real, interrupted = os.pwrite, []

    def patched(fd, data, offset):
        if moment == "after":
            found = real(fd, data, offset)
        if not interrupted:
            interrupted.append(1)
            recorder.log({inner: 2.0})
        return found if moment == "after" else real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", patched)
    recorder.log({"outer": 3.0})
    recorder.log({"last": 4.0})
    recorder.close()
    store = PointStore(LocalFiles(tmp_path))
    columns = store.read("r", ["first", "inner", "outer", "last"]).columns
    found = {name: column.value.tolist() for name, column in columns.items()}
    expected = {"first": [1.0], "inner": [2.0], "outer": [3.0], "last": [4.0]}
    if inner == "outer":
        expected = {"first": [1.0], "inner": [], "outer": [2.0, 3.0], "last": [4.0]}
    assert {name: found.get(name, []) for name in expected} == expected


@pytest.mark.skipif(not hasattr(os, "pwrite"), reason="needs pwrite")
def test_a_name_that_could_not_be_written_keeps_its_number(tmp_path, monkeypatch):
    names = MetricNames(tmp_path / "metrics.keys")
    assert names.add("a") == 0

    def full(fd, data, offset):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", full)
        for _ in range(3):
            with pytest.raises(OSError, match="space"):
                names.add("b")
    assert (names.add("c"), names.add("b")) == (2, 1)
    names.close()
    assert decode_keys((tmp_path / "metrics.keys").read_bytes())[0] == ["a", "b", "c"]


def test_a_torn_line_is_ended_and_counts(tmp_path):
    (tmp_path / "metrics.keys").write_bytes(b'"a"\n"to')
    names = MetricNames(tmp_path / "metrics.keys")
    assert (list(names.known), names.add("b")) == (["a", None], 2)
    names.close()
    assert decode_keys((tmp_path / "metrics.keys").read_bytes())[0] == ["a", None, "b"]
