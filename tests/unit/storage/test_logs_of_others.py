"""Logs that other tools wrote are runs: found in a mixed tree, followed as they grow, and never written to."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from tests.support.event_files import event, scalar, write_events
from tests.support.logs_of_others import LIMIT_SECS, counts, rows, runs, snapshot, until

import runicorn as rn
from runicorn.storage.files import LocalFiles

DATA = Path(__file__).parents[2] / "data" / "foreign"
# By kind: the log among the tool's own files, and how it is called below a root.
LOGS = {
    "lightning": ("lightning/lightning_logs/version_0/metrics.csv", "exp/lightning_logs/version_0/metrics.csv"),
    "keras": ("keras/training.csv", "exp/training.csv"),
    "ultralytics": ("ultralytics/results.csv", "exp/train/results.csv"),
    "stable-baselines": ("stable_baselines3/progress.csv", "exp/ppo/progress.csv"),
    "json-lines": ("mmengine/scalars.json", "exp/mm/vis_data/scalars.json"),
    "wandb": (
        "wandb/wandb/offline-run-20231114_221320-seg1/run-seg1.wandb",
        "exp/wandb/offline-run-20231114_221320-seg1/run-seg1.wandb",
    ),
}


@pytest.mark.parametrize("kind", LOGS)
def test_a_log_that_grows_is_in_the_end_what_it_is_as_a_whole(kind, tmp_path, look):
    source, place = DATA / LOGS[kind][0], LOGS[kind][1]
    data = source.read_bytes()
    for root in ("whole", "growing"):
        (tmp_path / root / place).parent.mkdir(parents=True)
    shutil.copy(source, tmp_path / "whole" / place)
    whole_files, target = look(tmp_path / "whole"), tmp_path / "growing" / place
    (run,) = until(lambda: list(runs(whole_files).values()), kind)
    assert whole_files.mirror.settle(LIMIT_SECS)
    expected = rows(whole_files, run.id)
    assert expected

    growing = look(tmp_path / "growing")
    seen = 0
    for part in range(1, 6):
        with target.open("ab") as file:
            file.write(data[len(data) * (part - 1) // 5 : len(data) * part // 5])
        growing.mirror.settle(LIMIT_SECS)
        now = sum(sum(counts(growing, each.id).values()) for each in runs(growing).values())
        assert now >= seen
        seen = now
    (again,) = until(lambda: list(runs(growing).values()), kind)
    until(lambda: rows(growing, again.id) == expected, "all of its points")
    assert (again.name, again.project, again.id) == (run.name, run.project, run.id)


def test_points_are_those_that_the_standard_library_reads(tmp_path, look):
    root = tmp_path / "logs"
    shutil.copytree(DATA / "lightning", root, ignore=shutil.ignore_patterns("*.py", "*before*"))
    files = look(root)
    (run,) = until(lambda: list(runs(files).values()))
    assert files.mirror.settle(LIMIT_SECS)
    with next(root.rglob("metrics.csv")).open(newline="") as file:
        table = list(csv.DictReader(file))
    names = [name for name in table[0] if name not in ("step", "epoch")]
    found = rows(files, run.id)
    for name in names:
        assert found[name] == [(int(row["step"]), float(row[name])) for row in table if row[name]]
    assert run.config


def test_a_trainer_that_goes_on_is_followed_through_its_checkpoints(tmp_path, look):
    root = tmp_path / "logs"
    shutil.copytree(DATA / "transformers", root, ignore=shutil.ignore_patterns("*.py"))
    states = sorted(root.rglob("trainer_state.json"), key=lambda path: len(json.loads(path.read_text())["log_history"]))
    contents = [path.read_bytes() for path in states]
    for path in states:
        path.unlink()
    files = look(root)
    seen = 0
    for number, (path, content) in enumerate(zip(states, contents, strict=True)):
        path.write_bytes(content[: len(content) // 2])  # caught in the middle of being written
        os.utime(path, (1_700_000_000 + 10 * number, 1_700_000_000 + 10 * number))
        files.mirror.settle(LIMIT_SECS)
        path.write_bytes(content)
        os.utime(path, (1_700_000_005 + 10 * number, 1_700_000_005 + 10 * number))
        until(lambda seen=seen: sum(sum(counts(files, each.id).values()) for each in runs(files).values()) > seen)
        seen = sum(sum(counts(files, each.id).values()) for each in runs(files).values())
    assert len(runs(files)) == 1
    history = json.loads(contents[-1])["log_history"]
    (run,) = runs(files).values()
    losses = [(row["step"], row["loss"]) for row in history if "loss" in row]
    assert rows(files, run.id)["train/loss"] == losses


@pytest.mark.parametrize("tool", ["lightning", "stable_baselines3"])
def test_a_header_that_grows_begins_the_run_anew(tool, tmp_path, look):
    before = next((DATA / tool).glob("*.before.csv"))
    name = before.name.replace(".before", "")
    after = next(path for path in (DATA / tool).rglob(name))
    log = tmp_path / "logs" / "exp" / name
    log.parent.mkdir(parents=True)
    shutil.copy(before, log)
    files = look(tmp_path / "logs")
    (run,) = until(lambda: list(runs(files).values()))
    files.mirror.settle(LIMIT_SECS)
    old = rows(files, run.id)
    shutil.copy(after, log)
    until(lambda: len(rows(files, run.id)) > len(old), "its new columns")
    alone = look(tmp_path / "other")
    (tmp_path / "other" / "exp").mkdir(parents=True)
    shutil.copy(after, tmp_path / "other" / "exp" / name)
    (fresh,) = until(lambda: list(runs(alone).values()))
    alone.mirror.settle(LIMIT_SECS)
    files.mirror.settle(LIMIT_SECS)
    assert rows(files, run.id) == rows(alone, fresh.id)


def test_a_mixed_tree_shows_everything_in_it_and_init_goes_on_working(tmp_path, look):
    root = tmp_path / "logs"
    for source, place in LOGS.values():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DATA / source, root / place)
    write_events(root / "exp" / "tb" / "events.out.tfevents.1.h", [event(scalar("loss", 1.0), step=1)])
    (root / "data").mkdir()
    (root / "data" / "labels.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    (root / "data" / "train.jsonl").write_text('{"text": "a long sentence", "label": 1}\n' * 5)
    before = snapshot(root)
    files = look(root)
    until(lambda: len(runs(files)) == len(LOGS) + 1, "all runs")
    files.mirror.settle(LIMIT_SECS)
    assert snapshot(root) == before
    assert {run.state.value for run in runs(files).values()} <= {"running", "killed", "finished"}
    run = rn.init("ours", root=root, console=False)
    run.log({"loss": 0.5})
    run.finish()
    until(lambda: len(runs(files)) == len(LOGS) + 2, "our own run")
    assert counts(files, run.id) == {"loss": 1}


def test_a_folder_full_of_tables_is_a_data_set_and_none_is_read(tmp_path, look, monkeypatch):
    folder = tmp_path / "logs" / "data"
    folder.mkdir(parents=True)
    for number in range(200):
        (folder / f"{number}.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
    (folder / "metrics.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    read = []
    fetch = LocalFiles.fetch
    monkeypatch.setattr(LocalFiles, "fetch", lambda self, ranges: read.extend(ranges) or fetch(self, ranges))
    files = look(tmp_path / "logs")
    until(lambda: runs(files))
    assert files.mirror.settle(LIMIT_SECS)
    assert list(runs(files)) == ["data"]
    assert not [each.path for each in read if each.path.endswith(".csv") and "metrics" not in each.path]


def test_what_was_killed_in_between_loses_and_doubles_nothing(tmp_path, look):
    log = tmp_path / "logs" / "exp" / "metrics.csv"
    log.parent.mkdir(parents=True)
    expected = []
    for turn in range(4):
        with log.open("a") as file:
            file.writelines(["step,loss\n"] if not turn else [])
            for step in range(turn * 50, turn * 50 + 50):
                file.write(f"{step},{1 / (step + 1)}\n")
                expected.append((step, 1 / (step + 1)))
        files = look(tmp_path / "logs")
        (run,) = until(lambda files=files: list(runs(files).values()))
        until(lambda files=files, run=run: rows(files, run.id)["loss"] == expected, "its points")
        files.close()


def test_a_log_that_goes_takes_its_run_with_it(tmp_path, look):
    log = tmp_path / "logs" / "exp" / "metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text("step,loss\n1,0.5\n2,0.25\n")
    files = look(tmp_path / "logs")
    until(lambda: runs(files))
    log.unlink()
    until(lambda: not runs(files), "its end")
