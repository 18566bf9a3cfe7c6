"""An import that was broken off leaves nothing half, and the next one goes on with the rest."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import command, environment, run
from tests.support.terminal import EAGER, started, wait_for

import runicorn as rn
from runicorn.exchange import leftovers
from runicorn.exchange.draft import RunDraft
from runicorn.exchange.importing import find_sources, open_target
from runicorn.storage import drafts

DATA = Path(__file__).parents[2] / "data"
posix = pytest.mark.skipif(os.name == "nt", reason="needs signals")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A small table, and two that take a while."""
    folder = tmp_path / "tables"
    folder.mkdir()
    write_table(folder / "a.csv", 10)
    write_table(folder / "b.csv", 400_000, 8)
    write_table(folder / "c.csv", 400_000, 9)
    return folder


def write_table(path: Path, rows: int, divisor: int = 7) -> None:
    path.write_text("step,loss\n" + "".join(f"{step},{step / divisor}\n" for step in range(rows)))


def drafts_in(root: Path) -> list[Path]:
    return list((root / "runs").glob(".*"))


def sizes(root: Path) -> list[int]:
    """Return how many points each run has."""
    with rn.open_root(root) as opened:
        return sorted(sum(stats.count for stats in each.metrics.values()) for each in opened.runs())


def is_in_the_middle(root: Path) -> bool:
    """Tell whether points are being written."""
    return any(path.stat().st_size for path in root.glob("runs/.new-import-*/metrics.bin"))


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_whole_runs_only_and_the_same_command_goes_on(
    tmp_path: Path, tables: Path, number: signal.Signals, code: int
) -> None:
    root = tmp_path / "root"
    words = ("import", str(tables), "--root", str(root))
    with started(sys.executable, "-c", EAGER, *words, home=tmp_path) as shown:
        shown.wait_for(lambda: "[2/3]" in shown.stderr and is_in_the_middle(root))
        shown.process.send_signal(number)
        assert shown.end() == code
    assert "\rrunicorn: importing 2 of 3, " in shown.stderr
    assert shown.screen[-1] == "runicorn: stopped: 1 of 3 are imported. The same command goes on with the rest."
    assert (drafts_in(root), sizes(root)) == ([], [10])
    again = run(*words, home=tmp_path)
    assert (again.returncode, again.stderr.count("was imported before"), len(again.stdout.split())) == (0, 1, 2)
    assert sizes(root) == [10, 400_000, 400_000]


@posix
def test_one_source_with_many_points_shows_how_long_it_takes(tmp_path: Path, tables: Path) -> None:
    words = ("import", str(tables / "b.csv"), "--root", str(tmp_path / "root"))
    with started(sys.executable, "-c", EAGER, *words, home=tmp_path) as shown:
        assert shown.end() == 0
    lines = [text for text in shown.stderr.split("\r") if "importing 1 of 1" in text and "points/s" in text]
    assert lines, shown.stderr
    assert any(" s left" in line for line in lines)
    assert [line for line in shown.screen if "importing" in line] == []


def killed_in_the_middle(tmp_path: Path, root: Path, table: Path) -> Path:
    process = subprocess.Popen(
        command("import", str(table), "--root", str(root)), env=environment(tmp_path), stderr=subprocess.DEVNULL
    )
    wait_for(process, lambda: is_in_the_middle(root))
    process.kill()
    process.communicate(timeout=60)
    (left,) = drafts_in(root)
    return left


@posix
def test_what_a_killed_import_left_is_removed_by_the_next(tmp_path: Path, tables: Path) -> None:
    root = tmp_path / "root"
    killed_in_the_middle(tmp_path, root, tables / "b.csv")
    assert run("import", str(tables / "a.csv"), "--root", str(root), home=tmp_path).returncode == 0
    assert (drafts_in(root), sizes(root)) == ([], [10])


def test_the_draft_of_an_import_that_runs_is_left_alone(tmp_path: Path) -> None:
    open_target(tmp_path)
    with RunDraft(tmp_path):
        before = drafts_in(tmp_path)
        open_target(tmp_path)
        assert drafts_in(tmp_path) == before != []


def test_a_draft_of_elsewhere_is_left_for_a_day(tmp_path: Path) -> None:
    open_target(tmp_path)
    elsewhere = tmp_path / "runs" / f".new-import-{'0' * 12}-1-t1-00000000"
    older_version = tmp_path / "runs" / ".new-import-1-00000000"
    for folder in (elsewhere, older_version):
        folder.mkdir()
        (folder / "metrics.bin").touch()
    open_target(tmp_path)
    assert len(drafts_in(tmp_path)) == 2
    for folder in (elsewhere, older_version):
        for path in (folder / "metrics.bin", folder):
            os.utime(path, (0, 0))
    open_target(tmp_path)
    assert drafts_in(tmp_path) == []


KILLED_WHILE_IT_REPLACES = """
import os, signal
from pathlib import Path
rename = Path.rename
def dying(self, target):
    if {dies}:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = dying
from runicorn.cli.main import main
main()
"""
BETWEEN = "self.name.startswith('.new-import') and not str(target).endswith(('-old', '-gone'))"
AFTER_BOTH = "str(target).endswith('-gone')"


@posix
@pytest.mark.parametrize(("dies", "points"), [(BETWEEN, 10), (AFTER_BOTH, 20)], ids=["between", "after both"])
def test_a_run_that_was_set_aside_comes_back(tmp_path: Path, dies: str, points: int) -> None:
    root, table = tmp_path / "root", tmp_path / "grows.csv"
    write_table(table, 10)
    first = run("import", str(table), "--root", str(root), home=tmp_path)
    write_table(table, 20)
    words = ("import", str(table), "--root", str(root))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_IT_REPLACES.format(dies=dies), *words],
        env=environment(tmp_path),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(drafts_in(root)) == (2 if points == 10 else 1)
    other = tmp_path / "other.csv"
    write_table(other, 5, 3)
    assert run("import", str(other), "--root", str(root), home=tmp_path).returncode == 0
    assert (drafts_in(root), sizes(root)) == ([], [5, points])
    assert (root / "runs" / first.stdout.strip()).is_dir()
    run(*words, home=tmp_path)
    assert sizes(root) == [5, 20]


def test_what_is_half_removed_does_not_come_back(tmp_path: Path) -> None:
    open_target(tmp_path)
    gone = tmp_path / "runs" / f".new-import-{drafts.place()}-999999999-t1-00000000-gone"
    gone.mkdir()
    (gone / "run.json").write_text(json.dumps({"id": "20260101-000000-abcdef"}))
    leftovers.tidy(tmp_path)
    assert list((tmp_path / "runs").iterdir()) == []


class Shares:
    """A sink that takes nothing but how far the reader is."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def read_so_far(self, share: float) -> None:
        self.shares.append(share)

    def __getattr__(self, name: str) -> Any:
        return lambda *given: None


def mlflow_folder(path: Path) -> Path:
    folder = path / "mlruns" / "0" / "abc"
    (folder / "metrics").mkdir(parents=True)
    (folder / "meta.yaml").write_text("run_id: abc\nstatus: 3\nstart_time: 1\nend_time: 2\nlifecycle_stage: active\n")
    for name in ("loss", "accuracy"):
        (folder / "metrics" / name).write_text("".join(f"{at} {at / 7} {at}\n" for at in range(5000)))
    return path / "mlruns"


def mlflow_database(path: Path) -> Path:
    target = path / "mlflow.db"
    with sqlite3.connect(target) as database:
        database.executescript(
            """
            CREATE TABLE experiments (experiment_id INTEGER, name TEXT);
            CREATE TABLE runs (run_uuid TEXT, name TEXT, experiment_id INTEGER, status TEXT, start_time INTEGER,
                end_time INTEGER, user_id TEXT, lifecycle_stage TEXT);
            CREATE TABLE metrics (run_uuid TEXT, key TEXT, value REAL, timestamp INTEGER, step INTEGER, is_nan INTEGER);
            CREATE TABLE params (run_uuid TEXT, key TEXT, value TEXT);
            CREATE TABLE tags (run_uuid TEXT, key TEXT, value TEXT);
            INSERT INTO runs VALUES ('abc', 'abc', 0, 'FINISHED', 1, 2, 'me', 'active');
            """
        )
        database.executemany(
            "INSERT INTO metrics VALUES ('abc', 'loss', ?, ?, ?, 0)", [(at / 7, at, at) for at in range(5000)]
        )
    database.close()
    return target


def steps(path: Path) -> Path:
    write_table(path / "steps.csv", 10_000)
    return path / "steps.csv"


def utf_16(path: Path) -> Path:
    text = "step,loss\n" + "".join(f"{step},{step / 7}\n" for step in range(10_000))
    (path / "wide.csv").write_text(text, encoding="utf-16")
    return path / "wide.csv"


def long_table(path: Path) -> Path:
    rows = "".join(f"r,loss,{step},{step},{step / 7}\n" for step in range(10_000))
    (path / "long.csv").write_text(f"run,metric,step,time,value\n{rows}")
    return path / "long.csv"


@pytest.mark.parametrize("make", [mlflow_folder, mlflow_database, steps, utf_16, long_table])
def test_a_reader_says_how_far_it_is(tmp_path: Path, make: Any) -> None:
    (source,) = find_sources(make(tmp_path))
    check_shares(source)
    assert source.size_bytes > 100_000


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_reader_of_small_files_says_how_far_it_is(name: str) -> None:
    sources = find_sources(DATA / name)
    for source in sources:
        sink = Shares()
        source.read(sink)
        assert sink.shares
        assert source.size_bytes > 0


def check_shares(source: Any) -> None:
    sink = Shares()
    source.read(sink)
    assert sink.shares == sorted(sink.shares)
    assert sink.shares[0] < 0.3
    assert 0.7 < sink.shares[-1] <= 1.0
    assert len(set(sink.shares)) > 3
