"""A source that has grown since it was imported is brought up to date, and never doubled."""

import json
import shutil
import sqlite3

import pytest
from tests.support.event_files import event, restart, scalar, write_events
from tests.support.importing import DATA, Stored

from runicorn.storage import layout


def losses(first, last):
    return [event(scalar("loss", float(step)), step=step) for step in range(first, last)]


def steps(stored):
    return [step for step, _, _ in stored.points["loss"]]


@pytest.fixture
def wandb(tmp_path):
    """Return what writes a part of a .wandb file."""
    (original,) = DATA.glob("wandb/*/*.wandb")
    data = original.read_bytes()
    folder = tmp_path / original.parent.name
    folder.mkdir()

    def write(share):
        (folder / original.name).write_bytes(data[: int(len(data) * share)])
        return folder

    return write


def test_a_wandb_file_that_was_cut_is_complete_once_it_is(root, wandb):
    (first,) = root.bring(wandb(0.6))
    before = Stored(root.path, first.run_id)
    assert (before.run.state.value, len(before.points["loss"])) == ("killed", 20)
    (second,) = root.bring(wandb(1))
    after = Stored(root.path, second.run_id)
    assert (second.run_id, second.is_new, second.has_grown) == (first.run_id, False, True)
    assert (after.run.state.value, len(after.points["loss"]), after.run.summary["best"]) == ("finished", 21, 0.25)
    (third,) = root.bring(wandb(1))
    assert (third.run_id, third.is_new, third.has_grown) == (first.run_id, False, False)
    assert len(list((root.path / layout.RUNS).iterdir())) == 1


def test_a_source_that_holds_less_now_takes_nothing_away(root, wandb):
    (first,) = root.bring(wandb(1))
    (second,) = root.bring(wandb(0.6))
    assert (second.run_id, second.has_grown) == (first.run_id, False)
    assert len(Stored(root.path, first.run_id).points["loss"]) == 21


def test_what_people_wrote_to_the_run_and_its_project_stay(root, wandb):
    (first,) = root.bring(wandb(0.6), project="mine/own")
    notes = root.path / layout.RUNS / first.run_id / layout.NOTES_FILE
    notes.write_text(json.dumps({"name": "renamed", "tags": ["x"], "note": "seen"}))
    assert root.bring(wandb(1))[0].has_grown
    run = Stored(root.path, first.run_id).run
    assert (run.name, run.tags, run.note, run.project) == ("renamed", ("x",), "seen", "mine/own")


def test_a_run_that_was_imported_before_growth_was_noted_grows_too(root, wandb):
    (first,) = root.bring(wandb(0.6))
    path = root.path / layout.RUNS / first.run_id / layout.RUN_FILE
    info = json.loads(path.read_bytes())
    del info["imported_from"]["content"]
    path.write_text(json.dumps(info))
    assert not root.bring(wandb(0.6))[0].has_grown
    assert root.bring(wandb(1))[0].has_grown


def test_force_makes_a_further_run_as_ever(root, wandb):
    (first,) = root.bring(wandb(0.6))
    (second,) = root.bring(wandb(1), force=True)
    assert second.is_new
    assert second.run_id != first.run_id


def test_event_files_that_grow_and_become_more_are_one_run(root, tmp_path):
    path = tmp_path / "logs" / "a" / "events.out.tfevents.1.h"
    write_events(path, losses(0, 5))
    (first,) = root.bring(tmp_path / "logs")
    write_events(path, losses(0, 8))
    assert root.bring(tmp_path / "logs")[0].has_grown
    assert steps(Stored(root.path, first.run_id)) == list(range(8))
    write_events(path.with_name("events.out.tfevents.2.h"), [restart(4), *losses(4, 6)])
    assert root.bring(tmp_path / "logs")[0].has_grown
    assert steps(Stored(root.path, first.run_id)) == list(range(6))
    assert root.names() == ["a"]


def test_a_run_of_mlflow_grows_in_either_store(root, tmp_path):
    store = tmp_path / "mlruns"
    shutil.copytree(DATA / "mlruns", store)
    (metric,) = store.glob("*/*/metrics/train/loss")
    lines = metric.read_text().splitlines(keepends=True)
    metric.write_text("".join(lines[:10]))
    (first,) = root.bring(store)
    metric.write_text("".join(lines))
    assert root.bring(store)[0].has_grown
    assert len(Stored(root.path, first.run_id).points["train/loss"]) == 21
    database = tmp_path / "mlflow.db"
    with sqlite3.connect(database) as made:
        made.executescript((DATA / "mlflow.sql").read_text(encoding="utf-8"))
        made.execute("DELETE FROM metrics WHERE key = 'train/loss' AND step > 9")
    (one,) = root.bring(database, force=True)
    with sqlite3.connect(database) as made:
        made.execute(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
            "SELECT key, 7.0, timestamp + 1, run_uuid, 99, is_nan FROM metrics WHERE key = 'train/loss' LIMIT 1"
        )
    made.close()
    assert [(done.run_id, done.has_grown) for done in root.bring(database)] == [(one.run_id, True)]


def test_a_table_that_grew_is_the_run_that_it_was(root, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n2,0.25\n3,0.1")
    (first,) = root.bring(path)
    path.write_text("step,loss\n1,0.5\n2,0.25\n3,0.125\n4,0.0625\n")
    (second,) = root.bring(path)
    assert (second.run_id, second.has_grown) == (first.run_id, True)
    assert [value for _, _, value in Stored(root.path, first.run_id).points["loss"]] == [0.5, 0.25, 0.125, 0.0625]
    path.write_text("step,loss\n1,0.75\n2,0.25\n3,0.125\n4,0.0625\n5,0\n")
    assert root.bring(path)[0].is_new  # it begins otherwise


def test_an_export_that_grew_brings_its_runs_up_to_date_and_the_new_ones(root, tmp_path):
    path = tmp_path / "x.csv"
    text = "run,metric,step,time,value\na,loss,1,10,1.5\n"
    path.write_text(text)
    (first,) = root.bring(path)
    path.write_text(f"{text}a,loss,2,10,2.5\nb,loss,1,10,3.5\n")
    done = root.bring(path)
    assert [(each.is_new, each.has_grown) for each in done] == [(False, True), (True, False)]
    assert steps(Stored(root.path, first.run_id)) == [1, 2]
    assert [(each.is_new, each.has_grown) for each in root.bring(path)] == [(False, False)] * 2
