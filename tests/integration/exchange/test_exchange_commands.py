"""`runicorn import` and `runicorn export` as a person types them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from tests.support.commands import run

import runicorn as rn

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def two_runs(root: Path) -> Path:
    for number in range(2):
        with rn.init(f"project{number}", name=f"run{number}", root=root) as opened:
            opened.log({"loss": 0.1, "inf": float("inf")}, step=7)
            opened.log({"loss": -0.0}, step=7)
    return root


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_importing_prints_ids_and_says_what_was_there(tmp_path: Path, root: Path) -> None:
    sources = (str(DATA / "wandb"), str(DATA / "mlruns"), str(DATA / "tensorboard"))
    first = run("import", *sources, "--root", str(root), home=tmp_path)
    ids = first.stdout.split()
    assert (first.returncode, len(ids)) == (0, 3)
    assert "[1/3]" in first.stderr
    assert all((root / "runs" / each / "run.json").is_file() for each in ids)
    second = run("import", *sources, "--root", str(root), home=tmp_path)
    assert (second.returncode, second.stdout) == (0, "")
    assert second.stderr.count("was imported before") == 3


def test_what_cannot_be_imported_is_told_and_leaves_the_others(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "bad.csv").write_text("step,loss\nx,1\n")
    (folder / "good.csv").write_text("step,loss\n1,1\n")
    done = run("import", str(folder), "--root", str(root), home=tmp_path)
    assert done.returncode == 1
    assert "IMPORT_SOURCE_UNREADABLE" in done.stderr
    assert len(done.stdout.split()) == 1
    missing = run("import", str(tmp_path / "nothing"), "--root", str(root), home=tmp_path)
    assert (missing.returncode, "IMPORT_SOURCE_NOT_FOUND" in missing.stderr) == (1, True)


def test_exporting_writes_every_point_in_order(tmp_path: Path, two_runs: Path) -> None:
    done = run("export", "run0", "--root", str(two_runs), home=tmp_path)
    assert [(row["metric"], row["step"], row["value"]) for row in rows(done.stdout)] == [
        ("loss", "7", "0.1"),
        ("inf", "7", "inf"),
        ("loss", "7", "-0.0"),
    ]
    assert done.stderr == "3 points of 1 run\n"


def test_a_compacted_run_is_exported_and_read_as_before(tmp_path: Path, two_runs: Path) -> None:
    before = run("export", "--all", "--root", str(two_runs), home=tmp_path)
    assert run("compact", "--root", str(two_runs), home=tmp_path).returncode == 0
    assert list(two_runs.glob("runs/*/*.packed")), "nothing was packed, so nothing is tested"
    assert run("export", "--all", "--root", str(two_runs), home=tmp_path).stdout == before.stdout


def test_exporting_by_project_and_all_into_files(tmp_path: Path, two_runs: Path) -> None:
    target = tmp_path / "points.jsonl"
    assert run("export", "--all", "-o", str(target), "--root", str(two_runs), home=tmp_path).returncode == 0
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert len({line["run"] for line in lines}) == 2
    assert lines[1]["value"] == "Infinity"
    one = run("export", "--project", "project1", "--root", str(two_runs), home=tmp_path)
    assert len(rows(one.stdout)) == 3
    assert [path.name for path in tmp_path.glob(".points*")] == []


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 1, "No runs were named"),
        (("nobody",), 1, "There is no run 'nobody'"),
        (("run0", "--all"), 2, "exclude each other"),
        (("--project", "nothing"), 1, "There are no runs in the project"),
        (("run0", "-o", "{root}/missing/x.csv"), 1, "cannot be written"),
    ],
)
def test_bad_exports_have_a_clear_answer(
    tmp_path: Path, two_runs: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    filled = [word.format(root=two_runs) for word in words]
    done = run("export", *filled, "--root", str(two_runs), home=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def spoil(root: Path, name: str) -> str:
    """Make the points of a run something that nobody can read, the user root included, and return the run's id."""
    (folder,) = [path for path in root.glob("runs/*") if json.loads((path / "run.json").read_bytes())["name"] == name]
    (folder / "metrics.bin").unlink()
    (folder / "metrics.bin").mkdir()
    return folder.name


def test_a_run_that_cannot_be_read_is_told_and_the_others_are_exported(tmp_path: Path, two_runs: Path) -> None:
    run_id = spoil(two_runs, "run0")
    for words in (("--all",), ("run0", "run1")):
        done = run("export", *words, "--root", str(two_runs), home=tmp_path)
        assert (done.returncode, len(rows(done.stdout))) == (1, 3)
        assert run_id not in done.stdout
        assert f"left out: run0: The run {run_id} cannot be read" in done.stderr
        assert done.stderr.endswith("3 points of 1 run\n")
        assert "Traceback" not in done.stderr


def test_an_export_of_nothing_readable_leaves_no_file(tmp_path: Path, two_runs: Path) -> None:
    spoil(two_runs, "run0")
    target = tmp_path / "x.csv"
    done = run("export", "run0", "-o", str(target), "--root", str(two_runs), home=tmp_path)
    assert (done.returncode, target.exists(), "Traceback" in done.stderr) == (1, False, False)
    assert "EXCHANGE_ERROR" in done.stderr


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, two_runs: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pyarrow.py").write_text("raise ImportError('hidden by a test')\n")
    target = tmp_path / "x.parquet"
    done = run("export", "run0", "-o", str(target), "--root", str(two_runs), home=tmp_path, PYTHONPATH=str(hidden))
    assert (done.returncode, "pip install pyarrow" in done.stderr) == (1, True)
    assert not target.exists()


def test_parquet_holds_every_bit(tmp_path: Path, two_runs: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "x.parquet"
    assert run("export", "run0", "-o", str(target), "--root", str(two_runs), home=tmp_path).returncode == 0
    table = parquet.read_table(target)
    assert table.column_names == ["run", "metric", "step", "time", "value"]
    assert list(map(repr, table["value"].to_pylist())) == ["0.1", "inf", "-0.0"]


def test_a_logdir_of_tensorboard_is_exported_as_it_lies(tmp_path: Path) -> None:
    shutil.copytree(DATA / "tensorboard", tmp_path / "logs")
    done = run("export", "train", "--root", str(tmp_path / "logs"), home=tmp_path)
    assert len([row for row in rows(done.stdout) if row["metric"] == "loss"]) == 20
    assert not (tmp_path / "logs" / "runs").exists()
