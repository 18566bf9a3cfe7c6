"""Runs of MLflow's file store are runs where they lie: live, as an import brings them, and never written to."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.logs_of_others import LIMIT_SECS, counts, rows, runs, snapshot, until

from runicorn.exchange.importing import Tool, find_sources, import_source, open_target
from runicorn.storage.files import LocalFiles
from runicorn.storage.layout import run_path
from runicorn.storage.mirroring.finding import LogFile, walk
from runicorn.storage.mirroring.mlflow_mirror import MlflowMirror

DATA = Path(__file__).parents[2] / "data" / "mlruns"


@pytest.fixture
def store(tmp_path):
    """Return a copy of a store that MLflow wrote, and the folder of its one run."""
    shutil.copytree(DATA, tmp_path / "logs" / "mlruns")
    (meta,) = (tmp_path / "logs").rglob("*/*/*/meta.yaml")
    return tmp_path / "logs", meta.parent


def only(files):
    (run,) = until(lambda: list(runs(files).values()), "the run")
    assert files.mirror.settle(LIMIT_SECS)
    (run,) = runs(files).values()
    return run


def test_what_an_import_brings_is_what_is_shown(tmp_path, store, look):
    root, _ = store
    before = snapshot(root)
    files, target = look(root), tmp_path / "imported"
    run = only(files)
    (source,) = find_sources(DATA, Tool.MLFLOW)
    imported = import_source(target, source, known=open_target(target)).run_id
    own = LocalFiles(target)
    assert rows(files, run.id) == rows(own, imported)
    assert rows(files, run.id)["train/loss"][:2] == [(0, 1 / 3), (1, 0.25)]
    for file, names in {
        "run.json": ("name", "project", "config", "tags", "user", "created_at"),
        "status.json": ("state", "finished_at", "exit_reason", "metrics"),
        "notes.json": ("note",),
    }.items():
        ours, theirs = (
            json.loads(each.read(run_path(run_id, file))) for each, run_id in ((files, run.id), (own, imported))
        )
        assert {name: ours[name] for name in names} == {name: theirs[name] for name in names}
    assert snapshot(root) == before


def test_a_run_that_goes_on_is_seen_growing(store, look):
    root, folder = store
    meta, loss = folder / "meta.yaml", folder / "metrics" / "train" / "loss"
    ended, whole = meta.read_text(), loss.read_bytes()
    meta.write_text(ended.replace("status: 4", "status: 1").replace("end_time: 1700000060123", "end_time: null"))
    shutil.rmtree(folder / "params")
    (folder / "params").mkdir()
    loss.write_bytes(whole[:50])  # the second line is torn
    files = look(root)
    run = only(files)
    assert (run.state.value, run.config) == ("running", {})
    assert rows(files, run.id)["train/loss"] == [(0, 1 / 3)]
    loss.write_bytes(whole)
    until(lambda: counts(files, run.id)["train/loss"] == 21, "its other points")
    (folder / "params" / "optimizer").mkdir()
    (folder / "params" / "optimizer" / "lr").write_text("0.5")
    (folder / "metrics" / "val").mkdir()
    (folder / "metrics" / "val" / "acc").write_text("1700000002000 0.75 3\n")
    until(lambda: counts(files, run.id).get("val/acc") == 1, "a metric that came later")
    until(lambda: only(files).config == {"optimizer/lr": 0.5}, "a parameter that came later")
    meta.write_text(ended)
    until(lambda: only(files).state.value == "failed", "its end")
    assert only(files).id == run.id


def test_a_run_that_is_deleted_goes_and_comes_back_with_its_mark(store, look):
    root, folder = store
    meta = folder / "meta.yaml"
    text = meta.read_text()
    files = look(root)
    only(files)
    meta.write_text(text.replace("lifecycle_stage: active", "lifecycle_stage: deleted"))
    until(lambda: not runs(files), "its going")
    meta.write_text(text)
    until(lambda: runs(files), "its return")


def test_a_metric_that_was_replaced_is_read_anew(store, look):
    root, folder = store
    files = look(root)
    run = only(files)
    (folder / "metrics" / "train" / "loss").write_text("".join(f"170000000{n}000 0.{n} {n}\n" for n in range(9)) * 4)
    until(lambda: counts(files, run.id).get("train/loss") == 36, "the other file")
    assert rows(files, run.id)["train/loss"][:3] == [(0, 0.0), (1, 0.1), (2, 0.2)]


def test_zeros_that_stand_where_lines_are_coming_are_waited_for(store, look):
    root, folder = store
    loss = folder / "metrics" / "train" / "loss"
    whole = loss.read_bytes()
    loss.write_bytes(whole[:100] + bytes(len(whole) - 101) + b"\n")
    files = look(root)
    run = only(files)
    seen = counts(files, run.id)["train/loss"]
    assert 0 < seen < 21
    loss.write_bytes(whole)
    os.utime(loss, None)
    until(lambda: counts(files, run.id)["train/loss"] == 21, "what stood there as zeros")
    assert json.loads(files.read(run_path(run.id, "status.json")))["warnings"] == {}


def test_going_on_after_a_kill_loses_and_doubles_nothing(tmp_path, store, look):
    root, folder = store
    loss = folder / "metrics" / "train" / "loss"
    whole = loss.read_bytes()
    loss.write_bytes(whole[: len(whole) // 2])
    first = look(root)
    run = only(first)
    first.close()
    loss.write_bytes(whole)
    again = look(root)
    until(lambda: counts(again, run.id).get("train/loss") == 21, "the rest")
    assert [step for step, _ in rows(again, run.id)["train/loss"]] == [*range(20), 2**40]


def test_what_lies_beside_in_a_run_is_found_too(store, look):
    root, folder = store
    log = folder / "artifacts" / "lightning" / "metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text("step,loss\n1,0.5\n2,0.25\n")
    files = look(root)
    until(lambda: set(runs(files)) == {"first", "lightning"}, "both")


@settings(max_examples=150, deadline=None)
@given(draw=st.data())
def test_whatever_lies_in_its_files_a_run_is_followed_all_the_same(draw):
    place = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(DATA, place / "logs")
        paths = sorted(path for path in (place / "logs").rglob("*") if path.is_file())
        contents = {path: path.read_bytes() for path in paths}
        files = LocalFiles(place / "logs")
        (log,) = [each for each in walk(files) if isinstance(each, LogFile)]
        mirror = MlflowMirror(place / "home", log, files, "logs")
        for path in draw.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=4)):
            at = draw.draw(st.integers(0, len(contents[path])))
            path.write_bytes(contents[path][:at] + draw.draw(st.binary(max_size=40)) + contents[path][at + 3 :])
        follow(mirror, files)
        for path in paths:
            if "metrics" in path.parts:
                path.unlink()
        follow(mirror, files)
        for path, content in contents.items():
            path.write_bytes(content)
        follow(mirror, files)
        found = {name: slot[0] for name, slot in mirror._translator.stats.items()}
        assert found.get("train/loss") == 21
    finally:
        shutil.rmtree(place)


def follow(mirror, files):
    for each in walk(files):
        if isinstance(each, LogFile):
            assert any(not mirror.follow(each.files) for _ in range(20)), "it never ends"
