"""Runs in MLflow's database are runs where they lie: live, asked of SQLite or of a copy, and nothing made beside it."""

import contextlib
import itertools
import json
import os
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.far_files import CountedFiles
from tests.support.logs_of_others import LIMIT_SECS, counts, rows, runs, snapshot, until

from runicorn.errors import SourceUnreadableError
from runicorn.exchange.importing import Tool, find_sources, import_source, open_target
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import run_path
from runicorn.storage.mirroring import database_copy
from runicorn.storage.mirroring.database_mirror import DatabaseMirror, Databases
from runicorn.storage.mirroring.finding import LogFile, walk
from runicorn.storage.mirroring.mirror import Mirror
from runicorn.storage.mirroring.overlay import OverlayFiles

SCRIPT = (Path(__file__).parents[2] / "data" / "mlflow.sql").read_text(encoding="utf-8")


@pytest.fixture(params=["here", "far"])
def opened(request, tmp_path):
    """Return what looks at a root, on this machine or over a link."""
    with contextlib.ExitStack() as stack:

        def open_files(root):
            files = LocalFiles(root) if request.param == "here" else CountedFiles(LocalFiles(root))
            overlay = OverlayFiles(files, Mirror(files, root.name, tmp_path / "cache" / "mirror"))
            stack.callback(overlay.close)
            return overlay

        yield open_files


@pytest.fixture
def database(tmp_path):
    root = tmp_path / "logs"
    root.mkdir()
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as made:
        made.executescript(SCRIPT)
    return root / "mlflow.db"


def change(path, *statements):
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as database, database:
        for statement in statements:
            database.execute(statement)


def run_of(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT run_uuid FROM runs").fetchone()[0]


def only(files):
    (run,) = until(lambda: list(runs(files).values()), "the run")
    assert files.mirror.settle(LIMIT_SECS)
    (run,) = runs(files).values()
    return run


def test_what_an_import_brings_is_what_is_shown(tmp_path, database, opened):
    before = snapshot(database.parent)
    files, target = opened(database.parent), tmp_path / "imported"
    run = only(files)
    (source,) = find_sources(database, Tool.MLFLOW)
    imported = import_source(target, source, known=open_target(target)).run_id
    own = LocalFiles(target)
    assert rows(files, run.id) == rows(own, imported)
    assert len(rows(files, run.id)["train/loss"]) == 21
    for file, names in {
        "run.json": ("name", "project", "config", "tags", "user", "created_at"),
        "status.json": ("state", "finished_at", "exit_reason", "step"),
        "notes.json": ("note",),
    }.items():
        ours, theirs = (
            json.loads(each.read(run_path(run_id, file))) for each, run_id in ((files, run.id), (own, imported))
        )
        assert {name: ours[name] for name in names} == {name: theirs[name] for name in names}
    assert snapshot(database.parent) == before


def test_a_run_that_goes_on_is_seen_growing(database, opened, monkeypatch):
    monkeypatch.setattr(database_copy, "_REST_FACTOR", 1)
    row = run_of(database)
    change(database, "UPDATE runs SET status = 'RUNNING', end_time = NULL")
    files = opened(database.parent)
    run = only(files)
    for step in range(30, 36):
        change(
            database,
            f"INSERT INTO metrics VALUES('train/loss', {1 / step}, {1_700_000_100_000 + step}, '{row}', {step}, 0)",
        )
        until(lambda step=step: counts(files, run.id)["train/loss"] == step - 8, f"step {step}")
    change(database, f"INSERT INTO params VALUES('depth', '18', '{row}')")
    until(lambda: only(files).config.get("depth") == 18, "a parameter that came later")
    change(database, "UPDATE runs SET status = 'FINISHED', end_time = 1700000200000")
    until(lambda: only(files).state.value == "finished", "its end")
    assert rows(files, run.id)["train/loss"][-6:] == [(step, 1 / step) for step in range(30, 36)]


class ToldLater(CountedFiles):
    """Files of a host that tells what changes: of single files, what it told last, while looks at folders are new."""

    def __init__(self, files, told):
        super().__init__(files)
        self.told = told
        self.is_late = False

    def stats(self, paths):
        return self.told.stats(paths) if self.is_late else super().stats(paths)

    def fetch(self, ranges):
        return self.told.fetch(ranges) if self.is_late else super().fetch(ranges)


def test_a_change_that_is_told_later_than_it_is_found_is_not_missed(database, tmp_path, monkeypatch):
    monkeypatch.setattr(database_copy, "_REST_FACTOR", 0)
    row = run_of(database)
    before = shutil.copytree(database.parent, tmp_path / "told")
    shutil.copystat(database, before / database.name)
    files = ToldLater(LocalFiles(database.parent), LocalFiles(before))
    databases = Databases(files, lambda: tmp_path / "home")

    def points():
        (log,) = (each for each in walk(files) if isinstance(each, LogFile))
        (run,) = databases.runs(log)
        return run.standing.points

    known = points()
    change(database, f"INSERT INTO metrics VALUES('train/loss', 0.5, 1700000100000, '{row}', 99, 0)")
    files.is_late = True
    assert points() == points() == known
    files.is_late = False
    assert points() == known + 1
    files.taken()
    assert points() == known + 1
    assert not [name for name, _ in files.taken() if name == "fetch"], "and it is not copied again"


def test_drafts_of_copies_that_were_killed_are_removed_and_young_ones_are_not(database, tmp_path, opened):
    folder = tmp_path / "cache" / "mirror" / "databases"
    folder.mkdir(parents=True)
    for name, age_secs in ((".new-old.db", 7200), (".new-old.db-wal", 7200), (".new-young.db", 10), ("kept.db", 7200)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age_secs,) * 2)
    only(opened(database.parent))
    left = {path.name for path in folder.iterdir()}
    assert left >= {".new-young.db", "kept.db"}
    assert not left & {".new-old.db", ".new-old.db-wal"}


def test_new_runs_come_and_deleted_ones_go(database, opened, monkeypatch):
    monkeypatch.setattr(database_copy, "_REST_FACTOR", 1)
    files = opened(database.parent)
    first = only(files)
    change(
        database,
        "INSERT INTO runs (run_uuid, name, status, start_time, lifecycle_stage, experiment_id) "
        "VALUES('second', 'later', 'RUNNING', 1700000300000, 'active', 1)",
        "INSERT INTO metrics VALUES('loss', 0.5, 1700000300000, 'second', 1, 0)",
    )
    until(lambda: set(runs(files)) == {first.name, "later"}, "the second run")
    change(database, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = 'second'")
    until(lambda: set(runs(files)) == {first.name}, "its going")


def test_a_write_ahead_log_is_read_and_none_is_made(database, opened):
    row = run_of(database)
    with contextlib.closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        with writer:
            writer.execute(f"INSERT INTO metrics VALUES('late', 0.5, 1700000300000, '{row}', 1, 0)")
        assert database.with_name("mlflow.db-wal").stat().st_size > 0
        before = snapshot(database.parent)
        files = opened(database.parent)
        run = only(files)
        assert rows(files, run.id)["late"] == [(1, 0.5)]
        assert snapshot(database.parent) == before
    database.with_name("mlflow.db-wal").unlink(missing_ok=True)
    database.with_name("mlflow.db-shm").unlink(missing_ok=True)
    before = snapshot(database.parent)
    again = opened(database.parent)
    only(again)
    assert snapshot(database.parent) == before


def test_what_is_being_written_is_waited_for(database, opened, monkeypatch):
    monkeypatch.setattr(database_copy, "_REST_FACTOR", 1)
    row = run_of(database)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute(f"INSERT INTO metrics VALUES('late', 0.5, 1700000300000, '{row}', 1, 0)")
        files = opened(database.parent)
        files.mirror.settle(2)
        assert all("late" not in counts(files, run.id) for run in runs(files).values())
        writer.execute("COMMIT")
    until(lambda: [counts(files, run.id).get("late") for run in runs(files).values()] == [1], "what was committed")


def test_going_on_after_a_kill_loses_and_doubles_nothing(database, opened):
    row = run_of(database)
    first = opened(database.parent)
    run = only(first)
    first.close()
    change(database, f"INSERT INTO metrics VALUES('train/loss', 0.5, 1700000300000, '{row}', 77, 0)")
    again = opened(database.parent)
    until(lambda: counts(again, run.id).get("train/loss") == 22, "the rest")
    assert rows(again, run.id)["train/loss"][-1] == (77, 0.5)


@pytest.mark.parametrize("damage", ["cut", "garbage", "other", "odd values", "empty"])
def test_what_is_no_whole_database_spoils_nothing(database, opened, damage):
    (database.parent / "exp").mkdir()
    (database.parent / "exp" / "metrics.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    data = bytearray(database.read_bytes())
    if damage == "cut":
        database.write_bytes(data[: len(data) // 2])
    elif damage == "garbage":
        data[4096:12288] = b"\xff" * 8192
        database.write_bytes(data)
    elif damage == "other":
        database.unlink()
        change(database, "CREATE TABLE runs (x)")
    elif damage == "empty":
        database.write_bytes(b"")
    else:
        row = run_of(database)
        change(
            database,
            "PRAGMA ignore_check_constraints = 1",
            f"INSERT INTO metrics VALUES('odd', 'no number', 'no time', '{row}', 'no step', 0)",
            "UPDATE runs SET start_time = 'never', name = 5",
        )
    files = opened(database.parent)
    until(lambda: "exp" in runs(files), "the other run")
    files.mirror.settle(5)
    if damage == "odd values":
        (run,) = (run for name, run in runs(files).items() if name != "exp")
        until(lambda: counts(files, run.id).get("train/loss") == 21, "its good points")
        assert json.loads(files.read(run_path(run.id, "status.json")))["warnings"] == {"unreadable-metric-line": 1}


def test_a_text_that_is_none_spoils_no_other(database, opened):
    row = run_of(database)
    change(database, f"INSERT INTO params VALUES('odd', CAST(X'ff41' AS TEXT), '{row}')")
    run = only(opened(database.parent))
    assert (run.config["odd"], run.config["lr"]) == ("\ufffdA", 0.1)
    (source,) = find_sources(database, Tool.MLFLOW)
    target = database.parent / "imported"
    assert import_source(target, source, known=open_target(target)).facts.config["odd"] == "\ufffdA"


@pytest.mark.parametrize("byte", [2739, 2740, 2741])
def test_a_schema_whose_words_are_damaged_is_left_alone(database, opened, byte):
    data = bytearray(database.read_bytes())
    data[byte : byte + 1] = b"\x01\x80"
    database.write_bytes(data)
    (database.parent / "exp").mkdir()
    (database.parent / "exp" / "metrics.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    files = opened(database.parent)
    until(lambda: "exp" in runs(files), "the other run")
    assert files.mirror.settle(LIMIT_SECS)
    with contextlib.suppress(SourceUnreadableError):
        list(find_sources(database, Tool.MLFLOW))


def test_one_that_stays_damaged_is_told(database, opened):
    database.write_bytes(database.read_bytes()[:5000])
    os.utime(database, (1_700_000_000, 1_700_000_000))
    files = opened(database.parent)
    until(lambda: not runs(files) and "mlflow.db is not shown" in (files.mirror.problem or ""), "a word on it")


def test_one_that_is_too_large_to_be_copied_is_told(database, opened, monkeypatch, request):
    monkeypatch.setattr(database_copy, "MAX_COPIED_BYTES", 1000)
    files = opened(database.parent)
    if "here" in request.node.name:
        only(files)
        return
    until(lambda: not runs(files) and "is larger than" in (files.mirror.problem or ""), "a word on it")


@settings(max_examples=200, deadline=None)
@given(draw=st.data(), far=st.booleans())
def test_whatever_bytes_a_database_holds_it_is_followed_or_left_alone(draw, far):
    place = Path(tempfile.mkdtemp())
    try:
        (place / "logs").mkdir()
        path = place / "logs" / "mlflow.db"
        with contextlib.closing(sqlite3.connect(path)) as made:
            made.executescript(SCRIPT)
        whole = path.read_bytes()
        files = LocalFiles(place / "logs")
        files = CountedFiles(files) if far else files
        data = bytearray(whole)
        for _ in range(draw.draw(st.integers(1, 4))):
            at = draw.draw(st.integers(0, len(data) - 1))
            data[at : at + 3] = draw.draw(st.binary(min_size=1, max_size=4))
        moments = itertools.count(0, 1000)
        databases = Databases(files, lambda: place / "home")
        mirrors = {}
        for content in (bytes(data[: draw.draw(st.sampled_from([len(data), len(data) // 2]))]), whole):
            path.write_bytes(content)
            os.utime(path, (next(moments), next(moments)))
            for copy in databases._copies.values():
                copy._rests_until = 0.0
            for log in walk(files):
                if not isinstance(log, LogFile):
                    continue
                for run in databases.runs(log):
                    mirror = mirrors.get(run.run_id) or DatabaseMirror(place / "home", run, files, "logs")
                    mirrors[run.run_id] = mirror
                    assert any(not mirror.follow(run.files) for _ in range(50)), "it never ends"
        (row,) = (each.row for each in databases.runs(log))
        found = next(each for each in mirrors.values() if each._row == row)._translator.stats
        assert found["train/loss"][0] >= 21
    finally:
        shutil.rmtree(place)
