"""W&B's offline folders are runs as they grow: segments of one run are one, and nothing is written beside them."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.support.logs_of_others import LIMIT_SECS, counts, rows, runs, snapshot, until
from tests.support.wandb_files import wandb_log

from runicorn.exchange.importing import Tool, find_sources, import_source, open_target
from runicorn.storage.files import LocalFiles, Range
from runicorn.storage.layout import run_path
from runicorn.storage.mirroring.wandb_mirror import WandbMirror

DATA = Path(__file__).parents[2] / "data"
SEGMENTS = sorted((DATA / "foreign" / "wandb" / "wandb").iterdir())
LOG = "run-seg1.wandb"


def brought(folder, into):
    """Return where the two segments lie below `folder` in a root."""
    for segment in SEGMENTS:
        shutil.copytree(segment, into / folder / segment.name)
    return [into / folder / segment.name for segment in SEGMENTS]


def only(files):
    (run,) = until(lambda: list(runs(files).values()), "the run")
    assert files.mirror.settle(LIMIT_SECS)
    (run,) = runs(files).values()
    return run


def read_json(files, run_id, name):
    return json.loads(files.read(run_path(run_id, name)))


def test_what_processes_of_one_run_wrote_is_one_run(tmp_path, look):
    brought("exp/wandb", tmp_path / "logs")
    files = look(tmp_path / "logs")
    run = only(files)
    assert (run.name, run.project, run.note, run.tags) == ("long run", "vision/sweep", "why", ("good",))
    assert (run.state.value, run.origin.host, run.origin.recorded_by) == ("finished", "gpu-7", "wandb")
    assert run.config == {"lr": 0.1, "model": {"depth": 18}, "api_key": "***"}
    assert run.summary["best"] == 0.25
    points = rows(files, run.id)
    for number in range(6):
        assert points[f"train/loss_{number}"] == [(step, 1 / (step + number + 1)) for step in range(90)]
    printed = "".join(f"step {step}\n" for step in range(90))
    assert files.read(run_path(run.id, "console.log")).decode() == printed


def test_what_an_import_brings_is_what_is_shown(tmp_path, look):
    shutil.copytree(DATA / "wandb", tmp_path / "logs" / "wandb")
    files, target = look(tmp_path / "logs"), tmp_path / "imported"
    run = only(files)
    (source,) = find_sources(DATA / "wandb", Tool.WANDB)
    imported = import_source(target, source, known=open_target(target)).run_id
    own = LocalFiles(target)
    assert rows(files, run.id) == rows(own, imported)
    for name in ("name", "project", "config", "tags", "host"):
        assert read_json(files, run.id, "run.json")[name] == read_json(own, imported, "run.json")[name]
    for name in ("state", "summary", "step", "metrics", "warnings"):
        assert read_json(files, run.id, "status.json")[name] == read_json(own, imported, "status.json")[name]
    for name in ("console.log", "notes.json"):
        assert files.read(run_path(run.id, name)) == own.read(run_path(imported, name))
    events = files.read(run_path(run.id, "events.jsonl"))
    assert events.replace(b'"media/0/', b'"media/') == own.read(run_path(imported, "events.jsonl"))
    for line in events.splitlines():
        for item in json.loads(line)["items"]:
            if "file" in item:
                place = files.inside(f"runs/{run.id}", item["file"])
                assert place is not None
                path = item["file"].replace("media/0/", "media/")
                assert files.read(place) == own.read(run_path(imported, path))
                assert files.stat(place).size_bytes == own.stat(run_path(imported, path)).size_bytes


def test_a_second_process_is_followed_where_the_first_one_was_killed(tmp_path, look):
    first, second = brought("wandb", tmp_path / "logs")
    rest, whole = tmp_path / "rest", (second / LOG).read_bytes()
    shutil.move(second, rest)
    files = look(tmp_path / "logs")
    run = only(files)
    assert read_json(files, run.id, "status.json")["state"] == "running"  # nothing says that it ended
    before = counts(files, run.id)["lr"]
    assert 0 < before <= 60
    shutil.move(rest, second)
    for share in (0, 1, 3, 4):
        (second / LOG).write_bytes(whole[: len(whole) * share // 4])
        until(lambda: files.mirror.settle(LIMIT_SECS))
    until(lambda: counts(files, run.id).get("lr") == 90, "the second process's points")
    assert only(files).id == run.id
    assert first.is_dir()


@pytest.mark.parametrize(("age_secs", "state"), [(600, "running"), (1200, "killed")])
def test_a_run_that_has_not_said_that_it_ended_may_be_silent_for_a_while(tmp_path, look, age_secs, state):
    _, second = brought("wandb", tmp_path / "logs")
    shutil.rmtree(second)
    for path in (tmp_path / "logs").rglob("*"):
        os.utime(path, (time.time() - age_secs,) * 2)
    assert only(look(tmp_path / "logs")).state.value == state


def test_what_is_printed_is_there_before_the_log_has_its_first_block(tmp_path, look):
    """W&B writes blocks of 32 KiB: for minutes there may be seven bytes, and what the program prints."""
    folder = tmp_path / "logs" / "wandb" / SEGMENTS[0].name
    (folder / "files").mkdir(parents=True)
    whole = (SEGMENTS[0] / LOG).read_bytes()
    (folder / LOG).write_bytes(whole[:7])
    (folder / "files" / "output.log").write_bytes(b"step 0\n")
    files = look(tmp_path / "logs")
    run = only(files)
    assert (run.name, files.read(run_path(run.id, "console.log"))) == ("seg1", b"step 0\n")
    (folder / "files" / "output.log").write_bytes(b"step 0\nstep 1\n")
    until(lambda: files.read(run_path(run.id, "console.log")) == b"step 0\nstep 1\n", "what was printed")
    (folder / LOG).write_bytes(whole)
    until(lambda: only(files).name == "long run", "its name")
    assert files.read(run_path(run.id, "console.log")) == b"step 0\nstep 1\n"  # not once more from the log


def test_zeros_that_stand_where_bytes_are_coming_are_waited_for(tmp_path, look):
    before, folder = brought("wandb", tmp_path / "logs")
    shutil.rmtree(before)
    whole = (SEGMENTS[1] / LOG).read_bytes()
    (folder / LOG).write_bytes(whole[:9000] + bytes(len(whole) - 9000))
    files = look(tmp_path / "logs")
    run = only(files)
    seen = counts(files, run.id).get("lr", 0)
    status = (folder / LOG).stat()
    (folder / LOG).write_bytes(whole)
    # As a server does that had told its size before.
    os.utime(folder / LOG, ns=(status.st_atime_ns, status.st_mtime_ns))
    until(lambda: counts(files, run.id).get("lr", 0) == 30 > seen, "what stood there as zeros")
    assert read_json(files, run.id, "status.json")["warnings"] == {}


def test_going_on_after_a_kill_loses_and_doubles_nothing(tmp_path, look):
    (folder, _) = brought("wandb", tmp_path / "logs")
    shutil.rmtree(folder.parent / SEGMENTS[1].name)
    whole = (folder / LOG).read_bytes()
    (folder / LOG).write_bytes(whole[: len(whole) // 2])
    first = look(tmp_path / "logs")
    run = only(first)
    first.close()
    (folder / LOG).write_bytes(whole)
    again = look(tmp_path / "logs")
    fresh = tmp_path / "fresh" / "wandb"
    shutil.copytree(folder, fresh / folder.name)
    expected = rows(look(tmp_path / "fresh"), only(look(tmp_path / "fresh")).id)
    until(lambda: rows(again, run.id) == expected, "what a first look finds")


def test_nothing_is_written_beside_and_no_link_leads_out(tmp_path, look):
    (folder, _) = brought("wandb", tmp_path / "logs")
    (tmp_path / "secret").write_text("not yours")
    media = next((SEGMENTS[1] / "files" / "media" / "images").iterdir()).name
    picture = folder.parent / SEGMENTS[1].name / "files" / "media" / "images" / media
    before = snapshot(tmp_path / "logs")
    files = look(tmp_path / "logs")
    run = only(files)
    name = f"media/1/images/{media}"
    assert files.inside(f"runs/{run.id}", name) is not None
    assert snapshot(tmp_path / "logs") == before
    picture.unlink()
    try:
        picture.symlink_to(tmp_path / "secret")
    except OSError:
        pytest.skip("no links here")
    assert files.inside(f"runs/{run.id}", name) is None
    for bad in (
        "media/1/../../../../secret",
        "media/7/images/x",
        "media/-1/x",
        "media/1",
        "media/1//x",
        "media/\u0661/x",
    ):
        assert files.inside(f"runs/{run.id}", bad) is None


def one_of_each(run_id):
    """Return ranges of a file of the mirror and of media, which lie in the log."""
    media = next((SEGMENTS[1] / "files" / "media" / "images").iterdir()).name
    return [Range(run_path(run_id, name)) for name in ("status.json", f"media/1/images/{media}", "console.log")]


def test_a_note_that_goes_as_it_is_looked_at_takes_no_list_and_no_file_with_it(tmp_path, look, monkeypatch):
    brought("wandb", tmp_path / "logs")
    files = look(tmp_path / "logs")
    run = only(files)
    note = files.home_of(run.id) / run_path(run.id, "mirror.json")
    whole = note.read_bytes() + b"\n"
    note.write_bytes(whole)  # what was known of it counts no more

    def look_and_lose(self, path):
        found = look_at(self, path)
        if path.endswith("mirror.json"):
            note.unlink(missing_ok=True)  # as a run that is begun anew does
        return found

    look_at = LocalFiles.stat
    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "stat", look_and_lose)
        status, media, console = files.fetch(one_of_each(run.id))
        assert not note.exists()
    assert isinstance(status, bytes)
    assert isinstance(media, FileNotFoundError)
    assert isinstance(console, bytes)
    assert only(files).name == "long run"
    note.write_bytes(whole)
    assert [type(each) for each in files.fetch(one_of_each(run.id))] == [bytes] * 3


def test_a_note_that_cannot_be_read_costs_the_media_of_its_run_only(tmp_path, look):
    brought("wandb", tmp_path / "logs")
    files = look(tmp_path / "logs")
    run = only(files)
    note = files.home_of(run.id) / run_path(run.id, "mirror.json")
    note.unlink()
    note.mkdir()
    status, media, console = files.fetch(one_of_each(run.id))
    assert isinstance(status, bytes)
    assert isinstance(media, OSError)
    assert isinstance(console, bytes)
    assert runs(files).keys() == {"long run"}


def test_what_a_person_writes_here_stays_as_the_log_grows(tmp_path, look):
    brought("wandb", tmp_path / "logs")
    log = tmp_path / "logs" / "wandb" / SEGMENTS[1].name / LOG
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    files = look(tmp_path / "logs")
    run = only(files)
    (files.home_of(run.id) / run_path(run.id, "notes.json")).write_text('{"note": "mine"}')
    log.write_bytes(whole)
    until(lambda: only(files).state.value == "finished", "its end")
    assert only(files).note == "mine"


def test_a_record_that_is_larger_than_a_piece_is_read(tmp_path, look):
    folder = tmp_path / "logs" / "wandb" / "offline-run-20231114_221320-big"
    folder.mkdir(parents=True)
    wandb_log(folder / "run-big.wandb", text="x" * 900_000, loss=0.5)
    files = look(tmp_path / "logs")
    run = only(files)
    assert rows(files, run.id) == {"loss": [(0, 0.5)]}
    (event,) = files.read(run_path(run.id, "events.jsonl")).splitlines()
    assert len(json.loads(event)["items"][0]["text"]) == 900_000


def test_a_table_that_cannot_be_read_is_shown_all_the_same(tmp_path, look):
    _, folder = brought("wandb", tmp_path / "logs")
    (table,) = (folder / "files" / "media" / "table").iterdir()
    table.unlink()
    files = look(tmp_path / "logs")
    run = only(files)
    events = [json.loads(line) for line in files.read(run_path(run.id, "events.jsonl")).splitlines()]
    (item,) = next(each["items"] for each in events if each["type"] == "table")
    assert (item["columns"], item["rows"]) == ([], 2)


def test_a_link_that_breaks_while_a_table_is_read_doubles_nothing(tmp_path, look, monkeypatch):
    brought("wandb", tmp_path / "logs")
    broken = [2]

    def content(self, number, path):
        if broken[0]:
            broken[0] -= 1
            raise ConnectionResetError
        return read_beside(self, number, path)

    read_beside = WandbMirror.read_beside
    monkeypatch.setattr(WandbMirror, "read_beside", content)
    monkeypatch.setattr("runicorn.storage.mirroring.worker._RETRY_SECS", 0.1)
    files = look(tmp_path / "logs")
    until(lambda: runs(files), "the run")

    def points():
        (run,) = runs(files).values()  # it is there all the time
        return counts(files, run.id).get("lr")

    until(lambda: points() == 90, "all points, once")
    assert broken == [0]
