"""The list of runs in memory: as fresh as the files, at the price of a look at each folder."""

import errno
import json
import os
import shutil
import struct

import pytest

from runicorn.errors import RunNotFoundError
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.jsonio import decode_object
from runicorn.storage.layout import iso
from runicorn.storage.liveness import Place
from runicorn.storage.writer import replace_json

START = 1795339815.0


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


class Counting(LocalFiles):
    reads = 0
    looks = 0

    def read(self, path, offset=0, length=None):
        self.reads += 1
        return super().read(path, offset, length)

    def stat(self, path):
        self.looks += 1
        return super().stat(path)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "runs").mkdir()
    return tmp_path


def write(root, run_id, *, state="finished", heartbeat=START, moment=START - 1000, **info):
    folder = root / "runs" / run_id
    folder.mkdir(exist_ok=True)
    replace_json(folder / "run.json", {"created_at": iso(START - 100), "host": "elsewhere", "pid": 1, **info})
    replace_json(folder / "status.json", {"state": state, "heartbeat_at": iso(heartbeat)})
    os.utime(folder, (moment, moment))


def make(root, clock, files=None):
    return RunIndex(files or LocalFiles(root), now=clock, monotonic=clock, place=Place("here", None))


def states(index):
    return {item.run.id: item.run.state.value for item in index.runs()}


def test_what_did_not_change_is_not_read_again(root, clock):
    for number in range(10):
        write(root, f"r{number}")
    files = Counting(root)
    index = make(root, clock, files)
    index.runs()
    assert files.reads == 20
    files.reads = files.looks = 0
    index.runs()
    assert (files.reads, files.looks) == (0, 0)


def test_a_folder_that_changed_a_moment_ago_is_looked_into_again(root, clock):
    write(root, "r", name="one", moment=START - 0.5)
    index = make(root, clock)
    assert index.find("r").run.name == "one"
    write(root, "r", name="two", moment=START - 0.5)  # the folder's clock has not ticked in between
    assert [item.run.name for item in index.runs()] == ["two"]


def test_a_file_edited_in_place_is_noticed_after_a_while(root, clock):
    write(root, "r", name="one")
    index = make(root, clock)
    index.runs()
    path = root / "runs/r/run.json"
    path.write_text(json.dumps({"name": "edited"}))
    os.utime(path.parent, (START - 1000, START - 1000))
    clock.now += 21
    assert [item.run.name for item in index.runs()] == ["edited"]


def test_a_run_elsewhere_whose_heartbeat_stops_is_killed_a_minute_later(root, clock):
    write(root, "r", state="running")
    index = make(root, clock)
    assert states(index) == {"r": "running"}
    clock.now += 59
    assert states(index) == {"r": "running"}
    clock.now += 2
    assert states(index) == {"r": "killed"}
    write(root, "r", state="running", heartbeat=clock.now, moment=clock.now)
    assert states(index) == {"r": "running"}


def test_a_run_elsewhere_with_a_slow_clock_is_alive_once_its_heart_is_seen_to_beat(root, clock):
    write(root, "r", state="running", heartbeat=START - 3600)
    index = make(root, clock)
    assert states(index) == {"r": "killed"}
    clock.now += 5
    write(root, "r", state="running", heartbeat=START - 3595, moment=clock.now)
    assert states(index) == {"r": "running"}


def test_changes_are_told_by_version(root, clock):
    write(root, "a")
    write(root, "b")
    index = make(root, clock)
    index.runs()
    version = index.version
    assert index.changes(version) == ([], [], version)
    write(root, "b", name="new", moment=START - 500)
    changed, removed, later = index.changes(version)
    assert ([item.run.id for item in changed], removed) == (["b"], [])
    for name in ("run.json", "status.json"):
        (root / "runs/a" / name).unlink()
    (root / "runs/a").rmdir()
    changed, removed, _ = index.changes(later)
    assert (changed, removed) == ([], ["a"])


def test_changes_since_a_moment_are_found_by_the_folders_times(root, clock):
    write(root, "old", moment=START - 1000)
    write(root, "new", moment=START - 10)
    index = make(root, clock)
    changed, _, _ = index.changes(index.version_at(START - 30))
    assert "new" in {item.run.id for item in changed}
    assert index.changes(index.version_at(START))[0] == []


def test_what_was_removed_since_a_moment_is_found_by_when_that_was_seen(root, clock):
    write(root, "gone")
    index = make(root, clock)
    index.runs()
    shutil.rmtree(root / "runs" / "gone")
    assert index.runs() == []
    assert index.changes(index.version_at(clock() - 30))[1] == ["gone"]
    assert index.changes(index.version_at(clock() + 1))[1] == []


def test_a_slow_file_system_is_given_rest(root, clock):
    class Slow(Counting):
        lists = 0

        def list(self, path):
            self.lists += 1
            clock.now += 1.0
            return super().list(path)

    files = Slow(root)
    index = make(root, clock, files)
    for _ in range(5):
        index.runs()
    assert files.lists == 1
    index.runs(fresh=True)
    assert files.lists == 2
    clock.now += 4.1
    index.runs()
    assert files.lists == 3


class Taking(LocalFiles):
    """Files whose list takes `secs` by the clock, and what is in a folder takes `within_secs`."""

    def __init__(self, root, clock):
        super().__init__(root)
        self.clock, self.secs, self.within_secs, self.lists = clock, 0.0, 0.0, 0
        self.meanwhile = lambda: None

    def list(self, path):
        self.lists += 1
        self.clock.now += self.secs
        self.meanwhile()
        return super().list(path)

    def stats(self, paths):
        self.clock.now += self.within_secs
        self.meanwhile()
        return super().stats(paths)


def test_one_long_look_is_no_slow_file_system(root, clock):
    write(root, "a")
    files = Taking(root, clock)
    index = RunIndex(files, now=clock, monotonic=clock)
    index.runs()
    for secs, expected in ((5.0, 1), (0.0, 1), (0.0, 1), (5.0, 1), (5.0, 1), (5.0, 0)):
        files.secs, before = secs, files.lists
        index.runs()
        clock.now += 1.0
        assert files.lists - before == expected


def test_files_are_overdue_that_take_longer_than_they_usually_do(root, clock):
    write(root, "a")
    files = Taking(root, clock)
    index = RunIndex(files, now=clock, monotonic=clock)
    found = []
    files.meanwhile = lambda: found.append(index.is_overdue(1.5))

    def look(secs):
        clock.now += 3600
        found.clear()
        files.secs = secs
        index.runs()
        return found[0]

    assert [look(secs) for secs in (1.0, 2.0)] == [False, False], "three times as long is usual"
    assert [look(secs) for secs in (2.0, 5.0, 7.0)] == [False, False, True]
    assert not index.is_overdue(1.5), "nobody waits"
    files.secs = 0.0
    for name, within_secs, expected in (("b", 5.0, False), ("c", 7.0, True)):
        write(root, name, moment=clock.now)
        files.within_secs = within_secs
        clock.now += 3600
        found.clear()
        index.runs()
        assert found[-1] is expected, "to read what is new may take longer"


@pytest.mark.parametrize("run_id", ["missing", "../runs", ".hidden", ""])
def test_a_run_that_is_not_there_is_not_found(root, clock, run_id):
    with pytest.raises(RunNotFoundError):
        make(root, clock).find(run_id)


def test_times_beyond_the_calendar_spoil_nothing(root, clock):
    write(root, "r")
    replace_json(root / "runs/r/run.json", {"created_at": "9999-12-31T23:59:59.999999Z"})
    os.utime(root / "runs/r", (1e12, 1e12))
    (item,) = make(root, clock).runs()
    assert iso(item.run.created_at).startswith("9999-12-31")
    assert iso(1e15).startswith("9999")
    assert iso(-1e15).startswith("0001")


def test_json_nested_without_end_is_no_object():
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    assert decode_object(deep) is None
    assert decode_object(b'{"a":' * 150 + b"1" + b"}" * 150) is None
    assert decode_object(b'{"a":' * 50 + b"1" + b"}" * 50) is not None
    assert decode_object(b'{"a": [' + b"[]," * 500 + b"[]]}") is not None


@pytest.mark.parametrize(("last_point_at", "lasted"), [(START - 10, 90), (float("nan"), 40), (1e300, 40), (0.0, 40)])
def test_a_killed_run_lasted_until_its_last_point_unless_that_time_is_garbage(root, clock, last_point_at, lasted):
    write(root, "r", state="killed", heartbeat=START - 60)
    folder = root / "runs" / "r"
    (folder / "metrics.keys").write_text('"loss"\n')
    (folder / "metrics.bin").write_bytes(struct.pack("<IIqdd", 0x31534E52, 0, 7, last_point_at, 0.5))
    (item,) = make(root, clock).runs()
    assert item.run.duration_secs(clock.now) == lasted
    assert item.run.summary["loss"] == 0.5


class Moody(LocalFiles):
    """Files some of which cannot be read for a while."""

    bad = ()

    def stat(self, path):
        self.check("stat", path)
        return super().stat(path)

    def read(self, path, offset=0, length=None):
        self.check("read", path)
        return super().read(path, offset, length)

    def list(self, path):
        self.check("list", path)
        return super().list(path)

    def check(self, call, path):
        if (call, path) in self.bad:
            raise OSError(errno.ESTALE, "Stale file handle")


@pytest.mark.parametrize("call", ["stat", "read"])
@pytest.mark.parametrize("name", ["run.json", "status.json", "notes.json"])
def test_a_file_that_cannot_be_read_is_not_one_that_is_missing(root, clock, call, name):
    write(root, "r", name="mine", state="finished", moment=START - 0.5)
    replace_json(root / "runs/r/notes.json", {"tags": ["good"]})
    files = Moody(root)
    index = make(root, clock, files)
    known = index.find("r").run
    files.bad = [(call, f"runs/r/{name}")]
    replace_json(root / "runs/r/status.json", {"state": "finished", "heartbeat_at": iso(START), "step": 5})
    clock.now += 30
    (item,) = index.runs()
    assert (item.run.name, item.run.state, item.run.tags) == ("mine", known.state, ("good",))
    assert item.run.error == f"{name} cannot be read right now: Stale file handle."
    files.bad = ()
    clock.now += 2
    (item,) = index.runs()
    assert (item.run.error, item.run.step, item.run.name) == (None, 5, "mine")


@pytest.mark.parametrize("call", ["stat", "read"])
def test_of_a_run_that_was_never_read_whole_the_rest_is_shown(root, clock, call):
    write(root, "r", name="mine", state="finished")
    files = Moody(root)
    files.bad = [(call, "runs/r/status.json")]
    index = make(root, clock, files)
    (item,) = index.runs()
    assert (item.run.name, item.run.state.value) == ("mine", "unknown")
    assert "status.json cannot be read right now" in item.run.error
    files.bad = ()
    clock.now += 2
    (item,) = index.runs()
    assert (item.run.state.value, item.run.error) == ("finished", None)


def test_a_folder_of_runs_that_cannot_be_read_removes_no_run(root, clock):
    write(root, "r")
    files = Moody(root)
    index = make(root, clock, files)
    index.runs()
    version = index.version
    files.bad = [("list", "runs"), ("stat", "runs")]
    assert len(index.runs()) == 1
    assert "Stale file handle" in index.problem
    assert index.changes(version) == ([], [], version)
    files.bad = ()
    index.runs()
    assert index.problem is None


def test_one_folder_that_spoils_the_listing_hides_neither_itself_nor_the_others(root, clock):
    for run_id in ("bad", "good"):
        write(root, run_id)
    files = Moody(root)
    files.bad = [
        ("list", "runs"),
        ("stat", "runs/bad"),
        ("stat", "runs/bad/run.json"),
        ("stat", "runs/bad/status.json"),
    ]
    index = make(root, clock, files)
    found = {item.run.id: item.run for item in index.runs()}
    assert found["good"].error is None
    assert (found["bad"].state.value, found["bad"].error[:26]) == ("unknown", "run.json cannot be read ri")
    assert (index.problem, index.progress()) == (None, None)
    write(root, "new")
    assert "new" in states(index)
    files.bad = ()
    clock.now += 2
    assert states(index) == {"bad": "finished", "good": "finished", "new": "finished"}


def test_a_folder_that_cannot_be_looked_at_is_no_run_that_is_gone(root, clock):
    write(root, "r")
    files = Moody(root)
    index = make(root, clock, files)
    files.bad = [("stat", "runs/r")]
    with pytest.raises(OSError, match="Stale"):
        index.find("r")
    files.bad = ()
    index.runs()
    files.bad = [("stat", "runs/r")]
    assert index.find("r").run.id == "r"


def test_metrics_that_the_script_wants_out_of_the_summary_do_not_come_back_when_it_is_killed(root, clock):
    definitions = [{"name": "debug/*", "summary": ["none"]}]
    write(root, "r", state="killed", metric_definitions=definitions)
    folder = root / "runs" / "r"
    (folder / "metrics.keys").write_text('"loss"\n"debug/norm"\n')
    pack = struct.Struct("<IIqdd").pack
    (folder / "metrics.bin").write_bytes(pack(0x31534E52, 0, 7, START, 0.5) + pack(0x31534E52, 1, 7, START, 9.0))
    (item,) = make(root, clock).runs()
    assert dict(item.run.summary) == {"loss": 0.5}


def test_last_points_that_cannot_be_read_for_a_moment_are_read_later(root, clock):
    write(root, "r", state="killed")
    folder = root / "runs" / "r"
    (folder / "metrics.keys").write_text('"loss"\n')
    (folder / "metrics.bin").write_bytes(struct.pack("<IIqdd", 0x31534E52, 0, 7, START, 0.5))
    files = Moody(root)
    files.bad = [("read", "runs/r/metrics.bin")]
    index = make(root, clock, files)
    assert dict(index.runs()[0].run.summary) == {}
    files.bad = ()
    clock.now += 2
    assert dict(index.runs()[0].run.summary) == {"loss": 0.5}


def test_a_small_file_that_is_too_large_is_said_and_not_read(root, clock):
    write(root, "r", name="mine")
    (root / "runs/r/status.json").write_text(json.dumps({"state": "finished", "x": "y" * 5_000_000}))
    (item,) = make(root, clock).runs()
    assert (item.run.name, item.run.state.value) == ("mine", "unknown")
    assert item.run.error == "status.json is not read: it is larger than 4 MiB."
