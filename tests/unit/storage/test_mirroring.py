"""A logdir is shown while it is looked at: by one writer at a time, without a trace in the logdir itself."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.event_files import event, scalar, write_events

from runicorn.storage import layout
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.mirroring import mirror as mirror_module
from runicorn.storage.mirroring import worker
from runicorn.storage.mirroring.mirror import Mirror
from runicorn.storage.mirroring.overlay import open_folder
from runicorn.storage.points import PointStore
from runicorn.storage.tensorboard.logdir import run_id

LIMIT_SECS = 20
NAME = "events.out.tfevents.1700000000.gpu7"


def losses(first, last):
    return [event(scalar("loss", float(step)), step=step) for step in range(first, last)]


@pytest.fixture
def logs(tmp_path):
    for run in ("a", "b/c"):
        write_events(tmp_path / "logs" / run / NAME, losses(0, 10))
    return tmp_path / "logs"


@pytest.fixture
def look(tmp_path):
    """Return what looks at a root as a viewer does; all of them share one cache."""
    opened = []

    def open_files(root):
        files = open_folder(root, tmp_path / "cache")
        opened.append(files)
        return files

    yield open_files
    for files in opened:
        files.close()


def until(condition):
    ends_at = time.monotonic() + LIMIT_SECS
    while not condition():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.02)


def count(files, path):
    stats = PointStore(files).stats(run_id(path)).metrics.get("loss")
    return stats.count if stats else 0


def names(files):
    return {item.run.name for item in RunIndex(files).runs()}


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def test_the_first_list_has_the_runs_and_the_logdir_is_left_alone(logs, look):
    before = snapshot(logs)
    files = look(logs)
    assert {(item.run.project, item.run.name) for item in RunIndex(files).runs()} == {("logs", "a"), ("b", "c")}
    until(lambda: count(files, "a") == 10)
    assert snapshot(logs) == before


def test_it_is_told_how_far_the_first_reading_of_many_folders_is(tmp_path, look, monkeypatch):
    for number in range(300):
        write_events(tmp_path / "logs" / f"run{number}" / NAME, losses(0, 2))
    slowed = worker.EventMirror.follow

    def follow(*args, **kwargs):
        time.sleep(0.01)
        return slowed(*args, **kwargs)

    monkeypatch.setattr(worker.EventMirror, "follow", follow)
    index = RunIndex(look(tmp_path / "logs"))
    seen = []
    until(lambda: len(index.runs()) == 300 or seen.append(index.progress()))
    assert len(seen) > 1
    for progress in seen:
        assert progress is not None, "runs are missing, and nothing tells of it"
        assert progress.done < progress.total <= 300
    assert [each.done for each in seen] == sorted(each.done for each in seen)
    until(lambda: index.progress() is None)


def test_new_points_runs_and_files_appear(logs, look):
    files = look(logs)
    until(lambda: count(files, "a") == 10)
    write_events(logs / "a" / NAME, losses(0, 15))
    until(lambda: count(files, "a") == 15)
    write_events(logs / "a" / "events.out.tfevents.1700000009.gpu7", losses(15, 18))
    until(lambda: count(files, "a") == 18)
    write_events(logs / "new" / NAME, losses(0, 2))
    until(lambda: "new" in names(files))


def test_a_run_whose_folder_is_gone_is_gone(logs, look):
    files = look(logs)
    index = RunIndex(files)
    until(lambda: len(index.runs()) == 2)
    (logs / "a" / NAME).unlink()
    until(lambda: {item.run.name for item in index.runs()} == {"c"})


def test_a_run_is_running_as_long_as_its_file_grows_and_never_killed(logs, look):
    old = time.time() - 3600
    os.utime(logs / "b" / "c" / NAME, (old, old))
    states = {item.run.name: item.run.state.value for item in RunIndex(look(logs)).runs()}
    assert states == {"a": "running", "c": "finished"}


def test_a_root_without_event_files_leaves_no_trace(tmp_path, look):
    (tmp_path / "root" / "x").mkdir(parents=True)
    assert RunIndex(look(tmp_path / "root")).runs() == []
    assert not (tmp_path / "cache").exists()
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["x"]


def test_a_cache_that_cannot_be_written_is_told_and_hides_nothing_else(tmp_path, look, caplog, monkeypatch):
    import runicorn as rn

    with rn.init(name="ours", root=tmp_path / "root") as run:
        run.log({"loss": 1})
    write_events(tmp_path / "root" / "tb" / NAME, losses(0, 3))
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))  # nor is there a temporary one
    files = look(tmp_path / "root")
    until(lambda: "event files are not shown" in caplog.text or not names(files))
    assert names(files) == {"ours"}


def test_one_writes_the_other_reads_and_takes_over(logs, look):
    first = look(logs)
    until(lambda: count(first, "a") == 10)
    second = look(logs)
    until(lambda: count(second, "a") == 10)
    write_events(logs / "a" / NAME, losses(0, 12))
    until(lambda: first.mirror.runs() and count(second, "a") == 12)
    first.close()
    write_events(logs / "a" / NAME, losses(0, 20))
    until(lambda: count(second, "a") == 20)


def test_who_can_not_read_any_more_leaves_the_writing_to_who_can(logs, look, monkeypatch):
    """As of two readers of one host, when the link of the first one breaks."""
    first = look(logs)
    until(lambda: count(first, "a") == 10)
    second = look(logs)
    until(lambda: count(second, "a") == 10)

    def broken(*args):
        raise ConnectionResetError

    for name in ("look", "stats", "fetch", "scan", "names"):
        monkeypatch.setattr(first.mirror._files, name, broken)
    write_events(logs / "a" / NAME, losses(0, 20))

    def is_there():
        first.mirror.look(waits=False)  # somebody looks there, too
        return count(second, "a") == 20

    until(is_there)
    monkeypatch.undo()
    until(lambda: count(first, "a") == 20)


def test_a_logdir_called_runs_is_no_list_of_broken_runs(tmp_path, look):
    write_events(tmp_path / "work" / "runs" / "Nov25_gpu7" / NAME, losses(0, 3))
    write_events(tmp_path / "work" / "runs" / "sweep" / "seed0" / NAME, losses(0, 3))
    files = look(tmp_path / "work")
    index = RunIndex(files)
    until(lambda: len(index.runs()) == 2)
    runs = [item.run for item in index.runs()]
    assert {(run.project, run.name) for run in runs} == {("work", "Nov25_gpu7"), ("sweep", "seed0")}
    assert all(run.error is None for run in runs)


def test_runs_of_ours_and_event_files_stand_beside_each_other(tmp_path, look):
    import runicorn as rn

    root = tmp_path / "root"
    with rn.init("ours", name="mine", root=root) as run:
        run.log({"loss": 1})
    write_events(root / "tb" / "theirs" / NAME, losses(0, 3))
    write_events(root / "runs" / "foreign" / NAME, losses(0, 3))
    index = RunIndex(look(root))
    until(lambda: {item.run.name for item in index.runs()} == {"mine", "theirs", "foreign"})


def test_a_damaged_folder_spoils_no_other(logs, look):
    for name, data in (("zeros", bytes(100)), ("text", b"no event file"), ("huge", b"\xff" * 64), ("empty", b"")):
        (logs / name).mkdir()
        (logs / name / NAME).write_bytes(data)
    files = look(logs)
    until(lambda: count(files, "a") == 10 and count(files, "b/c") == 10)
    warned = [item.run for item in RunIndex(files).runs() if item.run.name not in ("a", "c")]
    assert {run.name for run in warned} == {"zeros", "text", "huge"}


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read: /proc/self/mem")
def test_an_unreadable_file_spoils_no_other(logs, look):
    (logs / "a" / "events.out.tfevents.0.h").symlink_to("/proc/self/mem")
    files = look(logs)
    until(lambda: count(files, "b/c") == 10 and count(files, "a") == 10)


def test_nobody_who_looks_means_no_work(logs, look, monkeypatch):
    monkeypatch.setattr(worker, "DEMAND_SECS", 0.2)
    files = look(logs)
    until(lambda: count(files, "a") == 10)
    looked = []
    monkeypatch.setattr(worker.finding, "walk", lambda root: looked.append(root) or iter(()))
    until(lambda: files.mirror._board.unwatched_secs() > 0.5)
    looked.clear()
    until(lambda: files.mirror._board.unwatched_secs() > 2.0)
    assert looked == []


def test_who_does_not_look_leaves_the_writing_to_who_does(logs, look, monkeypatch):
    monkeypatch.setattr(worker, "DEMAND_SECS", 0.3)
    monkeypatch.setattr(mirror_module, "DEMAND_SECS", 0.3)
    sleeper = look(logs)
    until(lambda: count(sleeper, "a") == 10)
    second = look(logs)
    write_events(logs / "a" / NAME, losses(0, 15))
    until(lambda: count(second, "a") == 15)
    write_events(logs / "a" / NAME, losses(0, 20))
    until(lambda: count(sleeper, "a") == 20)


def test_close_ends_the_thread(logs, look):
    files = look(logs)
    files.mirror.runs()
    files.close()
    assert not files.mirror.is_working


def test_settle_waits_for_all_that_is_there(logs, look):
    write_events(logs / "long" / NAME, losses(0, 30_000))
    files = look(logs)
    assert files.mirror.settle(LIMIT_SECS)
    assert count(files, "long") == 30_000


def test_what_a_large_run_owes_its_status_is_there_after_settle_and_after_close(tmp_path, look):
    many = [event(*(scalar(f"m{number}", 1.0) for number in range(2000)))]
    write_events(tmp_path / "logs" / "a" / NAME, many)
    files = look(tmp_path / "logs")

    def told():
        return json.loads(files.read(layout.run_path(run_id("a"), layout.STATUS_FILE)))["metrics"].get("loss", {})

    until(lambda: count(files, "a") == 0 and files.mirror.settle(LIMIT_SECS))
    write_events(tmp_path / "logs" / "a" / NAME, [*many, *losses(0, 3)])
    until(lambda: count(files, "a") == 3)
    assert files.mirror.settle(LIMIT_SECS)
    assert told()["count"] == 3
    write_events(tmp_path / "logs" / "a" / NAME, [*many, *losses(0, 5)])
    until(lambda: count(files, "a") == 5)
    files.close()
    assert told()["count"] == 5


def test_of_many_files_in_a_folder_the_old_ones_are_not_asked_for_their_size_all_the_time(logs, look, monkeypatch):
    for number in range(20):
        old = logs / "a" / f"events.out.tfevents.1{number}.gpu7"
        write_events(old, losses(0, 1))
        os.utime(old, (1_600_000_000, 1_600_000_000))
    asked = []
    real = LocalFiles.stats
    monkeypatch.setattr(LocalFiles, "stats", lambda self, paths: asked.extend(paths) or real(self, paths))
    files = look(logs)
    until(lambda: count(files, "a") == 30)
    write_events(logs / "a" / NAME, losses(0, 15))
    until(lambda: count(files, "a") == 35)
    assert {path for path in asked if path.startswith("a/")} == {f"a/{NAME}"}


CHILD = """
import sys, time
from pathlib import Path
from runicorn.storage.files import LocalFiles
from runicorn.storage.mirroring.mirror import Mirror
mirror = Mirror(LocalFiles(Path(sys.argv[1])), "logs", Path(sys.argv[2]))
print("looking", flush=True)
while True:
    mirror.runs()
    time.sleep(0.01)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("metrics", [1, 2000], ids=["small note", "large note"])
def test_killed_again_and_again_it_loses_and_doubles_nothing(tmp_path, metrics):
    """A large note is not renewed with each piece that is taken in."""
    logs, home = tmp_path / "logs", tmp_path / "home"
    others = [event(scalar(f"other{number}", 1.0), step=-1) for number in range(metrics - 1)]
    write_events(logs / "a" / NAME, [*others, *losses(0, 60_000)])
    points = home / layout.RUNS / run_id("a") / layout.METRICS_FILE
    kills = 0
    for kill_at_bytes in range(1, 60_000 * 32, 60_000 * 4):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(logs), str(home)], stdout=subprocess.PIPE)
        try:
            until(lambda wanted=kill_at_bytes: points.exists() and points.stat().st_size >= wanted)
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        kills += 1
    assert kills == 8
    mirror = Mirror(LocalFiles(logs), "logs", home)
    try:
        assert mirror.settle(LIMIT_SECS)
    finally:
        mirror.close()
    from runicorn.storage.columns import unpack

    rows, skipped, _ = unpack(points.read_bytes())
    assert rows["step"].tolist() == [-1] * (metrics - 1) + list(range(60_000))
    assert skipped == 0


def test_who_only_reads_does_not_wait_for_what_is_never_shown(logs, look):
    (logs / "empty").mkdir()
    (logs / "empty" / NAME).touch()
    writer = look(logs)
    until(lambda: count(writer, "a") == 10)
    started = time.monotonic()
    assert look(logs).mirror.settle(LIMIT_SECS)
    assert time.monotonic() - started < LIMIT_SECS / 2


def test_where_the_cache_cannot_be_written_a_temporary_folder_does(logs, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "cache").write_text("a file where the folder should be")
    files = open_folder(logs, tmp_path / "cache")
    try:
        until(lambda: count(files, "a") == 10)
        assert files.mirror.problem is None
        assert files.mirror.home.parent == tmp_path / "temporary"
    finally:
        files.close()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_where_nothing_can_be_written_that_is_told(logs, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    files = open_folder(logs, tmp_path / "cache")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    try:
        files.mirror.look()
        until(lambda: files.mirror.problem is not None)
        assert "are not shown" in files.mirror.problem
        assert str(tmp_path / "cache") in files.mirror.problem
    finally:
        files.close()
