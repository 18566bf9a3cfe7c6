"""The list of a root with very many runs: bounded work in each call, progress, and a cache between two viewers."""

import errno
import json
import shutil
import time

import pytest

from runicorn.storage import index as index_module
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.index_cache import WORTH_SAVING_AS_A_GUEST, IndexCache
from runicorn.storage.layout import iso
from runicorn.storage.writer import replace_json, update_notes

COUNT = 300
START = 1_700_000_000.0


class Counting(LocalFiles):
    reads = 0

    def read(self, path, offset=0, length=None):
        self.reads += 1
        return super().read(path, offset, length)


class Clock:
    """Goes on a little with each look at it, as reading takes its time."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def add(root, number, state="finished"):
    folder = root / "runs" / f"20240101-{number:06d}-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"name": f"run-{number}", "created_at": iso(START + number)}))
    (folder / "status.json").write_text(json.dumps({"state": state, "finished_at": iso(START + number)}))
    return folder.name


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a root that counts as a big one."""
    monkeypatch.setattr(index_module, "_FEW", 20)
    for number in range(COUNT):
        add(tmp_path, number)
    return tmp_path


def later():
    """Return a clock for which all files on disk are old."""
    return time.time() + 100


def complete(index):
    index.runs()
    while index.progress():
        index.runs()
    return {item.run.id: item.run for item in index.runs()}


def test_a_first_reading_goes_on_from_call_to_call_newest_first(root):
    index = RunIndex(LocalFiles(root), now=later, monotonic=Clock(0.02))
    first = index.runs()
    progress = index.progress()
    assert 0 < progress.done < progress.total == COUNT
    assert {item.run.name for item in first} == {f"run-{COUNT - 1 - at}" for at in range(len(first))}
    seen = [progress.done]
    while index.progress():
        index.runs()
        seen.append(len(index.runs()))
    assert seen == sorted(seen)
    assert len(complete(index)) == COUNT


class TakingTime(LocalFiles):
    """Reading moves a clock: so much for each call, and so much for each run. goes: how many runs were read in each."""

    def __init__(self, root, call_secs, run_secs):
        super().__init__(root)
        self.call_secs, self.run_secs = call_secs, run_secs
        self.now, self.goes = 0.0, []

    def fetch(self, ranges):
        runs = sum(each.path.endswith("/run.json") for each in ranges)
        self.goes += [runs] if runs else []
        self.now += self.call_secs + self.run_secs * runs
        return super().fetch(ranges)


def read_all(files):
    assert len(complete(RunIndex(files, now=later, monotonic=lambda: files.now))) == COUNT
    assert sum(files.goes) == COUNT
    return files.goes


@pytest.mark.parametrize("call_secs", [0.2, 0.6, 1.2])
def test_behind_a_link_that_takes_its_time_more_runs_are_asked_for_at_once(root, monkeypatch, call_secs):
    monkeypatch.setattr(index_module, "_AT_ONCE", 4)
    goes = read_all(TakingTime(root, call_secs, 0.0001))
    assert goes[0] == 4
    assert goes[:-1] == sorted(goes[:-1])
    assert len(goes) <= 6


def test_on_a_disk_that_takes_its_time_for_each_run_few_are_asked_for_at_once(root, monkeypatch):
    monkeypatch.setattr(index_module, "_AT_ONCE", 16)
    goes = read_all(TakingTime(root, 0.001, 0.1))
    assert max(goes) * 0.1 <= 5
    assert max(goes[3:]) * 0.1 <= 1.3


def test_new_and_removed_runs_are_there_with_the_next_call(root):
    index = RunIndex(LocalFiles(root), now=time.time)
    complete(index)
    version = index.version
    added = add(root, 999)
    shutil.rmtree(root / "runs/20240101-000007-aaaaaa")
    changed, removed, _ = index.changes(version)
    assert [item.run.id for item in changed] == [added]
    assert removed == ["20240101-000007-aaaaaa"]


def test_every_run_has_its_turn_to_be_looked_at(root):
    index = RunIndex(LocalFiles(root), now=later, monotonic=Clock(0.001))
    complete(index)
    for number in (0, 150, 299):
        update_notes(root, f"20240101-{number:06d}-aaaaaa", {"name": "renamed"})
    for _ in range(200):
        if sum(item.run.name == "renamed" for item in index.runs()) == 3:
            break
    else:
        pytest.fail("not all of them were noticed")


def test_the_next_viewer_begins_with_what_the_last_one_knew(root, tmp_path):
    cache = IndexCache(tmp_path / "cache", str(root))
    before = RunIndex(LocalFiles(root), now=later, cache=cache)
    known = complete(before)
    before.close()
    update_notes(root, "20240101-000005-aaaaaa", {"name": "renamed"})
    replace_json(root / "runs/20240101-000006-aaaaaa/status.json", {"state": "failed"})
    shutil.rmtree(root / "runs/20240101-000007-aaaaaa")
    add(root, 999)
    files = Counting(root)
    runs = complete(RunIndex(files, now=later, cache=cache))
    assert files.reads < 20
    assert len(runs) == COUNT
    assert runs["20240101-000005-aaaaaa"].name == "renamed"
    assert runs["20240101-000006-aaaaaa"].state.value == "failed"
    assert "20240101-000007-aaaaaa" not in runs
    unchanged = "20240101-000100-aaaaaa"
    assert runs[unchanged] == known[unchanged]


def test_a_list_is_saved_for_the_next_viewer_by_whoever_asks_later(root, tmp_path):
    """Not by the one who waits for it for the first time."""
    moment = [0.0]
    cache = IndexCache(tmp_path / "cache", str(root))
    index = RunIndex(LocalFiles(root), now=later, monotonic=lambda: moment[0], cache=cache)
    complete(index)
    assert cache.load() is None
    moment[0] += 2
    index.runs()
    assert len(cache.load().runs) == COUNT


@pytest.mark.parametrize("call", ["stat", "read"])
def test_a_run_that_could_not_be_read_for_a_moment_is_not_kept_so(root, tmp_path, call):
    bad = "runs/20240101-000005-aaaaaa/status.json"

    class Failing(LocalFiles):
        pass

    def fail(self, path, *rest):
        if path == bad:
            raise OSError(errno.ESTALE, "stale")
        return getattr(LocalFiles, call)(self, path, *rest)

    setattr(Failing, call, fail)
    cache = IndexCache(tmp_path / "cache", str(root))
    index = RunIndex(Failing(root), now=later, cache=cache)
    complete(index)
    index.close()
    assert len(cache.load().runs) == COUNT - 1
    assert (
        complete(RunIndex(LocalFiles(root), now=later, cache=cache))["20240101-000005-aaaaaa"].state.value == "finished"
    )


def test_a_guest_leaves_nothing_for_a_list_that_is_there_in_a_moment(root, tmp_path):
    cache = IndexCache(tmp_path / "cache", str(root), worth_from=WORTH_SAVING_AS_A_GUEST)
    index = RunIndex(LocalFiles(root), now=later, cache=cache)
    assert COUNT < WORTH_SAVING_AS_A_GUEST
    complete(index)
    index.close()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x83\xa7version", None])
def test_a_cache_that_is_damaged_costs_time_only(root, tmp_path, damage):
    cache = IndexCache(tmp_path / "cache", str(root))
    index = RunIndex(LocalFiles(root), now=later, cache=cache)
    complete(index)
    index.close()
    data = cache.path.read_bytes()
    cache.path.write_bytes(data[: len(data) // 2] if damage is None else damage)
    assert len(complete(RunIndex(LocalFiles(root), now=later, cache=cache))) == COUNT


def test_a_cache_of_another_root_is_not_taken(root, tmp_path):
    index = RunIndex(LocalFiles(root), now=later, cache=IndexCache(tmp_path / "cache", str(root)))
    complete(index)
    index.close()
    other = IndexCache(tmp_path / "cache", str(tmp_path / "other"))
    shutil.copy(IndexCache(tmp_path / "cache", str(root)).path, other.path)
    assert other.load() is None


def test_a_small_root_leaves_nothing_in_the_cache_folder(tmp_path):
    add(tmp_path, 1)
    index = RunIndex(LocalFiles(tmp_path), cache=IndexCache(tmp_path / "cache", str(tmp_path)))
    index.runs()
    index.close()
    assert not (tmp_path / "cache").exists()


def test_what_the_cache_cannot_be_written_to_is_borne(root, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    index = RunIndex(LocalFiles(root), now=later, cache=IndexCache(tmp_path / "cache", str(root)))
    assert len(complete(index)) == COUNT
    index.close()
