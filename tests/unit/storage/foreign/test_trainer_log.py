"""A Trainer's state is written as a whole: what is new is told apart, and another history is told as another."""

import json

from tests.support.foreign_logs import MTIME

from runicorn.storage.foreign.readers import reader_from_json
from runicorn.storage.foreign.taken import Outcome
from runicorn.storage.foreign.trainer_log import TrainerLog, newest_state


def state(*losses, start=0):
    history = [{"step": start + number, "loss": loss} for number, loss in enumerate(losses)]
    return json.dumps({"global_step": 5, "log_history": history}, indent=2).encode()


def test_only_new_entries_are_given():
    reader = TrainerLog()
    reader.take(state(0.5, 0.25), MTIME)
    reader = reader_from_json(json.loads(json.dumps(reader.to_json())))
    assert [tuple(point) for point in reader.take(state(0.5, 0.25, 0.125), MTIME).points] == [
        ("train/loss", 2, None, 0.125)
    ]
    assert list(reader.take(state(0.5, 0.25, 0.125), MTIME).points) == []


def test_another_history_and_a_shorter_one_are_others_and_change_nothing():
    reader = TrainerLog()
    reader.take(state(0.5, 0.25), MTIME)
    before = reader.to_json()
    assert reader.take(state(0.5, 0.75, 0.125), MTIME).outcome is Outcome.ANOTHER
    assert reader.take(state(0.5), MTIME).outcome is Outcome.ANOTHER
    assert reader.to_json() == before


def test_what_is_no_state_yet_waits():
    for data in (b"", b"{", b"[]", b"{}", b'{"log_history": 5}'):
        assert TrainerLog().take(data, MTIME).outcome is Outcome.WAITS


def test_values_that_are_not_numbers_and_damaged_entries_are_left_out():
    reader = TrainerLog()
    history = [{"step": 3, "loss": float("nan"), "note": "x"}, 5, {"eval_loss": 1, "test_": 2}]
    points = reader.take(json.dumps({"log_history": history}).encode(), MTIME).points
    assert [(point.metric, point.step, repr(point.value)) for point in points] == [
        ("train/loss", 3, "nan"),
        ("eval/loss", 3, "1.0"),
        ("train/test_", 3, "2.0"),
    ]
    assert reader.warnings == {"damaged-entry": 1}


def test_the_state_that_was_written_last_is_the_log():
    names = "trainer_state.json", "checkpoint-1000/trainer_state.json", "checkpoint-500/trainer_state.json"
    assert newest_state(dict(zip(names, (1.0, 1.0, 2.0), strict=True))) == names[2]
    assert newest_state(dict.fromkeys(names, 1.0)) == names[0]
    assert newest_state(dict.fromkeys(names[1:], 1.0)) == names[1]
    assert newest_state({}) is None
