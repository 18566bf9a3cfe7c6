"""A look at a log may be older than what was read since, as of a host that tells what changes: nothing begins anew."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.event_files import event, scalar, write_events
from tests.support.far_files import CountedFiles
from tests.support.logs_of_others import LIMIT_SECS, rows, runs, until

from runicorn.storage.files import LocalFiles
from runicorn.storage.mirroring.finding import LogFile, walk
from runicorn.storage.mirroring.mirror import Mirror, mirror_home
from runicorn.storage.mirroring.mirrored_run import MirroredRun
from runicorn.storage.mirroring.mlflow_mirror import MlflowMirror
from runicorn.storage.mirroring.overlay import OverlayFiles

DATA = Path(__file__).parents[2] / "data"
PIECES = 6
EVENTS = "events.out.tfevents.1700000000.gpu7"
SEGMENT = "offline-run-20231114_221320-seg1"


class OlderFiles(LocalFiles):
    """While `lags`, says of files and folders what they were like before they changed last."""

    def __init__(self, root):
        super().__init__(root)
        self._told = {}
        self.lags = False
        self.older = 0

    def stats(self, paths):
        return self._told_of("stats", paths, super().stats(paths))

    def look(self, folders):
        return self._told_of("look", folders, super().look(folders))

    def note(self, paths):
        """Remember what these files are like now."""
        names = [path.relative_to(self.root).as_posix() for path in paths]
        self.stats(names)
        self.look(list(dict.fromkeys(name.rpartition("/")[0] for name in names)))

    def _told_of(self, kind, names, found):
        answers = []
        for name, now in zip(names, found, strict=True):
            before, last = self._told.get((kind, name), (now, now))
            if last != now:
                before, last = last, now
            self._told[kind, name] = before, last
            answers.append(before if self.lags else now)
            self.older += answers[-1] != now
        return answers


@pytest.fixture
def restarts(monkeypatch):
    found = []
    restart = MirroredRun._restart

    def noted(run):
        found.append(run.run_id)
        restart(run)

    monkeypatch.setattr(MirroredRun, "_restart", noted)
    return found


@pytest.fixture
def look(tmp_path):
    opened = []

    def look(files):
        opened.append(OverlayFiles(files, Mirror(files, "logs", mirror_home(tmp_path / "cache", str(files.root)))))
        return opened[-1]

    yield look
    for files in opened:
        files.close()


def event_files(root):
    data = write_events(root / "exp" / EVENTS, [event(scalar("loss", float(step)), step=step) for step in range(3000)])
    return {root / "exp" / EVENTS: data}


def table(root):
    path = root / "exp" / "training.csv"
    path.parent.mkdir(parents=True)
    shutil.copy(DATA / "foreign" / "keras" / "training.csv", path)
    return {path: path.read_bytes()}


def wandb(root):
    shutil.copytree(DATA / "foreign" / "wandb" / "wandb" / SEGMENT, root / "wandb" / SEGMENT)
    path = root / "wandb" / SEGMENT / "run-seg1.wandb"
    return {path: path.read_bytes()}


def mlflow(root):
    shutil.copytree(DATA / "mlruns", root / "mlruns")
    (metrics,) = root.rglob("metrics")
    data = b"".join(b"%d %d.5 %d\n" % (1_700_000_000_000 + step, step, step) for step in range(3000))
    for name in ("low", "train/loss"):
        (metrics / name).write_bytes(data)
    return {metrics / name: data for name in ("low", "train/loss")}


def grow(paths, whole, part):
    for path in paths:
        data = whole[path]
        with path.open("ab") as file:
            file.write(data[len(data) * part // PIECES : len(data) * (part + 1) // PIECES])


@pytest.mark.parametrize("write", [event_files, table, wandb, mlflow])
def test_a_log_that_grows_is_not_begun_anew(write, tmp_path, look, restarts):
    whole = write(tmp_path / "logs")
    expected_files = look(LocalFiles(tmp_path / "logs"))
    (run,) = until(lambda: list(runs(expected_files).values()))
    assert expected_files.mirror.settle(LIMIT_SECS)
    expected = rows(expected_files, run.id)

    root = tmp_path / "growing"
    shutil.copytree(tmp_path / "logs", root)
    paths = {root / path.relative_to(tmp_path / "logs"): data for path, data in whole.items()}
    for path in paths:
        path.write_bytes(b"")
    restarts.clear()
    older = OlderFiles(root)
    files = look(older)
    for part in range(PIECES):
        grow(paths, paths, part)
        assert files.mirror.settle(LIMIT_SECS)
        older.note(paths)
        if part:
            count, older.lags = older.older, True
            until(lambda count=count: files.mirror.settle(LIMIT_SECS) and older.older > count + 2, "older looks")
            older.lags = False
    (again,) = until(lambda: list(runs(files).values()))
    until(lambda: rows(files, again.id) == expected, "all of its points")
    assert restarts == []


@pytest.mark.parametrize("write", [event_files, table, wandb, mlflow])
def test_one_that_is_cut_is_begun_anew(write, tmp_path, look, restarts):
    whole = write(tmp_path / "logs")
    files = look(LocalFiles(tmp_path / "logs"))
    (run,) = until(lambda: list(runs(files).values()))
    until(lambda: sum(map(len, rows(files, run.id).values())) > 20)
    assert files.mirror.settle(LIMIT_SECS)
    before = rows(files, run.id)
    restarts.clear()
    for path, data in whole.items():
        os.truncate(path, len(data) // 2)
    until(lambda: 0 < sum(map(len, rows(files, run.id).values())) < sum(map(len, before.values())), "fewer points")
    assert restarts
    for name, points in rows(files, run.id).items():
        assert before[name][: len(points)] == points


def test_however_many_files_look_shorter_they_are_asked_in_one_call(tmp_path, restarts):
    root = tmp_path / "logs"
    (low, _) = mlflow(root)
    for number in range(50):
        shutil.copy(low, low.with_name(f"metric{number}"))
    files = CountedFiles(LocalFiles(root))
    (log,) = [each for each in walk(files) if isinstance(each, LogFile)]
    mirror = MlflowMirror(tmp_path / "home", log, files, "logs")
    while mirror.follow(log.files):
        pass
    files.taken()
    older = [replace(each, size_bytes=each.size_bytes // 2, mtime=each.mtime - 1) for each in log.files]
    assert not mirror.follow(older)
    # One for the sizes; one for meta.yaml and the like, which look changed; one for the marks of the metrics.
    assert [name for name, _ in files.taken()] == ["fetch"] * 3
    assert restarts == []
