"""Runs as an earlier viewer knew them, shown until somebody can look at their files."""

import json
import shutil
import time

import pytest
from tests.support.places import HostFiles

from runicorn.errors import RunNotFoundError
from runicorn.model import RunState
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.index_cache import IndexCache
from runicorn.storage.layout import iso

NOW = 1_700_000_000.0


def away(root):
    """Return files of a host that is not there until a test says so."""
    files = HostFiles(root)
    files.is_cut = True
    return files


def write(root, number, state="finished", name=None):
    folder = root / "runs" / f"20240101-{number:06d}-aaaaaa"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"name": name or f"run-{number}", "created_at": iso(NOW + number)}))
    status = {"state": state, "heartbeat_at": iso(time.time()), "summary": {"loss": number}}
    (folder / "status.json").write_text(json.dumps(status))
    return folder.name


def names(items):
    return sorted(item.run.name for item in items)


@pytest.fixture
def saved(tmp_path):
    """A root with a run that goes on, one that was killed and one that is finished; and what a viewer saved of it."""
    root = tmp_path / "root"
    for number, state in enumerate(["finished", "running", "running"]):
        write(root, number, state)
    killed = root / "runs/20240101-000002-aaaaaa/status.json"
    killed.write_text(json.dumps({"state": "running", "heartbeat_at": iso(NOW)}))
    cache = IndexCache(tmp_path / "cache", "ssh://root", worth_from=1)
    index = RunIndex(LocalFiles(root), cache=cache)
    index.runs()
    index.close()
    return root, cache


def test_while_nothing_can_be_read_they_stand_as_they_stood(saved):
    root, cache = saved
    before = time.time()
    index = RunIndex(away(root), cache=cache)
    assert index.known() == []
    assert before - 20 < index.recall() <= before
    for _ in range(2):
        states = {item.run.name: item.run.state for item in index.runs()}
        assert states == {"run-0": RunState.FINISHED, "run-1": RunState.RUNNING, "run-2": RunState.KILLED}
        assert "the host is gone" in index.problem
    version = index.version
    assert len(index.changes(0)[0]) == 3
    assert index.find("20240101-000001-aaaaaa").run.state is RunState.RUNNING
    with pytest.raises((RunNotFoundError, OSError)):
        index.find("20240101-000009-aaaaaa")
    assert index.version == version
    index.close()
    assert len(cache.load().runs) == 3


def test_once_they_can_be_read_they_are_what_is_there(saved):
    root, cache = saved
    files = away(root)
    index = RunIndex(files, cache=cache)
    index.recall()
    index.runs()
    version = index.version
    write(root, 0, name="renamed")
    shutil.rmtree(root / "runs/20240101-000002-aaaaaa")
    write(root, 3)
    files.is_cut = False
    assert names(index.runs(fresh=True)) == ["renamed", "run-1", "run-3"]
    assert index.problem is None
    changed, removed, _ = index.changes(version)
    assert names(changed) == ["renamed", "run-3"] or names(changed) == ["renamed", "run-1", "run-3"]
    assert removed == ["20240101-000002-aaaaaa"]
    with pytest.raises(RunNotFoundError):
        index.find("20240101-000002-aaaaaa")


def test_of_a_root_that_was_put_in_its_place_nothing_of_the_old_one_stays(saved):
    root, cache = saved
    shutil.rmtree(root)
    (root / "runs").mkdir(parents=True)
    index = RunIndex(LocalFiles(root), cache=cache)
    index.recall()
    assert len(index.known()) == 3
    assert index.runs(fresh=True) == []


def test_a_run_that_goes_before_it_was_read_anew_is_not_shown_any_more(saved, monkeypatch):
    """It was seen to be there, and was never read."""
    root, cache = saved
    for folder in (root / "runs").iterdir():
        write(root, int(folder.name[9:15]), name=f"anew-{folder.name}")
    index = RunIndex(LocalFiles(root), cache=cache)
    index.recall()
    monkeypatch.setattr(index, "_read_on", lambda: None)
    index.runs(fresh=True)
    shutil.rmtree(root / "runs/20240101-000001-aaaaaa")
    index.runs(fresh=True)
    assert "run-1" not in names(index.known())
    monkeypatch.undo()
    assert len(index.runs(fresh=True)) == 2


def test_what_was_never_saved_is_not_recalled(tmp_path):
    index = RunIndex(away(tmp_path), cache=IndexCache(tmp_path / "cache", "ssh://other"))
    assert index.recall() is None
    assert index.runs() == []
    assert RunIndex(away(tmp_path)).recall() is None
