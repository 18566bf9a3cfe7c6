"""Runs that the real wandb, mlflow and tensorboard wrote come in to the bit, whole or not at all, and once."""

import json
import math
import shutil
import sqlite3
import struct
from pathlib import Path

import pytest
from tests.support.event_files import event, image, png, restart, scalar, write_events
from tests.support.wandb_files import wandb_log

from runicorn.errors import RootNotUsableError, SourceNotFoundError, SourceUnreadableError
from runicorn.exchange import leftovers, mlflow_files
from runicorn.exchange.draft import RunDraft
from runicorn.exchange.importing import Tool, find_sources
from runicorn.storage import layout
from runicorn.storage.foreign.facts import Facts
from runicorn.storage.tensorboard.framing import frames

DATA = Path(__file__).parents[2] / "data"
START = 1_700_000_000.123


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as made:
        made.executescript((DATA / "mlflow.sql").read_text(encoding="utf-8"))
    made.close()
    return path


def bits(value):
    return struct.pack("<d", value)


def test_a_run_of_wandb_comes_in(root):
    stored = root.only(DATA / "wandb")
    run = stored.run
    assert (run.name, run.project, run.note) == ("first", "vision/sweep1", "why")
    assert (run.tags, run.origin.host, run.state.value) == (("good", "lr"), "gpu7", "finished")
    assert run.config == {"lr": 0.1, "model": {"depth": 18}}
    assert run.summary["best"] == 0.25
    loss = stored.points["loss"]
    assert [step for step, _, _ in loss] == [*range(20), 2**40]
    assert [value for _, _, value in loss] == [*(1 / (step + 3) for step in range(20)), 0.125]
    assert [value for _, _, value in stored.points["val/acc"]] == [step * 0.1 for step in range(20)]
    assert math.isnan(stored.points["bad"][0][2])
    assert (stored.points["top"][0][2], stored.points["low"][0][2]) == (math.inf, -math.inf)
    assert bits(stored.points["zero"][0][2]) == bits(-0.0)
    assert all(time > 1_700_000_000 for _, time, _ in loss)


def test_what_is_no_number_in_wandb_becomes_events_and_files(root):
    stored = root.only(DATA / "wandb")
    kinds = {each["type"]: each for each in stored.events}
    assert set(kinds) == {"histogram", "text", "html", "image"}
    assert sum(kinds["histogram"]["items"][0]["counts"]) == 4
    assert kinds["text"]["items"] == [{"text": "hello"}]
    assert b"<b>bold</b>" in (stored.folder / kinds["html"]["items"][0]["file"]).read_bytes()
    assert (stored.folder / layout.CONSOLE_FILE).read_bytes() == b"a line of output\n"


def test_pictures_of_wandb_come_with_size_and_caption(root):
    stored = root.only(DATA / "wandb")
    images = {each["key"]: each["items"] for each in stored.events if each["type"] == "image"}
    (one,) = images["one"]
    assert (one["width"], one["height"], one["caption"]) == (6, 4, "grey")
    assert len(images["two"]) == 2
    assert images["two"][0]["caption"] == "a"
    for item in (one, *images["two"]):
        assert (stored.folder / item["file"]).read_bytes().startswith(b"\x89PNG")


def test_a_table_of_wandb_is_a_table(root, tmp_path):
    (tmp_path / "files" / "media").mkdir(parents=True)
    (tmp_path / "files" / "media" / "t.table.json").write_text('{"columns":["x","y"],"data":[[1,2.5],[3,null]]}')
    wandb_log(tmp_path / "run-x.wandb", t={"_type": "table-file", "path": "media/t.table.json", "nrows": 2}, loss=0.5)
    stored = root.only(tmp_path / "run-x.wandb")
    (logged,) = stored.events
    assert logged["type"] == "table"
    assert logged["items"] == [{"file": "media/t.table.json", "columns": ["x", "y"], "rows": 2}]
    assert (stored.folder / "media" / "t.table.json").is_file()
    assert [value for _, _, value in stored.points["loss"]] == [0.5]


def test_media_of_wandb_that_lie_elsewhere_are_left_there(root, tmp_path):
    (tmp_path / "secret").write_text("not yours")
    for path in ("../secret", "media/../../secret", "/etc/passwd", "media/missing.png"):
        wandb_log(tmp_path / "run-x.wandb", pic={"_type": "image-file", "path": path}, loss=1)
        stored = root.only(tmp_path / "run-x.wandb", force=True)
        assert not (stored.folder / "media").exists()
        assert stored.read(layout.STATUS_FILE)["warnings"] == {"wandb-missing-file": 1}


def test_what_has_no_place_is_counted(root):
    stored = root.only(DATA / "wandb")
    assert stored.read(layout.STATUS_FILE)["warnings"] == {"wandb-list": 1}


def test_a_cut_wandb_file_gives_what_is_whole_in_it(root, tmp_path):
    (original,) = DATA.glob("wandb/*/*.wandb")
    folder = tmp_path / "offline-run-20231114_221320-cut"
    folder.mkdir()
    data = original.read_bytes()
    seen = set()
    for size in range(0, len(data), 997):
        (folder / "run-cut.wandb").write_bytes(data[:size])
        try:
            stored = root.only(folder, force=True)
        except SourceUnreadableError:
            assert size < 7
            continue
        seen.add(len(stored.points.get("loss", ())))
        assert stored.run.state.value == "killed"  # nothing says that it ended
    assert max(seen) == 20
    assert len(seen) > 5


def test_whose_runs_they_are_can_be_said(database, tmp_path):
    shutil.copytree(DATA / "mlruns", tmp_path / "around" / "mlruns")
    for path in (DATA / "mlruns", tmp_path / "around", database, database.parent):
        assert len(find_sources(path, Tool.MLFLOW)) == 1, path
    assert len(find_sources(DATA / "wandb", Tool.WANDB)) == 1
    assert len(find_sources(DATA / "tensorboard", Tool.TENSORBOARD)) >= 1
    for tool in (Tool.MLFLOW, Tool.TENSORBOARD):
        with pytest.raises(SourceNotFoundError, match=f"no runs of {tool.value}"):
            find_sources(DATA / "wandb", tool)
    with pytest.raises(SourceUnreadableError, match="cannot be read as a database"):
        find_sources(Path(__file__), Tool.MLFLOW)


def test_garbage_in_a_wandb_file_costs_its_block_only(root, tmp_path):
    (original,) = DATA.glob("wandb/*/*.wandb")
    data = bytearray(original.read_bytes())
    data[4000:4004] = b"\xff\xff\xff\xff"
    (tmp_path / "run-x.wandb").write_bytes(data)
    stored = root.only(tmp_path / "run-x.wandb")
    assert 0 < len(stored.points["loss"]) < 21
    assert stored.read(layout.STATUS_FILE)["warnings"]["damaged-wandb-file"] == 1


def check_mlflow(stored):
    run = stored.run
    assert (run.name, run.project, run.note) == ("first", "vision", "why")
    assert (run.tags, run.origin.user, run.state.value) == (("team=blue",), "me", "failed")
    assert run.config == {"lr": 0.1, "opt": "adam"}
    assert (run.created_at, run.finished_at) == (START, START + 60)
    loss = stored.points["train/loss"]
    steps = [(step, 1_700_000_000_123 + step * 500, 1 / (step + 3)) for step in range(20)]
    assert loss == [
        *((step, millis / 1000, value) for step, millis, value in steps),
        (2**40, 1_700_000_020_123 / 1000, 0.125),
    ]
    assert math.isnan(stored.points["bad"][0][2])
    assert (stored.points["top"][0][2], stored.points["low"][0][2]) == (math.inf, -math.inf)


def test_a_run_of_mlflows_file_store_comes_in(root):
    stored = root.only(DATA / "mlruns")
    check_mlflow(stored)
    assert bits(stored.points["zero"][0][2]) == bits(-0.0)


def test_a_run_of_mlflows_database_comes_in_and_the_database_stays(root, database):
    before = database.read_bytes()
    check_mlflow(root.only(database))
    assert database.read_bytes() == before


def test_artifacts_come_along_unless_they_are_large(root, tmp_path, monkeypatch):
    shutil.copytree(DATA / "mlruns", tmp_path / "mlruns")
    (meta,) = tmp_path.glob("mlruns/*/*/meta.yaml")
    (meta.parent / "artifacts" / "plots").mkdir(parents=True)
    (meta.parent / "artifacts" / "plots" / "a.txt").write_text("small")
    (meta.parent / "artifacts" / "model.bin").write_bytes(bytes(100))
    monkeypatch.setattr(mlflow_files, "MAX_ARTIFACT_BYTES", 50)
    stored = root.only(tmp_path / "mlruns")
    assert (stored.folder / "media" / "artifacts" / "plots" / "a.txt").read_text() == "small"
    assert not (stored.folder / "media" / "artifacts" / "model.bin").exists()
    assert stored.read(layout.STATUS_FILE)["warnings"] == {"large-artifact": 1}


def test_both_stores_of_mlflow_are_found_from_the_folder_around(root, database, tmp_path):
    assert root.only(tmp_path).run.name == "first"
    shutil.copytree(DATA / "mlruns", tmp_path / "work" / "mlruns")
    assert root.only(tmp_path / "work").run.name == "first"


def test_a_run_of_tensorflow_comes_in(root):
    stored = root.only(DATA / "tensorboard")
    run = stored.run
    assert (run.project, run.name, run.origin.host, run.state.value) == ("tensorboard", "train", "gpu7", "finished")
    assert run.config == {"lr": 0.1, "layers": 3, "opt": "adam"}
    singles = [struct.unpack("<f", struct.pack("<f", 1 / (step + 3)))[0] for step in range(20)]
    assert stored.points["loss"] == [(step, START + step, value) for step, value in enumerate(singles)]
    assert [(each["type"], each["key"]) for each in stored.events] == [("histogram", "weights"), ("text", "note")]


def test_pictures_of_event_files_are_copied(root, tmp_path):
    picture = png(8, 6)
    write_events(tmp_path / "logs" / "a" / "events.out.tfevents.1.h", [event(image("in", picture, 8, 6))])
    stored = root.only(tmp_path / "logs")
    (logged,) = stored.events
    assert (stored.folder / logged["items"][0]["file"]).read_bytes() == picture


def test_a_record_with_a_bit_turned_over_is_left_out_of_an_import(root, tmp_path):
    path = tmp_path / "logs" / "a" / "events.out.tfevents.1.h"
    data = bytearray(write_events(path, [event(scalar("loss", float(step)), step=step) for step in range(100)]))
    data[frames(bytes(data)).spans[42][1] - 1] ^= 0x40
    path.write_bytes(data)
    stored = root.only(tmp_path / "logs")
    assert [step for step, _, _ in stored.points["loss"]] == [step for step in range(100) if step != 42]
    assert stored.read(layout.STATUS_FILE)["warnings"] == {"damaged-event": 1}


def test_steps_that_a_resumed_run_abandoned_do_not_come_in(root, tmp_path):
    folder = tmp_path / "logs" / "a"
    losses = [event(scalar("loss", float(step)), step=step) for step in range(120)]
    gone = [event(scalar("gone", 1.0), step=70), event(image("in", png(8, 6), 8, 6), step=80)]
    write_events(folder / "events.out.tfevents.1.h", [*losses[:100], *gone])
    write_events(folder / "events.out.tfevents.2.h", [restart(60), *losses[60:]])
    stored = root.only(tmp_path / "logs")
    assert [step for step, _, _ in stored.points["loss"]] == list(range(120))
    assert (stored.events, list(stored.points)) == ([], ["loss"])
    metrics = stored.read(layout.STATUS_FILE)["metrics"]
    assert (list(metrics), metrics["loss"]["count"], metrics["loss"]["max"]) == (["loss"], 120, 119.0)


def test_each_folder_of_a_logdir_is_a_run(root, tmp_path):
    for name in ("a", "b/c"):
        write_events(tmp_path / "logs" / name / "events.out.tfevents.1.h", [event(scalar(f"loss of {name}", 1.0))])
    root.bring(tmp_path / "logs")
    assert root.names() == ["a", "c"]


@pytest.mark.parametrize("source", ["wandb", "mlruns", "tensorboard"])
def test_a_second_import_says_so_and_adds_nothing(root, source):
    (first,) = root.bring(DATA / source)
    (second,) = root.bring(DATA / source)
    assert (first.is_new, second.is_new, second.run_id) == (True, False, first.run_id)
    assert len(root.names()) == 1
    (third,) = root.bring(DATA / source, force=True)
    assert third.is_new
    assert len(root.names()) == 2


def test_a_project_can_be_chosen(root):
    assert root.only(DATA / "wandb", project="mine/own").run.project == "mine/own"


def test_the_source_stands_in_run_json(root):
    origin = root.only(DATA / "mlruns").read(layout.RUN_FILE)["imported_from"]
    assert origin["tool"] == "mlflow"
    assert layout.parse_iso(origin["imported_at"])


def test_a_source_that_fails_leaves_nothing_behind(root, tmp_path):
    (tmp_path / "bad.csv").write_text("step,loss\n1,2\n2\n")
    with pytest.raises(SourceUnreadableError, match="Line 3"):
        root.bring(tmp_path / "bad.csv")
    assert list((root.path / layout.RUNS).iterdir()) == []


def test_a_path_without_runs_says_what_is_wanted(root, tmp_path):
    with pytest.raises(SourceNotFoundError, match="no file or folder"):
        root.bring(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceNotFoundError, match="no runs known"):
        root.bring(tmp_path / "empty")


def test_a_file_that_is_no_database_is_told(root, tmp_path):
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\0" + b"garbage" * 100)
    with pytest.raises(SourceUnreadableError, match="database of MLflow"):
        root.bring(tmp_path / "x.db")
    with pytest.raises(SourceUnreadableError, match="no file of W&B"):
        root.bring(tmp_path / "x.db", tool=Tool.WANDB)


def test_a_draft_whose_name_is_taken_leaves_that_of_the_other_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "draft_name", lambda: ".new-import-both")
    with RunDraft(tmp_path) as first:
        first.point("loss", 0, 1.0, 2.0)
        with pytest.raises(RootNotUsableError), RunDraft(tmp_path):
            pass
        run_id = first.finish(Facts(name="a", project="p", created_at=1.0), {})
    assert (tmp_path / "runs" / run_id / "metrics.bin").stat().st_size == 32


def test_no_secret_of_another_tracker_comes_in(tmp_path):
    facts = Facts(
        name="auth=s3cret-1",
        project="p",
        created_at=1.0,
        config={"wandb_key": "s3cret-2", "nested": {"token": "s3cret-3"}, "author": "me", "lr": 0.1},
        summary={"url": "https://s3cret-4@host/"},
        tags=("pat=s3cret-5", "a"),
        note="see https://me:s3cret-6@host",
        exit_reason="401 for https://me:s3cret-7@host",
    )
    with RunDraft(tmp_path) as draft:
        run_id = draft.finish(facts, {})
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"s3cret" not in everything
    info = json.loads((tmp_path / "runs" / run_id / "run.json").read_bytes())
    assert info["config"] == {"wandb_key": "***", "nested": {"token": "***"}, "author": "me", "lr": 0.1}
    assert info["tags"] == ["pat=***", "a"]
