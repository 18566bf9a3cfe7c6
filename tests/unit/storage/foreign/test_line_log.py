"""A log is read as it grows: what is torn waits, what is damaged is counted, and what is another file is told."""

import json

import pytest
from tests.support.foreign_logs import MTIME, taken, taken_in_pieces

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.line_log import LineLog
from runicorn.storage.foreign.lines import LEAST_PIECE_BYTES, MAX_LINE_BYTES


def read(kind, *lines):
    """Points without times, and warnings."""
    points, reader = taken(kind, b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines))
    return [(point.metric, point.step, point.value) for point in points], dict(reader.warnings)


def test_a_torn_last_line_waits_and_is_read_once_it_is_whole():
    reader = LineLog(Kind.KERAS)
    assert reader.take(b"epoch,loss\n0,0.5\n1,0.2", MTIME).consumed_bytes == len(b"epoch,loss\n0,0.5\n")
    found = reader.take(b"1,0.25\n", MTIME)
    assert [(point.step, point.value) for point in found.points] == [(1, 0.25)]


def test_rows_of_the_same_step_give_the_points_of_their_filled_cells():
    found = read(Kind.LIGHTNING, b"epoch,step,train,val", b"0,7,0.5,", b"0,7,,0.25")
    assert found == ([("epoch", 7, 0.0), ("train", 7, 0.5), ("epoch", 7, 0.0), ("val", 7, 0.25)], {})


def test_headers_that_are_padded_with_blanks_are_read_without_them():
    header = b"                  epoch,         train/box_loss"
    assert read(Kind.ULTRALYTICS, header, b"                      0,                 1.5")[0] == [
        ("train/box_loss", 0, 1.5)
    ]


def test_not_a_number_and_infinities_are_values():
    points, warnings = read(Kind.KERAS, b"epoch,loss", b"0,nan", b"1,-inf", b"2,1e-3", b"3,NA", b"4,bad")
    assert [repr(point[2]) for point in points] == ["nan", "-inf", "0.001"]
    assert warnings == {"text-cell": 1}
    points, _ = read(Kind.JSON_LINES, b'{"step": 1, "a": NaN, "b": Infinity, "c": "-Infinity"}')
    assert [repr(point[2]) for point in points] == ["nan", "inf", "-inf"]


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        (b"1", "damaged-row"),
        (b"1,0.5,3", "damaged-row"),
        (b"1,\x000.5", "damaged-row"),
        (b"1,0.\r5", "damaged-row"),
        (b"epoch,loss", "repeated-header"),
        (b"\xef\xbb\xbfepoch,loss", "repeated-header"),
        (b"0.5,0.5", "row-without-step"),
        (b"9" * 30 + b",0.5", "row-without-step"),
        (b"1,\xff", "no-utf-8"),
        (b"1," + b"x" * MAX_LINE_BYTES, "too-long-line"),
    ],
)
def test_a_damaged_row_is_counted_and_costs_no_other(line, warning):
    points, warnings = read(Kind.KERAS, b"epoch,loss", b"0,0.5", line, b"2,0.25\r\n")
    assert points == [("loss", 0, 0.5), ("loss", 2, 0.25)]
    assert warnings[warning] == 1


def test_a_quote_that_is_never_closed_costs_its_line_only():
    points, warnings = read(Kind.KERAS, b"epoch,loss", b'0,"0.5', *(b"%d,0.5" % step for step in range(1, 40)))
    assert [step for _, step, _ in points] == list(range(1, 40))
    assert warnings == {"damaged-row": 1}


def test_a_quoted_cell_may_hold_a_separator_and_an_end_of_line():
    points, warnings = read(Kind.KERAS, b"epoch,loss,note", b'0,"0.5","a, ""b""\n', b'c"', b"1,0.25,")
    assert points == [("loss", 0, 0.5), ("loss", 1, 0.25)]
    assert warnings == {"text-cell": 1}


def test_an_open_quote_waits_and_is_given_up_once_it_would_be_too_long():
    reader = LineLog(Kind.KERAS)
    assert reader.take(b'epoch,loss,note\n0,0.5,"a\n', MTIME).consumed_bytes == len(b"epoch,loss,note\n")
    assert [point.step for point in reader.take(b'0,0.5,"a\nb"\n', MTIME).points] == [0]
    assert reader.take(b'1,0.5,"a\n' + b"x" * (MAX_LINE_BYTES - 8), MTIME).consumed_bytes == len(b'1,0.5,"a\n')
    assert reader.warnings == {"text-cell": 1, "damaged-row": 1}


def test_after_a_line_without_end_that_had_to_wait_no_line_is_passed_over():
    reader = LineLog(Kind.KERAS)
    reader.take(b"epoch,loss\n", MTIME)
    reader.take(b"epoch,loss\n0,0.5\n" + b"x" * (MAX_LINE_BYTES + 5), MTIME)
    assert [point.step for point in reader.take(b"x\n1,0.25\n", MTIME).points] == [1]


def test_a_line_without_end_is_passed_over_while_it_still_grows():
    reader = LineLog(Kind.JSON_LINES)
    assert reader.take(b"x" * LEAST_PIECE_BYTES, MTIME).consumed_bytes == LEAST_PIECE_BYTES
    reader = LineLog.from_json(json.loads(json.dumps(reader.to_json())))
    assert reader.take(b"xxx", MTIME).consumed_bytes == 3
    assert len(reader.take(b'xxx\n{"step": 1, "a": 0.5}\n', MTIME).points) == 1
    assert reader.warnings == {"too-long-line": 1}


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (b'{"step": 7, "epoch": 1, "a": 1}', 7),
        (b'{"global_step": 7.0, "a": 1}', 7),
        (b'{"_step": 7, "a": 1}', 7),
        (b'{"iteration": 7, "epoch": 0, "a": 1}', 7),
        (b'{"iter": 7, "a": 1}', 7),
        (b'{"epoch": 7, "a": 1}', 7),
        (b'{"step": true, "epoch": 7, "a": 1}', 7),
        (b'{"step": 0.5, "a": 1}', 0),
        (b'{"step": 1e300, "a": 1}', 0),
        (b'{"a": 1}', 0),
    ],
)
def test_the_step_of_an_object_is_the_likeliest_of_its_whole_numbers(line, step):
    assert ("a", step, 1.0) in read(Kind.JSON_LINES, line)[0]


def test_objects_without_step_count_themselves_or_belong_to_the_last_step():
    assert read(Kind.JSON_LINES, b'{"loss": 1}', b'{"loss": 2}')[0] == [("loss", 0, 1.0), ("loss", 1, 2.0)]
    assert read(Kind.JSON_LINES, b'{"step": 9, "loss": 1}', b'{"test": 2}')[0][-1] == ("test", 9, 2.0)


def test_numbers_one_level_inside_are_metrics_and_other_values_are_none():
    line = b'{"step": 1, "val": {"loss": 2, "deep": {"x": 3}}, "ok": true, "mode": "train", "list": [4], "": 5}'
    assert read(Kind.JSON_LINES, line)[0] == [("val/loss", 1, 2.0)]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (b'"time": 1700000000.25', 1700000000.25),
        (b'"timestamp": 1700000000250', 1700000000.25),
        (b'"_timestamp": 1700000000250000000', 1700000000.25),
        (b'"time": "2023-11-14T22:13:20Z"', 1700000000.0),
        (b'"time": 0.03125', None),
        (b'"time": "12:30"', None),
        (b'"time": 1e300', None),
        (b'"time": 20231114221320', None),
    ],
)
def test_a_plausible_moment_is_the_time_and_other_numbers_are_metrics(text, time):
    points, _ = taken(Kind.JSON_LINES, b'{"step": 1, "loss": 2, ' + text + b"}\n")
    assert points[0].time == pytest.approx(time, abs=1e-6)
    assert ("time" in {point.metric for point in points}) == (time is None and b'"12' not in text)


def test_a_column_of_moments_is_the_time_of_a_table():
    points, _ = taken(Kind.LIGHTNING, b"step,time,loss\n1,1700000000,0.5\n2,0.25,0.5\n")
    assert [(point.metric, point.time) for point in points] == [("loss", 1700000000.0), ("time", None), ("loss", None)]


def test_seconds_so_far_give_the_same_times_whether_watched_or_read_in_the_end():
    rows = [f"{epoch},{5 * epoch if epoch < 4 else 5 * epoch - 18},0.5\n".encode() for epoch in range(1, 8)]
    data = b"epoch,time,train/loss\n" + b"".join(rows)  # the fourth went on in another process
    ends = [len(data) - len(b"".join(rows[number:])) for number in range(1, 8)]
    total = dict(zip(ends, [5, 10, 15, 17, 22, 27, 32], strict=True))
    watched, _ = taken_in_pieces(Kind.ULTRALYTICS, data, ends, lambda seen: MTIME + total[len(seen)])
    whole, _ = taken(Kind.ULTRALYTICS, data, MTIME + 32)
    assert [point.time - MTIME for point in whole] == list(total.values())
    assert watched == whole


def test_a_file_that_shrank_and_one_with_other_bytes_before_the_place_are_others():
    data = b"epoch,loss\n" + b"".join(b"%d,0.5\n" % epoch for epoch in range(2000))
    _, reader = taken(Kind.KERAS, data)
    head, anchor = data[: reader.marks.head_bytes], data[-reader.marks.anchor_bytes :]
    assert reader.is_same(head, anchor)
    assert not reader.is_same(head, anchor[:-1])
    assert not reader.is_same(head, b"")
    assert not reader.is_same(head, b"x" + anchor[1:])
    assert not reader.is_same(head[:-1], anchor)


def test_a_header_longer_than_most_is_compared_to_its_end():
    header = b"epoch," + b",".join(b"metric_%d_loss" % number for number in range(1000)) + b"\n"
    reader = LineLog(Kind.KERAS)
    reader.take(header + b"0" + b",0.5" * 1000 + b"\n", MTIME)
    assert reader.marks.head_bytes == len(header)


def test_the_first_bytes_that_are_compared_are_the_files_first_however_it_came():
    data = b"#" * 5000 + b"\n" + b"epoch," + b"metric_loss," * 1000 + b"x\n"
    reader = LineLog(Kind.KERAS)
    for piece in (data[:5001], data[5001:] + b"0," + b"0.5," * 1000 + b"1\n"):
        reader.take(piece, MTIME)
    marks = reader.marks
    whole = data + b"0," + b"0.5," * 1000 + b"1\n"
    assert reader.is_same(whole[: marks.head_bytes], whole[-marks.anchor_bytes :])


def test_a_name_that_is_too_long_is_left_out():
    assert read(Kind.JSON_LINES, b'{"step": 1, "%s": 1, "a": 2}' % (b"x" * 600)) == (
        [("a", 1, 2.0)],
        {"too-long-name": 1},
    )


@pytest.mark.parametrize("change", [{"kind": "x"}, {"rows": None}, {"head": [1]}, {"anchor": "x"}, {"step": "x"}])
def test_a_state_that_is_none_is_refused(change):
    state = taken(Kind.KERAS, b"epoch,loss\n0,0.5\n")[1].to_json()
    with pytest.raises((KeyError, TypeError, ValueError)):
        LineLog.from_json({**state, **change})
