"""Runs that the real wandb, mlflow and tensorboard wrote come in to the bit, whole or not at all, and once."""

import json
import math
import os
import shutil
import sqlite3
import struct
import zlib
from pathlib import Path
from unittest.mock import ANY

import pytest
from tests.support.event_files import event, image, png, scalar, write_events

from runicorn.errors import SourceNotFoundError, SourceUnreadableError
from runicorn.exchange import mlflow_files
from runicorn.exchange.importing import Tool, find_sources, import_source, open_target
from runicorn.storage import layout, records
from runicorn.storage.files import LocalFiles
from runicorn.storage.index import RunIndex
from runicorn.storage.tensorboard.framing import frames

DATA = Path(__file__).parents[2] / "data"
START = 1_700_000_000.123


class Root:
    """A storage root that is imported into."""

    def __init__(self, path):
        self.path = path

    def bring(self, path, tool=Tool.AUTO, **options):
        step = options.pop("step", None)
        known = open_target(self.path)
        return [
            import_source(self.path, source, known=known, **options) for source in find_sources(path, tool, step=step)
        ]

    def only(self, path, **options):
        (done,) = self.bring(path, **options)
        return Stored(self.path, done.run_id)

    def names(self):
        return sorted(item.run.name for item in RunIndex(LocalFiles(self.path)).runs())


class Stored:
    """An imported run as it lies in the root."""

    def __init__(self, root, run_id):
        self.folder = root / layout.RUNS / run_id
        self.run = RunIndex(LocalFiles(root)).find(run_id).run
        names, _ = layout.decode_keys((self.folder / "metrics.keys").read_bytes())
        data = (self.folder / layout.METRICS_FILE).read_bytes()
        self.points = {}
        for record in records.unpack(data, records.scan(data)):
            self.points.setdefault(names[record.metric], []).append((record.step, record.time, record.value))

    def read(self, name):
        return json.loads((self.folder / name).read_bytes())

    @property
    def events(self):
        return [json.loads(line) for line in (self.folder / layout.EVENTS_FILE).read_bytes().splitlines()]


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path / "root")


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


def delimited(number, content):
    """Return one field of a protobuf message."""
    length = b""
    size = len(content)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 & 0x7F | 2 | (0x80 if number > 15 else 0)] + [number >> 4] * (number > 15)) + (
        length + bytes([size]) + content
    )


def wandb_log(path, **values):
    """Write a .wandb file with one step of history."""
    items = b"".join(
        delimited(1, delimited(2, name.encode()) + delimited(16, json.dumps(value).encode()))
        for name, value in values.items()
    )
    record = delimited(2, items)
    checksum = zlib.crc32(record, zlib.crc32(b"\1"))
    path.write_bytes(b":W&B\xe1\xbe\0" + struct.pack("<IHB", checksum, len(record), 1) + record)


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


class TestCsv:
    @pytest.fixture
    def bring(self, root, tmp_path):
        def bring(text, name="log.csv", **options):
            (tmp_path / "table").mkdir(exist_ok=True)
            (tmp_path / "table" / name).write_text(text, encoding="utf-8")
            return root.only(tmp_path / "table" / name, **options)

        return bring

    def test_columns_are_metrics_over_step_and_time(self, bring):
        stored = bring("epoch,time,loss,acc\n1,1700000000.5,0.1,nan\n2.0,1700000001,-0.0,inf\n")
        assert stored.points["loss"] == [(1, 1700000000.5, 0.1), (2, 1700000001.0, 0.0)]
        assert bits(stored.points["loss"][1][2]) == bits(-0.0)
        assert math.isnan(stored.points["acc"][0][2])
        assert (stored.run.name, stored.run.project, stored.run.created_at) == ("log", "table", 1700000000.5)

    def test_without_a_step_the_rows_are_counted(self, bring):
        assert [step for step, _, _ in bring("loss\n3\n2\n").points["loss"]] == [0, 1]

    @pytest.mark.parametrize(
        "text",
        [
            "step;loss\n1;0.5\n2;1.5\n",
            "step\tloss\n1\t0.5\n2\t1.5\n",
            "step|loss\n1|0.5\n2|1.5\n",
            "step;loss\n1;0,5\n2;15,0e-1\n",
            '# made by, "us\n#\nstep,loss\n1,0.5\n# half way\n2,1.5\n',
            "# step; loss\n1; 0.5\n2; 1.5\n",
            "\n\nstep,loss\r\n1,0.5\r\n\r\n2,1.5\r\n",
            '"step", "loss"\n"1", "0.5"\n"2", "1.5"\n',
        ],
    )
    def test_a_table_is_read_however_its_cells_are_separated(self, bring, text):
        assert [(step, value) for step, _, value in bring(text).points["loss"]] == [(1, 0.5), (2, 1.5)]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_a_table_is_read_in_whichever_unicode_it_is(self, root, tmp_path, encoding, separator):
        (tmp_path / "x.csv").write_bytes("step,größe\r\n1,0.5\r\n".replace(",", separator).encode(encoding))
        assert root.only(tmp_path / "x.csv").points == {"größe": [(1, ANY, 0.5)]}

    def test_an_export_that_a_shell_or_a_spreadsheet_rewrote_comes_in(self, root, tmp_path):
        text = "run,metric,step,time,value\na,# x,1,10,1.5\nb, y,1,10,2.5\na,# x,2,12,-0.0\n"
        (tmp_path / "shell.csv").write_bytes(text.encode("utf-16"))
        sheet = text.replace(",", ";").replace(".", ",")
        (tmp_path / "sheet.csv").write_bytes(sheet.encode("utf-8-sig"))
        for name in ("shell.csv", "sheet.csv"):
            done = root.bring(tmp_path / name, force=True)
            stored = {each.run.name: each.points for each in (Stored(root.path, one.run_id) for one in done)}
            assert stored == {"a": {"# x": [(1, 10.0, 1.5), (2, 12.0, -0.0)]}, "b": {" y": [(1, 10.0, 2.5)]}}

    def test_a_comma_is_no_decimal_point_where_there_are_points(self, bring):
        stored = bring("step;loss;price\n1;0.5;1,234\n2;0.25;1,235\n")
        assert list(stored.points) == ["loss"]
        assert stored.read(layout.STATUS_FILE)["warnings"] == {"text-column-price": 1}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1,0.5\n2,0.25\n", "no line with the names"),
            ("# 1,2\n1,0.5\n", "no line with the names"),
            ("", "no line with the names"),
            ("step,loss\n", "no numbers"),
            ("epoch loss\n1 0.5\n", "no numbers"),
            ("dear diary\n", "no numbers"),
        ],
    )
    def test_a_table_without_names_or_numbers_is_refused_and_nothing_is_written(self, bring, root, text, said):
        with pytest.raises(SourceUnreadableError, match=said):
            bring(text)
        assert list((root.path / layout.RUNS).iterdir()) == []

    @pytest.mark.parametrize(
        ("text", "left_out"),
        [
            ("step,loss\n1,0.5\nstep,loss\n2,1.5\n", {"repeated-header": 1}),
            (" step, loss\n1,0.5\n\ufeffstep,loss\n2,1.5\n", {"repeated-header": 1}),
            ("step,loss\n1,0.5\n2,1.5\n3", {"torn-last-line": 1}),
            ("step,loss\n1,0.5\n2,1.5", {}),
            ("step,loss\n1,0.5\n9\n2,1.5\n", {"damaged-row": 1}),
            ("step,loss\n1,0.5\n9,1,1\n2,1.5\n", {"damaged-row": 1}),
            ("step,loss\n1,0.5\n,9\n2,1.5\n", {"row-without-step": 1}),
            ("step,loss\n1,0.5\n1.5,9\n2,1.5\n", {"row-without-step": 1}),
        ],
    )
    def test_what_is_whole_comes_in_and_what_is_left_out_is_counted(self, bring, text, left_out):
        stored = bring(text)
        assert [(step, value) for step, _, value in stored.points["loss"]] == [(1, 0.5), (2, 1.5)]
        assert stored.read(layout.STATUS_FILE)["warnings"] == left_out

    def test_an_epoch_with_parts_is_a_metric_and_no_step(self, bring):
        stored = bring("epoch,loss\n0.5,3\n1.0,2\n1.5,1\n")
        assert [(step, value) for step, _, value in stored.points["epoch"]] == [(0, 0.5), (1, 1.0), (2, 1.5)]
        assert [step for step, _, _ in stored.points["loss"]] == [0, 1, 2]
        assert [step for step, _, _ in bring("epoch,iter,loss\n0.5,7,3\n", "b.csv").points["loss"]] == [7]

    def test_exports_one_behind_the_other_give_all_their_runs(self, root, tmp_path):
        head = "run,metric,step,time,value\n"
        torn = "a,x,1,10,1.5\na,x,2\na,x,3,10,3.5\na,x,4,10,4.5\na,x,5,10,x\n"
        (tmp_path / "x.csv").write_text(f"{head}{torn}{head}b,x,1,10,2.5\nb,x")
        stored = [Stored(root.path, done.run_id) for done in root.bring(tmp_path / "x.csv")]
        assert {each.run.name: each.points for each in stored} == {
            "a": {"x": [(1, 10.0, 1.5), (3, 10.0, 3.5), (4, 10.0, 4.5)]},
            "b": {"x": [(1, 10.0, 2.5)]},
        }
        left_out = {each.run.name: each.read(layout.STATUS_FILE)["warnings"] for each in stored}
        assert left_out == {"a": {"damaged-row": 2, "repeated-header": 1}, "b": {"torn-last-line": 1}}

    def test_dates_are_times(self, bring):
        (point,) = bring("step,timestamp,loss\n1,2023-11-14T22:13:20Z,1\n").points["loss"]
        assert point == (1, 1_700_000_000.0, 1.0)

    def test_names_come_without_the_blanks_that_pad_a_table(self, bring):
        stored = bring(
            "   epoch,   train/box_loss,     opt\n       1,        0.5,     adam\n       2,        0.25,    adam\n"
        )
        assert stored.points["train/box_loss"] == [(1, ANY, 0.5), (2, ANY, 0.25)]
        assert (list(stored.points), stored.run.config) == (["train/box_loss"], {"opt": "adam"})
        assert list(bring("   batch,  loss\n 5,  1\n", "b.csv", step="batch").points) == ["loss"]

    def test_columns_of_one_name_or_none_stay_apart(self, bring):
        stored = bring(",step,loss, loss\n7,1,2,3\n")
        assert {name: points[0][2] for name, points in stored.points.items()} == {"column 1": 7, "loss": 2, "loss.1": 3}

    def test_seconds_since_the_beginning_end_when_the_file_was_written(self, root, tmp_path):
        path = tmp_path / "results.csv"
        path.write_text("epoch,time,loss\n1,12.5,3\n2,25.0,2\n")
        os.utime(path, (1_700_000_100, 1_700_000_100))
        stored = root.only(path)
        assert [time for _, time, _ in stored.points["loss"]] == [1_700_000_087.5, 1_700_000_100.0]
        assert (stored.run.created_at, stored.run.finished_at) == (1_700_000_087.5, 1_700_000_100.0)

    @pytest.mark.parametrize("per_second", [10**3, 10**6, 10**9])
    def test_finer_times_than_seconds_are_known_by_their_size(self, bring, per_second):
        stored = bring(f"step,timestamp,loss\n1,{1_700_000_000 * per_second},1\n")
        assert stored.points["loss"] == [(1, 1_700_000_000.0, 1.0)]

    def test_the_step_can_be_named(self, bring):
        stored = bring("batch,loss\n5,1\n", step="batch")
        assert [(step, value) for step, _, value in stored.points["loss"]] == [(5, 1.0)]
        assert list(stored.points) == ["loss"]

    def test_an_unknown_step_names_the_columns(self, bring):
        with pytest.raises(SourceUnreadableError) as caught:
            bring("batch,loss\n5,1\n", step="nope")
        assert "batch, loss" in caught.value.hint

    def test_empty_cells_are_no_points(self, bring):
        assert [step for step, _, _ in bring("step,a,b\n1,,2\n2,3,\n").points["a"]] == [2]

    def test_a_text_that_stays_is_config_and_one_that_changes_is_told(self, bring):
        stored = bring("step,opt,phase,loss\n1,adam,warm,1\n2,adam,cool,2\n")
        assert stored.run.config == {"opt": "adam"}
        assert stored.read(layout.STATUS_FILE)["warnings"] == {"text-column-phase": 1}

    def test_a_step_that_is_none_is_told_with_its_line(self, bring):
        with pytest.raises(SourceUnreadableError, match=r"Line 3 .*0\.5"):
            bring("step,loss\n1,1\n0.5,1\n")

    def test_bytes_that_are_no_text_are_told(self, root, tmp_path):
        (tmp_path / "x.csv").write_bytes(b"step,loss\n1,\xff\n")
        with pytest.raises(SourceUnreadableError, match="no CSV file in UTF-8"):
            root.bring(tmp_path / "x.csv")

    def test_a_row_for_each_point_gives_each_of_its_runs(self, root, tmp_path):
        rows = ["a,x,1,10,1.5", 'a,"y\nz",1,10,2.5', "b,x,1,11,3.5", "c,x,9,12,4.5", "a,x,2,12,-0.0"]
        (tmp_path / "t.csv").write_text("run,metric,step,time,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
        stored = {each.run.name: each.points for each in (Stored(root.path, d.run_id) for d in root.bring(tmp_path))}
        assert stored["a"] == {"x": [(1, 10.0, 1.5), (2, 12.0, -0.0)], "y\nz": [(1, 10.0, 2.5)]}
        assert stored["b"] == {"x": [(1, 11.0, 3.5)]}
        assert stored["c"] == {"x": [(9, 12.0, 4.5)]}

    def test_a_row_that_is_no_point_is_told(self, root, tmp_path):
        (tmp_path / "t.csv").write_text("run,metric,step,time,value\na,x,1,10,\n")
        with pytest.raises(SourceUnreadableError, match="no point"):
            root.bring(tmp_path / "t.csv")

    def test_huge_steps_stay_exact(self, bring):
        text = f"step,loss\n{2**63 - 1},1\n{-(2**63)},2\n"
        assert [step for step, _, _ in bring(text).points["loss"]] == [2**63 - 1, -(2**63)]
