"""What the tools themselves wrote is recognised, and read as Python's own csv and json read it."""

import csv
import io
import json

import pytest
from tests.support.foreign_logs import LINE_LOGS, LOGS, MTIME, comparable, log, taken, taken_in_pieces

from runicorn.storage.foreign.kinds import Kind
from runicorn.storage.foreign.readers import new_reader
from runicorn.storage.foreign.recognition import candidates, kind_of
from runicorn.storage.foreign.taken import Outcome


def recognised(folder):
    """Kinds by name of the logs in a folder of tests/data/foreign."""
    here = LOGS / folder
    names = [path.name for path in here.iterdir()]
    found = {each.path: kind_of(each, (here / each.path).read_bytes()) for each in candidates(names, here.name)}
    return {path: kind for path, kind in found.items() if kind}


def numbers(row, *but):
    """Metric and number of each cell that holds one."""
    found = []
    for name, cell in row.items():
        try:
            found.append((name, repr(float(cell))))
        except ValueError:
            continue
    return [each for each in found if each[0] not in but]


@pytest.mark.parametrize(
    ("folder", "logs"),
    [
        ("lightning/lightning_logs/version_0", {"metrics.csv": Kind.LIGHTNING}),
        ("keras", {"training.csv": Kind.KERAS, "semicolons.csv": Kind.KERAS}),
        ("ultralytics", {"results.csv": Kind.ULTRALYTICS}),
        ("mmengine", {"scalars.json": Kind.JSON_LINES}),
    ],
)
def test_a_tools_log_is_recognised_and_nothing_else_of_its_folder(folder, logs):
    assert recognised(folder) == logs


def test_of_what_stable_baselines_writes_twice_the_table_is_the_log():
    assert recognised("stable_baselines3")["progress.csv"] is Kind.STABLE_BASELINES
    assert "progress.json" not in recognised("stable_baselines3")


def test_a_trainers_run_is_its_output_folder_and_no_checkpoint():
    assert list(recognised("transformers/out")) == [
        "trainer_state.json",
        *(f"checkpoint-{number}/trainer_state.json" for number in (8, 16, 24)),
    ]
    assert recognised("transformers/out/checkpoint-8") == {}


@pytest.mark.parametrize(
    ("path", "separator", "step", "time"),
    [
        ("lightning/lightning_logs/version_0/metrics.csv", ",", "step", ""),
        ("keras/training.csv", ",", "epoch", ""),
        ("keras/semicolons.csv", ";", "epoch", ""),
        ("ultralytics/results.csv", ",", "epoch", "time"),
        ("stable_baselines3/progress.csv", ",", "time/total_timesteps", ""),
    ],
)
def test_the_numbers_of_a_table_are_those_of_pythons_csv(path, separator, step, time):
    rows = csv.DictReader(io.StringIO(log(path).decode()), delimiter=separator)
    points, _ = taken(LINE_LOGS[path], log(path))
    expected = [(name, int(row[step]), value) for row in rows for name, value in numbers(row, step, time)]
    assert [(point.metric, point.step, repr(point.value)) for point in points] == expected
    assert expected


@pytest.mark.parametrize(
    ("path", "step"), [("mmengine/scalars.json", "step"), ("stable_baselines3/progress.json", "time/total_timesteps")]
)
def test_the_numbers_of_json_lines_are_those_of_pythons_json(path, step):
    rows = [json.loads(line) for line in log(path).splitlines()]
    points, _ = taken(Kind.JSON_LINES, log(path))
    expected = [(name, row[step], repr(float(row[name]))) for row in rows for name in row if name != step]
    assert [(point.metric, point.step, repr(point.value)) for point in points] == expected
    assert expected


def test_the_numbers_of_a_trainers_state_are_those_of_pythons_json():
    points, _ = taken(Kind.TRAINER, log("transformers/out/trainer_state.json"))
    entries = json.loads(log("transformers/out/trainer_state.json"))["log_history"]
    expected = [(entry["step"], repr(float(entry[name]))) for entry in entries for name in entry if name != "step"]
    assert [(point.step, repr(point.value)) for point in points] == expected
    assert {"train/loss", "eval/loss", "train/learning_rate"} <= {point.metric for point in points}


@pytest.mark.parametrize("path", LINE_LOGS)
def test_nothing_of_a_tools_log_is_left_out_but_texts(path):
    assert set(taken(LINE_LOGS[path], log(path))[1].warnings) <= {"text-cell"}


def test_seconds_so_far_are_dated_by_when_the_file_was_written():
    points, _ = taken(Kind.ULTRALYTICS, log("ultralytics/results.csv"))
    times = sorted({point.time for point in points})
    assert times == pytest.approx([MTIME - 5.81883 + 1.22541, MTIME - 5.81883 + 4.51918, MTIME])


def test_a_header_that_grew_makes_it_another_file_with_the_same_points_and_more():
    for before, after, kind in [
        ("lightning/metrics.before.csv", "lightning/lightning_logs/version_0/metrics.csv", Kind.LIGHTNING),
        ("stable_baselines3/progress.before.csv", "stable_baselines3/progress.csv", Kind.STABLE_BASELINES),
    ]:
        old, new = log(before), log(after)
        points, reader = taken(kind, old)
        marks = reader.marks
        at = reader.consumed_bytes
        assert reader.is_same(old[: marks.head_bytes], old[at - marks.anchor_bytes : at])
        assert not reader.is_same(new[: marks.head_bytes], new[at - marks.anchor_bytes : at])
        fresh = {(point.metric, point.step, point.value) for point in taken(kind, new)[0]}
        assert {(point.metric, point.step, point.value) for point in points} < fresh


def test_each_checkpoint_goes_on_from_the_one_before():
    reader = new_reader(Kind.TRAINER)
    points = []
    for number in (8, 16, 24):
        found = reader.take(log(f"transformers/out/checkpoint-{number}/trainer_state.json"), MTIME)
        assert found.outcome is Outcome.TAKEN
        points += found.points
    points += reader.take(log("transformers/out/trainer_state.json"), MTIME).points
    assert points == taken(Kind.TRAINER, log("transformers/out/trainer_state.json"))[0]


@pytest.mark.parametrize("path", LINE_LOGS)
def test_a_log_that_comes_byte_by_byte_gives_the_same_points(path):
    data = log(path)
    whole, _ = taken(LINE_LOGS[path], data)
    found, reader = taken_in_pieces(LINE_LOGS[path], data, range(len(data)))
    named = [(point.metric, point.step, repr(point.value)) for point in found]
    assert named == [each[:2] + each[3:] for each in comparable(whole)]
    assert reader.consumed_bytes == len(data)
