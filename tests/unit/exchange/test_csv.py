"""Tables come in as runs, however they are written; what holds nothing is told."""

import math
import os
import struct
from unittest.mock import ANY

import pytest
from tests.support.importing import Stored

from runicorn.errors import SourceUnreadableError
from runicorn.storage import layout


def bits(value):
    return struct.pack("<d", value)


@pytest.fixture
def bring(root, tmp_path):
    def bring(text, name="log.csv", **options):
        (tmp_path / "table").mkdir(exist_ok=True)
        (tmp_path / "table" / name).write_text(text, encoding="utf-8")
        return root.only(tmp_path / "table" / name, **options)

    return bring


def test_columns_are_metrics_over_step_and_time(bring):
    stored = bring("epoch,time,loss,acc\n1,1700000000.5,0.1,nan\n2.0,1700000001,-0.0,inf\n")
    assert stored.points["loss"] == [(1, 1700000000.5, 0.1), (2, 1700000001.0, 0.0)]
    assert bits(stored.points["loss"][1][2]) == bits(-0.0)
    assert math.isnan(stored.points["acc"][0][2])
    assert (stored.run.name, stored.run.project, stored.run.created_at) == ("log", "table", 1700000000.5)


def test_without_a_step_the_rows_are_counted(bring):
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
def test_a_table_is_read_however_its_cells_are_separated(bring, text):
    assert [(step, value) for step, _, value in bring(text).points["loss"]] == [(1, 0.5), (2, 1.5)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_in_whichever_unicode_it_is(root, tmp_path, encoding, separator):
    (tmp_path / "x.csv").write_bytes("step,größe\r\n1,0.5\r\n".replace(",", separator).encode(encoding))
    assert root.only(tmp_path / "x.csv").points == {"größe": [(1, ANY, 0.5)]}


def test_an_export_that_a_shell_or_a_spreadsheet_rewrote_comes_in(root, tmp_path):
    text = "run,metric,step,time,value\na,# x,1,10,1.5\nb, y,1,10,2.5\na,# x,2,12,-0.0\n"
    (tmp_path / "shell.csv").write_bytes(text.encode("utf-16"))
    sheet = text.replace(",", ";").replace(".", ",")
    (tmp_path / "sheet.csv").write_bytes(sheet.encode("utf-8-sig"))
    for name in ("shell.csv", "sheet.csv"):
        done = root.bring(tmp_path / name, force=True)
        stored = {each.run.name: each.points for each in (Stored(root.path, one.run_id) for one in done)}
        assert stored == {"a": {"# x": [(1, 10.0, 1.5), (2, 12.0, -0.0)]}, "b": {" y": [(1, 10.0, 2.5)]}}


def test_a_comma_is_no_decimal_point_where_there_are_points(bring):
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
def test_a_table_without_names_or_numbers_is_refused_and_nothing_is_written(bring, root, text, said):
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
def test_what_is_whole_comes_in_and_what_is_left_out_is_counted(bring, text, left_out):
    stored = bring(text)
    assert [(step, value) for step, _, value in stored.points["loss"]] == [(1, 0.5), (2, 1.5)]
    assert stored.read(layout.STATUS_FILE)["warnings"] == left_out


def test_an_epoch_with_parts_is_a_metric_and_no_step(bring):
    stored = bring("epoch,loss\n0.5,3\n1.0,2\n1.5,1\n")
    assert [(step, value) for step, _, value in stored.points["epoch"]] == [(0, 0.5), (1, 1.0), (2, 1.5)]
    assert [step for step, _, _ in stored.points["loss"]] == [0, 1, 2]
    assert [step for step, _, _ in bring("epoch,iter,loss\n0.5,7,3\n", "b.csv").points["loss"]] == [7]


def test_exports_one_behind_the_other_give_all_their_runs(root, tmp_path):
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


def test_dates_are_times(bring):
    (point,) = bring("step,timestamp,loss\n1,2023-11-14T22:13:20Z,1\n").points["loss"]
    assert point == (1, 1_700_000_000.0, 1.0)


def test_names_come_without_the_blanks_that_pad_a_table(bring):
    stored = bring(
        "   epoch,   train/box_loss,     opt\n       1,        0.5,     adam\n       2,        0.25,    adam\n"
    )
    assert stored.points["train/box_loss"] == [(1, ANY, 0.5), (2, ANY, 0.25)]
    assert (list(stored.points), stored.run.config) == (["train/box_loss"], {"opt": "adam"})
    assert list(bring("   batch,  loss\n 5,  1\n", "b.csv", step="batch").points) == ["loss"]


def test_columns_of_one_name_or_none_stay_apart(bring):
    stored = bring(",step,loss, loss\n7,1,2,3\n")
    assert {name: points[0][2] for name, points in stored.points.items()} == {"column 1": 7, "loss": 2, "loss.1": 3}


def test_seconds_since_the_beginning_end_when_the_file_was_written(root, tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("epoch,time,loss\n1,12.5,3\n2,25.0,2\n")
    os.utime(path, (1_700_000_100, 1_700_000_100))
    stored = root.only(path)
    assert [time for _, time, _ in stored.points["loss"]] == [1_700_000_087.5, 1_700_000_100.0]
    assert (stored.run.created_at, stored.run.finished_at) == (1_700_000_087.5, 1_700_000_100.0)


@pytest.mark.parametrize("per_second", [10**3, 10**6, 10**9])
def test_finer_times_than_seconds_are_known_by_their_size(bring, per_second):
    stored = bring(f"step,timestamp,loss\n1,{1_700_000_000 * per_second},1\n")
    assert stored.points["loss"] == [(1, 1_700_000_000.0, 1.0)]


def test_the_step_can_be_named(bring):
    stored = bring("batch,loss\n5,1\n", step="batch")
    assert [(step, value) for step, _, value in stored.points["loss"]] == [(5, 1.0)]
    assert list(stored.points) == ["loss"]


def test_an_unknown_step_names_the_columns(bring):
    with pytest.raises(SourceUnreadableError) as caught:
        bring("batch,loss\n5,1\n", step="nope")
    assert "batch, loss" in caught.value.hint


def test_empty_cells_are_no_points(bring):
    assert [step for step, _, _ in bring("step,a,b\n1,,2\n2,3,\n").points["a"]] == [2]


def test_a_text_that_stays_is_config_and_one_that_changes_is_told(bring):
    stored = bring("step,opt,phase,loss\n1,adam,warm,1\n2,adam,cool,2\n")
    assert stored.run.config == {"opt": "adam"}
    assert stored.read(layout.STATUS_FILE)["warnings"] == {"text-column-phase": 1}


def test_a_step_that_is_none_is_told_with_its_line(bring):
    with pytest.raises(SourceUnreadableError, match=r"Line 3 .*0\.5"):
        bring("step,loss\n1,1\n0.5,1\n")


def test_bytes_that_are_no_text_are_told(root, tmp_path):
    (tmp_path / "x.csv").write_bytes(b"step,loss\n1,\xff\n")
    with pytest.raises(SourceUnreadableError, match="no CSV file in UTF-8"):
        root.bring(tmp_path / "x.csv")


def test_a_row_for_each_point_gives_each_of_its_runs(root, tmp_path):
    rows = ["a,x,1,10,1.5", 'a,"y\nz",1,10,2.5', "b,x,1,11,3.5", "c,x,9,12,4.5", "a,x,2,12,-0.0"]
    (tmp_path / "t.csv").write_text("run,metric,step,time,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    stored = {each.run.name: each.points for each in (Stored(root.path, d.run_id) for d in root.bring(tmp_path))}
    assert stored["a"] == {"x": [(1, 10.0, 1.5), (2, 12.0, -0.0)], "y\nz": [(1, 10.0, 2.5)]}
    assert stored["b"] == {"x": [(1, 11.0, 3.5)]}
    assert stored["c"] == {"x": [(9, 12.0, 4.5)]}


def test_a_row_that_is_no_point_is_told(root, tmp_path):
    (tmp_path / "t.csv").write_text("run,metric,step,time,value\na,x,1,10,\n")
    with pytest.raises(SourceUnreadableError, match="no point"):
        root.bring(tmp_path / "t.csv")


def test_huge_steps_stay_exact(bring):
    text = f"step,loss\n{2**63 - 1},1\n{-(2**63)},2\n"
    assert [step for step, _, _ in bring(text).points["loss"]] == [2**63 - 1, -(2**63)]
